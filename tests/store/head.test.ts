import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problem } from "../../src/core/problems.ts";
import { openWritePath, type WritePath } from "../../src/server/write-path.ts";
import { openNodeStore } from "../../src/store/head.ts";
import { headPath, openHeadFile } from "../../src/store/head-file.ts";
import { getBus } from "../../src/store/journal.ts";
import type { Store } from "../../src/store/open.ts";
import { anOperation, aUser } from "../harness/builders.ts";

const PAGE = 4096;
let folder = "";
let db = "";
let head = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unibus-head-"));
  db = join(folder, "unibus.db");
  head = headPath(db);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(): Store {
  return openNodeStore({ path: db, random: randomBytes, clustered: false });
}

async function addUsers(path: WritePath, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const change = { kind: "user.add", user: aUser(), name: null, role: "member" } as const;
    await path.commit(anOperation(change));
  }
}

/** Makes a bus, and keeps its files as they were after `before` entries of `before + after`. */
async function aRolledBackFolder(before: number, after: number): Promise<void> {
  {
    using store = open();
    await addUsers(openWritePath(store), before);
  }
  copyFileSync(db, `${db}.older`);
  {
    using store = open();
    await addUsers(openWritePath(store), after);
  }
  copyFileSync(`${db}.older`, db);
}

function lastOf(path: string): { readonly seq: number; readonly chain: string } | null {
  using file = openHeadFile(path);
  return file.last();
}

function problemOf(action: () => unknown): Problem {
  try {
    action();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("Nothing was refused");
}

describe("the file of the head", () => {
  test("is made with the first entry, is the owner's alone, and goes with every entry", async () => {
    using store = open();
    expect(existsSync(head)).toBe(false);
    const path = openWritePath(store);
    for (let seq = 1; seq <= 5; seq++) {
      await addUsers(path, 1);
      expect(lastOf(head)).toMatchObject({ seq, chain: getBus(store).chain.toHex() });
    }
    const { mode, size } = statSync(head);
    expect([mode & 0o777, size]).toEqual([0o600, 2 * PAGE]);
    await addUsers(path, 20);
    expect(statSync(head).size).toBe(2 * PAGE);
    expect(store.head?.fault()).toBeNull();
  });

  test("is not written for what is recorded already", async () => {
    using store = open();
    const path = openWritePath(store);
    const change = { kind: "user.add", user: aUser(), name: null, role: "member" } as const;
    const operation = anOperation(change);
    await path.commit(operation);
    const before = readFileSync(head);
    await path.commit(operation);
    expect(readFileSync(head)).toEqual(before);
  });

  test.each([0, 1])("keeps the other record when record %d is torn", async (slot) => {
    {
      using store = open();
      await addUsers(openWritePath(store), 4);
    }
    const bytes = readFileSync(head);
    bytes.fill(0, slot * PAGE + 100, slot * PAGE + 300);
    writeFileSync(head, bytes);
    expect([3, 4]).toContain(lastOf(head)?.seq ?? 0);
    using store = open();
    expect(getBus(store).lastSeq).toBe(4);
    await addUsers(openWritePath(store), 1);
    expect(lastOf(head)?.seq).toBe(5);
  });

  test("that is later than the database takes nothing from it, and is brought up to date", async () => {
    {
      using store = open();
      await addUsers(openWritePath(store), 2);
    }
    copyFileSync(head, `${head}.older`);
    {
      using store = open();
      await addUsers(openWritePath(store), 2);
    }
    copyFileSync(`${head}.older`, head);
    using store = open();
    store.head?.keep();
    expect(lastOf(head)?.seq).toBe(4);
  });

  test("is missing in a folder of an earlier version, and made there", async () => {
    {
      using store = open();
      await addUsers(openWritePath(store), 2);
    }
    rmSync(head);
    using store = open();
    expect(store.head?.isNew()).toBe(true);
    store.head?.keep();
    expect(lastOf(head)?.seq).toBe(2);
  });

  test("whose disk takes nothing stops no entry, and says so until it is written again", async () => {
    using store = open();
    mkdirSync(head);
    const path = openWritePath(store);
    await addUsers(path, 1);
    expect(getBus(store).lastSeq).toBe(1);
    expect(store.head?.fault()).toContain("EISDIR");
    rmSync(head, { recursive: true });
    await addUsers(path, 1);
    expect([store.head?.fault(), lastOf(head)?.seq]).toEqual([null, 2]);
  });

  test.each<readonly [string, () => void]>([
    ["both records torn", () => writeFileSync(head, Buffer.alloc(2 * PAGE))],
    ["another size", () => truncateSync(head, PAGE)],
    ["no bytes", () => truncateSync(head, 0)],
    ["a folder in its place", () => [rmSync(head), mkdirSync(head)]],
    ["a link in its place", () => [rmSync(head), symlinkSync("/dev/zero", head)]],
    ["a pipe in its place", () => [rmSync(head), Bun.spawnSync(["mkfifo", head])]],
  ])("with %s is damage, and nothing is opened", async (_what, spoil) => {
    {
      using store = open();
      await addUsers(openWritePath(store), 2);
    }
    spoil();
    const before = readFileSync(db);
    const problem = problemOf(open);
    expect([problem.code, problem.detail.includes(head)]).toEqual(["journal-damaged", true]);
    expect(readFileSync(db)).toEqual(before);
  });

  test("with any one byte flipped never names an entry that was not", async () => {
    {
      using store = open();
      await addUsers(openWritePath(store), 3);
    }
    const whole = readFileSync(head);
    for (let at = 0; at < 2 * PAGE; at += at % PAGE < 512 ? 1 : 97) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(head, bytes);
      expect([2, 3]).toContain(lastOf(head)?.seq ?? 0);
    }
  });
});

describe("a database that is behind its head", () => {
  test("is refused, by one line that says how far both go and how to go on, and stays as it is", async () => {
    await aRolledBackFolder(3, 4);
    const before = readFileSync(db);
    const { code, detail } = problemOf(open);
    expect(code).toBe("journal-rolled-back");
    expect(detail).toContain("ends at entry 3, and entry 7");
    expect(detail).toContain(`remove "${head}"`);
    expect(detail).not.toContain("\n");
    expect(readFileSync(db)).toEqual(before);
    expect(problemOf(open).code).toBe("journal-rolled-back");
  });

  test("is opened when the file is removed: the operator takes the loss", async () => {
    await aRolledBackFolder(3, 4);
    rmSync(head);
    using store = open();
    expect(getBus(store).lastSeq).toBe(3);
    await addUsers(openWritePath(store), 1);
    expect(lastOf(head)?.seq).toBe(4);
  });

  test("is refused with as many other entries in place of those that were", async () => {
    await aRolledBackFolder(3, 2);
    rmSync(head);
    copyFileSync(db, `${db}.kept`);
    let recorded = Buffer.alloc(0);
    {
      using store = open();
      await addUsers(openWritePath(store), 2);
      recorded = readFileSync(head);
    }
    copyFileSync(`${db}.kept`, db);
    rmSync(head);
    {
      using store = open();
      // As far, and further: the history is another one.
      await addUsers(openWritePath(store), 2);
      writeFileSync(head, recorded);
    }
    expect(problemOf(open).detail).toContain("entry 5 of the database is another one");
    const now = readFileSync(head);
    rmSync(head);
    {
      using store = open();
      await addUsers(openWritePath(store), 3);
    }
    writeFileSync(head, now);
    expect(problemOf(open).code).toBe("journal-rolled-back");
  });

  test.each<readonly [string, (path: string) => void, string]>([
    ["gone", (path) => rmSync(path), "is gone"],
    ["empty", (path) => writeFileSync(path, ""), "is empty"],
    [
      "of another bus",
      (path) => {
        rmSync(path);
        rmSync(`${path}-head`);
        using store = openNodeStore({ path, random: randomBytes, clustered: false });
        getBus(store);
      },
      "is of another bus",
    ],
  ])("is refused, and no bus is made, where it is %s", async (_what, spoil, words) => {
    await aRolledBackFolder(3, 1);
    const kept = readFileSync(head);
    spoil(db);
    writeFileSync(head, kept);
    const { code, detail } = problemOf(open);
    expect([code, detail.includes(words)]).toEqual(["journal-rolled-back", true]);
  });

  test("is refused in a cluster too where it forgot that it was in one", async () => {
    await aRolledBackFolder(3, 4);
    const clustered = () => openNodeStore({ path: db, random: null, clustered: true });
    expect(problemOf(clustered).code).toBe("journal-rolled-back");
  });
});

test("a log of SQLite's that is cut loses entries, and is refused although the database is whole", async () => {
  {
    using store = open();
    await addUsers(openWritePath(store), 10);
    // As after a kill: nothing was moved out of the log yet.
    for (const file of [db, `${db}-wal`, head]) copyFileSync(file, `${file}.killed`);
  }
  const size = statSync(`${db}-wal.killed`).size;
  for (const cut of [0, 32, 5_000, Math.floor(size / 2), size - 1]) {
    for (const file of [db, `${db}-wal`, head]) copyFileSync(`${file}.killed`, file);
    truncateSync(`${db}-wal`, cut);
    expect([cut, problemOf(open).code]).toEqual([cut, "journal-rolled-back"]);
    // What is left of it stays, for whoever can make something of it.
    expect(statSync(`${db}-wal`).size).toBe(cut);
  }
  for (const file of [db, `${db}-wal`, head]) copyFileSync(`${file}.killed`, file);
  using store = open();
  expect(getBus(store).lastSeq).toBe(10);
  expect(new Database(db, { readonly: true }).query("PRAGMA integrity_check").get()).toEqual({
    integrity_check: "ok",
  });
});
