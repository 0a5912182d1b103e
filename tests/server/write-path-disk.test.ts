import { afterAll, describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { DISK_REFUSED_MS } from "../../src/core/limits.ts";
import type { Commit } from "../../src/core/operations.ts";
import { Problem } from "../../src/core/problems.ts";
import { watchDisk } from "../../src/server/disk.ts";
import { anOperation, aRoom, openTestBus } from "../harness/builders.ts";

const bus = openTestBus();
afterAll(() => bus[Symbol.dispose]());

/** A write path whose next commits end as a test says, and a clock that it sets. */
function aWritePath(folder = tmpdir()) {
  let now = 1_000;
  let fault: Problem | null = null;
  const commit: Commit = async () => {
    if (fault) throw fault;
    return { seq: 1, outcome: { status: "applied", effects: [] }, repeated: false };
  };
  const writePath = {
    ...{ commit, settled: async () => null },
    ...{ onApplied: () => undefined, stopped: () => null },
  };
  const ballast = { held: () => null, giveUp: () => false, make: () => undefined };
  const none = () => undefined;
  const log = { whole: () => false, make: none, [Symbol.dispose]: none };
  const room = { folder, log, ballast, [Symbol.dispose]: none };
  const watched = watchDisk(writePath, { store: bus.store, room, now: () => now });
  return {
    fault: watched.diskFault,
    async commit(problem: Problem | null) {
      fault = problem;
      return await watched.commit(anOperation({ kind: "room.delete", room: aRoom() })).then(
        () => "done",
        (error: unknown) => (error instanceof Problem ? error.code : "another error"),
      );
    },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

const full = new Problem("journal-unavailable", "Cannot record the operation: SQLITE_FULL");

describe("a disk", () => {
  test("with room is no reason not to be ready", () => {
    expect(aWritePath().fault()).toBeNull();
  });

  test("that refused an entry counts as full until it takes one", async () => {
    const path = aWritePath();
    expect(await path.commit(full)).toBe("journal-unavailable");
    expect(path.fault()).toBe("could not be written a moment ago");
    expect(await path.commit(null)).toBe("done");
    expect(path.fault()).toBeNull();
  });

  test("that refused an entry is given another chance, as nobody sends changes to a node that is not ready", async () => {
    const path = aWritePath();
    await path.commit(full);
    path.pass(DISK_REFUSED_MS);
    expect(path.fault()).toBeNull();
  });

  test("has nothing to do with what the rules refuse", async () => {
    const path = aWritePath();
    expect(await path.commit(new Problem("request-invalid", "Cannot"))).toBe("request-invalid");
    expect(path.fault()).toBeNull();
  });

  test("that cannot be looked at is not called full for that", () => {
    expect(aWritePath("/no/such/folder").fault()).toBeNull();
  });
});
