import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { acquireLock } from "../../src/system/lock.ts";
import { eventually } from "../harness/eventually.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const NAME = "unibus.lock";
const HOLDER = join(import.meta.dir, "../harness/hold-lock.ts");

function aFolder(name: string): string {
  const path = join(folder.path, name);
  mkdirSync(path);
  return path;
}

/** A process of its own that takes the lock; `kill` ends it as a crash would. */
async function holdElsewhere(path: string) {
  const child = Bun.spawn([process.execPath, HOLDER, path, NAME], { stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  return {
    said: new TextDecoder().decode(value).trim(),
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

describe("the lock of a folder", () => {
  test("is held by one at a time, in one process as well", () => {
    const path = aFolder("one");
    const lock = acquireLock(path, NAME);
    expect(lock).not.toBeNull();
    expect(acquireLock(path, NAME)).toBeNull();
    lock?.[Symbol.dispose]();
    using again = acquireLock(path, NAME);
    expect(again).not.toBeNull();
  });

  test("is one file, also while it is held: nothing else is left by a killed holder", async () => {
    const path = aFolder("file");
    const holder = await holdElsewhere(path);
    expect([holder.said, readdirSync(path)]).toEqual(["held", [NAME]]);
    await holder.kill();
    expect(readdirSync(path)).toEqual([NAME]);
  });

  test("is held against other processes", async () => {
    const path = aFolder("others");
    using lock = acquireLock(path, NAME);
    expect(lock).not.toBeNull();
    expect((await holdElsewhere(path)).said).toBe("busy");
  });

  test("is the same one through a symlink", async () => {
    const path = aFolder("real");
    const link = join(folder.path, "link");
    symlinkSync(path, link);
    const holder = await holdElsewhere(link);
    expect(holder.said).toBe("held");
    expect(acquireLock(path, NAME)).toBeNull();
    await holder.kill();
  });

  test("is free again when its holder was killed", async () => {
    const path = aFolder("killed");
    const holder = await holdElsewhere(path);
    expect(holder.said).toBe("held");
    expect(acquireLock(path, NAME)).toBeNull();
    await holder.kill();
    using lock = await eventually(() => acquireLock(path, NAME), { timeoutMs: 1_000 });
    expect(lock).not.toBeNull();
  });

  test("of one folder leaves another folder free", () => {
    using one = acquireLock(aFolder("left"), NAME);
    using other = acquireLock(aFolder("right"), NAME);
    expect(one).not.toBeNull();
    expect(other).not.toBeNull();
  });

  test("is a file that only its owner may open", () => {
    const path = aFolder("private");
    using lock = acquireLock(path, NAME);
    expect(lock).not.toBeNull();
    expect(statSync(join(path, NAME)).mode & 0o777).toBe(0o600);
  });

  test("of a missing folder is an error, not somebody else's lock", () => {
    expect(() => acquireLock(join(folder.path, "missing"), NAME)).toThrow();
  });
});
