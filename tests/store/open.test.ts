import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problem } from "../../src/core/problems.ts";
import { getBus } from "../../src/store/journal.ts";
import { USERS_ROOMS_MEMBERS } from "../../src/store/migrations/0001-users-rooms-members.ts";
import { openStore, openStoreForReading } from "../../src/store/open.ts";
import { listUsers } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { asUser, aUser, inviteCreate, openTestBus, tokenCreate } from "../harness/builders.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unibus-store-"));
  path = join(folder, "unibus.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open() {
  return openStore({ path, random: randomBytes });
}

/** The problem that opening meets. */
function problemOf(action: () => Disposable): Problem {
  try {
    action()[Symbol.dispose]();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("It was opened");
}

function modes(): Record<string, string> {
  const files = readdirSync(folder).sort();
  return Object.fromEntries(
    files.map((file) => [file, (statSync(join(folder, file)).mode & 0o777).toString(8)]),
  );
}

describe("the database and SQLite's files beside it", () => {
  const PRIVATE = { "unibus.db": "600", "unibus.db-shm": "600", "unibus.db-wal": "600" };

  test("are readable by their owner alone, whatever the umask, which stays as it was", () => {
    const before = process.umask(0);
    try {
      using _store = open();
      expect(modes()).toEqual(PRIVATE);
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
  });

  test("are taken from others when a backup was put back with wide rights", () => {
    open()[Symbol.dispose]();
    chmodSync(path, 0o644);
    using _store = open();
    expect(modes()).toEqual(PRIVATE);
  });

  test("shrink to one file when the store is closed", () => {
    open()[Symbol.dispose]();
    expect(modes()).toEqual({ "unibus.db": "600" });
  });
});

test.each([":memory:", "file:bus.db?mode=memory"])(
  "a path that SQLite has another meaning for, %s, is a file",
  (name) => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      openStore({ path: name, random: randomBytes })[Symbol.dispose]();
      using _again = openStoreForReading({ path: name });
      expect(statSync(join(folder, name)).size).toBeGreaterThan(0);
    } finally {
      process.chdir(before);
    }
  },
);

test("a commit is on disk before it is answered: WAL with full synchronisation", () => {
  using store = open();
  const pragma = (name: string) =>
    Object.values(
      store.database.query<Record<string, unknown>, []>(`PRAGMA ${name}`).get() ?? {},
    )[0];
  expect(pragma("journal_mode")).toBe("wal");
  expect(pragma("synchronous")).toBe(2);
  expect(pragma("foreign_keys")).toBe(1);
  expect(pragma("busy_timeout")).toBeGreaterThan(0);
});

test("a bus gets its id and generation once, and keeps them", () => {
  let asked = 0;
  const random = (sizeBytes: number) => new Uint8Array(sizeBytes).fill(++asked);
  using first = openStore({ path, random });
  const bus = getBus(first);
  expect(bus).toMatchObject({ busId: "01".repeat(16), generation: "02".repeat(16), lastSeq: 0 });
  first[Symbol.dispose]();
  using second = openStore({ path, random });
  expect(getBus(second)).toEqual(bus);
  expect(asked).toBe(2);
  expect(verifyJournal(second).entries).toBe(0);
});

describe("a store for reading", () => {
  test("sees what was committed and writes nothing", async () => {
    using bus = openTestBus();
    using reading = openStoreForReading({ path: bus.path });
    const user = await bus.addUser();
    expect(listUsers(reading, { limit: 10 }).map((record) => record.user)).toEqual([user]);
    expect(() => reading.database.run("DELETE FROM users")).toThrow("readonly");
  });

  test("makes no database where there is none", () => {
    expect(problemOf(() => openStoreForReading({ path })).code).toBe("start-failed");
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a database that is not ours to use", () => {
  test("of a newer unibus is left as it is", () => {
    open()[Symbol.dispose]();
    const newer = new Database(path);
    newer.run("PRAGMA user_version = 99");
    newer.close();
    const before = readFileSync(path);
    const problem = problemOf(open);
    expect(problem.code).toBe("schema-too-new");
    expect(problem.detail).toContain("version 99");
    expect(readFileSync(path)).toEqual(before);
    expect(problemOf(() => openStoreForReading({ path })).code).toBe("schema-too-new");
  });

  test("whose rules are newer is refused", () => {
    const store = open();
    store.database.run("UPDATE bus SET format = 99");
    store[Symbol.dispose]();
    expect(problemOf(open)).toMatchObject({
      code: "level-too-old",
      detail: expect.stringMatching(/level 99 .* start a newer unibus here$/),
    });
  });

  test.each([0, 3])("of another program (user_version %p) is left as it is", (version) => {
    const other = new Database(path);
    other.run("CREATE TABLE users (pubkey TEXT)");
    other.run(`PRAGMA user_version = ${version}`);
    other.close();
    const before = readFileSync(path);
    expect(problemOf(open)).toMatchObject({
      code: "start-failed",
      detail: expect.stringContaining("another program"),
    });
    expect(readFileSync(path)).toEqual(before);
  });

  test("keeps the rights that its owner gave it", () => {
    const other = new Database(path);
    other.run("CREATE TABLE users (pubkey TEXT)");
    other.close();
    chmodSync(path, 0o640);
    expect(problemOf(open).code).toBe("start-failed");
    writeFileSync(join(folder, "text"), "not a database, but quite long enough".repeat(100));
    chmodSync(join(folder, "text"), 0o644);
    const text = { path: join(folder, "text"), random: randomBytes };
    expect(problemOf(() => openStore(text)).code).toBe("journal-damaged");
    expect(modes()).toEqual({ text: "644", "unibus.db": "640" });
  });

  test("that is a folder is left as it is: a slip with --db closes no folder to others", () => {
    mkdirSync(path, { mode: 0o755 });
    expect(problemOf(open)).toMatchObject({
      code: "start-failed",
      detail: expect.stringContaining("is no file"),
    });
    expect(modes()).toEqual({ "unibus.db": "755" });
  });

  test("that is no database at all is called damaged", () => {
    writeFileSync(path, "not a database, but quite long enough to look at".repeat(100));
    expect(problemOf(open).code).toBe("journal-damaged");
  });

  test("in a folder that is none cannot be opened, and no folder is made", () => {
    const missing = join(folder, "missing", "unibus.db");
    expect(problemOf(() => openStore({ path: missing, random: randomBytes }))).toMatchObject({
      code: "start-failed",
      detail: expect.stringContaining("ENOENT"),
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a damaged value is refused by the schema itself", () => {
  test.each([
    "UPDATE users SET role = 'root'",
    "UPDATE users SET state = 'Active'",
    "UPDATE users SET accept = ''",
    "UPDATE rooms SET history = 'K'",
    "UPDATE rooms SET shard = '*'",
    "UPDATE rooms SET shard = 'ff'",
    "UPDATE rooms SET content = 'open'",
    "UPDATE geneses SET room = 'none'",
    "UPDATE tokens SET scope = 'root'",
    "UPDATE tokens SET user = 'nobody'",
    "UPDATE tokens SET hash = ''",
    "UPDATE tokens SET room = ''",
    "UPDATE tokens SET expires_at = 'never'",
    "UPDATE invites SET role = 'owner'",
    "UPDATE invites SET verifier = ''",
    "UPDATE invites SET redeemed_by = 'nobody'",
    "UPDATE members SET role = 'admin'",
    "UPDATE members SET state = 'revoked'",
    "UPDATE members SET room = 'none'",
    "DELETE FROM users",
    "UPDATE bus SET one = 2",
    "UPDATE bus SET chain = x'00'",
    "UPDATE journal SET at = 'now'",
  ])("%s", async (sql) => {
    using bus = openTestBus();
    const user = await bus.addUser();
    await bus.addRoom(user);
    await bus.addEncryptedRoom(user);
    await bus.must(tokenCreate(user), asUser(user));
    await bus.must(inviteCreate());
    expect(() => bus.store.database.run(sql)).toThrow(/constraint failed|cannot store/);
  });
});

test("the first migration is what it was when it first ran on somebody's data", () => {
  expect(createHash("sha256").update(USERS_ROOMS_MEMBERS).digest("hex")).toBe(
    "b68f1225ce3917817b815aaa88e7fffd86787ac63a6a1495c774e40cde6a2819",
  );
});

test("a store that was never closed is whole when it is opened again", async () => {
  using bus = openTestBus();
  const user = aUser();
  await bus.must({ kind: "user.add", user, name: null, role: "member" });
  using again = openStore({ path: bus.path, random: randomBytes });
  expect(listUsers(again, { limit: 10 })).toHaveLength(1);
});
