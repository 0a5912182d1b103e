// Tries src/core/level.ts and src/store/apply.ts: buses of every level, and the way from one to the next.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { renderOutcome } from "../../src/core/entry.ts";
import { LEVEL_NEWEST } from "../../src/core/level.ts";
import type { Operation } from "../../src/core/operations.ts";
import { raiseLoneBus } from "../../src/server/level.ts";
import { apply } from "../../src/store/apply.ts";
import { createBus } from "../../src/store/apply-bus.ts";
import { findEntry, getBus } from "../../src/store/journal.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { anOperation, anonymous, NOW, openTestBus } from "../harness/builders.ts";
import { nodeAnnounced, nodeJoined, nodeToken } from "../harness/node-builders.ts";

interface GoldenEntry {
  readonly operation: Operation;
  readonly outcome: object;
  readonly chain: string;
}

/** A journal as the last version before there were levels wrote it, 87b0382: never edited. */
function readGolden() {
  const path = join(import.meta.dir, "../golden/journal-level-1.jsonl");
  const [head = "", ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
  const bus = JSON.parse(head) as { busId: string; generation: string; entries: number };
  return { bus, entries: lines.map((line) => JSON.parse(line) as GoldenEntry) };
}

test("a journal of level 1 replays to the chain that it had before there were levels", () => {
  const { bus, entries } = readGolden();
  using replayed = openTestBus({ level: 1 });
  const { database } = replayed.store;
  database.run("DELETE FROM bus");
  createBus(database, { ...bus, level: 1 });
  for (const [at, { operation, outcome, chain }] of entries.entries()) {
    const seq = at + 1;
    const committed = apply(replayed.store, { seq, operation }, "numbered");
    if (committed.seq === seq)
      expect(renderOutcome(committed.outcome)).toBe(JSON.stringify(outcome));
    expect(findEntry(replayed.store, seq)?.chain.toHex()).toBe(chain);
  }
  expect(entries).toHaveLength(bus.entries);
  expect(bus.entries).toBeGreaterThan(150);
  expect(verifyJournal(replayed.store).entries).toBe(bus.entries);
});

describe("the level of a bus", () => {
  test("is the newest where it is new", () => {
    using bus = openTestBus();
    expect(getBus(bus.store)).toMatchObject({ level: LEVEL_NEWEST, firstLevel: LEVEL_NEWEST });
  });

  test("of a node on its own is raised by an entry for each step, once", async () => {
    using bus = openTestBus({ level: 1 });
    await bus.addUser();
    const parts = { store: bus.store, commit: bus.writePath.commit, now: () => NOW };
    await raiseLoneBus(parts);
    await raiseLoneBus(parts);
    expect(getBus(bus.store)).toMatchObject({ level: LEVEL_NEWEST, firstLevel: 1, lastSeq: 2 });
    expect(verifyJournal(bus.store).entries).toBe(2);
  });

  test("is raised by a node alone, to the next, and not back", async () => {
    using bus = openTestBus({ level: 1 });
    const admin = await bus.addUser("admin");
    expect(await bus.try({ kind: "bus.raise", level: 2 }, { kind: "user", user: admin })).toBe(
      "forbidden",
    );
    expect(await bus.try({ kind: "bus.raise", level: 2 }, anonymous)).toBe("forbidden");
    expect(await bus.try({ kind: "bus.raise", level: 1 })).toBe("level-conflict");
    expect(await bus.try({ kind: "bus.raise", level: 2 })).toBe("applied");
    expect(await bus.try({ kind: "bus.raise", level: 2 })).toBe("level-conflict");
    await expect(bus.try({ kind: "bus.raise", level: 0.5 })).rejects.toMatchObject({
      code: "request-invalid",
    });
  });

  test("is raised when every node that was not removed announced the next one", async () => {
    using bus = openTestBus({ level: 1 });
    const raise = () => bus.try({ kind: "bus.raise", level: 2 });
    await bus.must(nodeToken("one"));
    await bus.must(nodeAnnounced("n1", { format: 2 }));
    await bus.must(nodeAnnounced("n2", { format: 1 }));
    expect(await raise()).toBe("level-conflict");
    await bus.must(nodeAnnounced("n2", { format: 3 }));
    await bus.must(nodeJoined("one", { node: "n3" }));
    expect(await raise()).toBe("level-conflict");
    await bus.must(nodeAnnounced("n3", { format: 1 }));
    await bus.must({ kind: "node.removed", node: "n3" });
    expect(await raise()).toBe("applied");
  });

  test("beyond what this unibus knows stops it, and nothing of that entry is there", async () => {
    using bus = openTestBus();
    await bus.addUser();
    const before = getBus(bus.store);
    const operation = anOperation({ kind: "bus.raise", level: LEVEL_NEWEST + 1 });
    const late = () => apply(bus.store, { seq: before.lastSeq + 1, operation });
    expect(late).toThrow(expect.objectContaining({ code: "level-too-old" }));
    expect(getBus(bus.store)).toEqual(before);
    const unknown = {
      ...anOperation({ kind: "user.revoke", user: await bus.addUser() }),
      format: 9,
    };
    const entry = { seq: getBus(bus.store).lastSeq + 1, operation: unknown };
    expect(() => apply(bus.store, entry)).toThrow(/unibus .* knows levels up to .*, start a newer/);
  });

  test("that was changed by hand is found", () => {
    using bus = openTestBus();
    bus.store.database.run("UPDATE bus SET format = 1");
    expect(() => verifyJournal(bus.store)).toThrow("the head of the journal");
    bus.store.database.run("UPDATE bus SET format = 2, first_level = 1");
    expect(() => verifyJournal(bus.store)).toThrow("the head of the journal");
  });
});
