// Tries the migrations of src/store on databases as earlier versions left them.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry } from "../../src/core/entry.ts";
import { isUserId } from "../../src/core/nkey.ts";
import type { Operation } from "../../src/core/operations.ts";
import { openWritePath } from "../../src/server/write-path.ts";
import { apply } from "../../src/store/apply.ts";
import { getBus } from "../../src/store/journal.ts";
import { listAllMembers, listMemberships } from "../../src/store/members.ts";
import { TOKENS_INVITES_ENCRYPTED_ROOMS } from "../../src/store/migrations/0002-tokens-invites-encrypted-rooms.ts";
import { NUMBERED_REPEATS } from "../../src/store/migrations/0003-numbered-repeats.ts";
import { NODES } from "../../src/store/migrations/0004-nodes.ts";
import { NODE_REGISTRY } from "../../src/store/migrations/0005-node-registry.ts";
import { listNodes } from "../../src/store/nodes.ts";
import { openStore, readExpectedSchema, readSchema, type Store } from "../../src/store/open.ts";
import { findRoom, listRooms } from "../../src/store/rooms.ts";
import { listUsers } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import {
  aGenesis,
  anOperation,
  aRoom,
  asUser,
  aUser,
  codeOfOutcome,
  inviteCreate,
  inviteRedeem,
  keyReplacement,
  roomCreate,
  tokenCreate,
} from "../harness/builders.ts";
import { nodeJoined } from "../harness/node-builders.ts";
import { testKey } from "../harness/raw-nats.ts";

const GOLDEN = join(import.meta.dir, "../golden");
const dumps = readdirSync(GOLDEN).filter((name) => /^schema-\d+\.sql$/.test(name));
/** An active user of every dump. */
const alice = testKey(new Uint8Array(32).fill(2)).user;
if (!isUserId(alice)) throw new Error("A test key is a user's");

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unibus-migrate-"));
  path = join(folder, "unibus.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function layDown(dump: string): void {
  using database = new Database(path);
  database.run(readFileSync(join(GOLDEN, dump), "utf8"));
}

/** What a database holds, read with nothing of ours. */
function contentOf(tables: readonly string[]): readonly unknown[] {
  using database = new Database(path, { readonly: true });
  return tables.map((table) => database.query(`SELECT * FROM ${table} ORDER BY 1, 2`).values());
}

/** Reads every table of a database, by the columns that it has now, so that one may be added. */
function everyRow(): () => readonly unknown[] {
  using now = new Database(path, { readonly: true });
  const columns = now.query<{ tableName: string; names: string }, []>(
    `SELECT m.name AS tableName, group_concat(c.name) AS names
     FROM sqlite_schema m JOIN pragma_table_info(m.name) c
     WHERE m.type = 'table' GROUP BY m.name ORDER BY m.name`,
  );
  const queries = columns
    .all()
    .map(({ tableName, names }) => `SELECT ${names} FROM ${tableName} ORDER BY 1, 2`);
  return () => {
    using database = new Database(path, { readonly: true });
    return queries.map((sql) => [sql, database.query(sql).values()]);
  };
}

function entryOf({ database }: Store, seq: number): Entry {
  const row = database.query<{ entry: string }, [number]>(
    "SELECT entry FROM journal WHERE seq = ?",
  );
  return JSON.parse(row.get(seq)?.entry ?? "") as Entry; // Rendered from one.
}

function version(): unknown {
  using database = new Database(path, { readonly: true });
  return database.query("PRAGMA user_version").values();
}

describe.each(dumps)("a database of %s", (dump) => {
  test("opens with every row as it was, has the schema of today and verifies", () => {
    layDown(dump);
    const rows = everyRow();
    const before = rows();
    expect(before.length).toBeGreaterThanOrEqual(5);
    using store = openStore({ path, random: randomBytes });
    expect(rows()).toEqual(before);
    expect(readSchema(store.database)).toEqual(readExpectedSchema());
    expect(verifyJournal(store).entries).toBeGreaterThan(0);
    expect(store.database.query("PRAGMA foreign_key_check").all()).toEqual([]);
    expect(listUsers(store, { limit: 9 }).length).toBeGreaterThan(2);
    expect(listRooms(store, { name: "ops", limit: 9 })).toHaveLength(1);
  });

  test("guards its foreign keys afterwards, in the tables that were made anew too", () => {
    layDown(dump);
    using store = openStore({ path, random: randomBytes });
    const [room] = listRooms(store, { name: "ops", limit: 1 });
    expect(listAllMembers(store, room?.room ?? aRoom()).length).toBeGreaterThan(0);
    for (const sql of [
      `DELETE FROM rooms WHERE room = '${room?.room}'`,
      "DELETE FROM users",
      `INSERT INTO members VALUES ('${aRoom()}', '${alice}', 'owner', 'active', 0)`,
    ]) {
      expect(() => store.database.run(sql)).toThrow("FOREIGN KEY");
    }
  });

  test("goes on: with what every version knew, and with what this one knows", async () => {
    layDown(dump);
    {
      using store = openStore({ path, random: randomBytes });
      const { commit } = openWritePath(store);
      const at = getBus(store).latestAt;
      const must = async (change: Operation["change"], actor?: Operation["actor"]) => {
        const operation = anOperation(change, { at, ...(actor ? { actor } : {}) });
        expect(codeOfOutcome((await commit(operation)).outcome)).toBe("applied");
      };
      const [room, vault, newcomer] = [aRoom(), aRoom(), aUser()];
      await must(roomCreate(room), asUser(alice));
      await must(roomCreate(vault, { owner: alice, genesis: aGenesis("vault") }), asUser(alice));
      expect(findRoom(store, vault)?.content).toBe("encrypted");
      await must(tokenCreate(alice, { expiresAt: at + 1 }), asUser(alice));
      const invite = inviteCreate({ rooms: [{ room, role: "reader" }], expiresAt: at + 1 });
      await must(invite);
      await must(inviteRedeem(invite.invite, newcomer), asUser(newcomer));
      expect(listMemberships(store, newcomer, { plainRooms: true })).toHaveLength(1);
      await must(keyReplacement(alice, aUser()));
      await must({ kind: "room.delete", room });
    }
    using again = openStore({ path, random: randomBytes });
    expect(verifyJournal(again).entries).toBe(getBus(again).lastSeq);
  });
});

test("there is a dump of every schema before that of today", () => {
  using _ = openStore({ path, random: randomBytes });
  const [[today]] = version() as [[number]]; // One row of one number, as SQLite answers it.
  const wanted = Array.from({ length: today - 1 }, (_, at) => `schema-${at + 1}.sql`);
  expect([...dumps].sort()).toEqual(expect.arrayContaining(wanted));
});

describe("a database of a cluster", () => {
  test("of schema 3 knows its numbered repeats, and numbers those that come now", () => {
    layDown("schema-3.sql");
    using store = openStore({ path, random: randomBytes });
    const numbered = () =>
      store.database.query("SELECT count(*) FROM journal WHERE operation_id IS NULL").values();
    expect(numbered()).toEqual([[3]]);
    const { lastSeq } = getBus(store);
    const again = entryOf(store, 18);
    const committed = apply(store, { ...again, seq: lastSeq + 1 }, "numbered");
    expect(committed).toMatchObject({ seq: 18, repeated: true });
    expect(numbered()).toEqual([[4]]);
    expect(verifyJournal(store).entries).toBe(lastSeq + 1);
  });

  test("of schema 4 knows its nodes and their tokens: a used one stays used, and one that waits is used once", () => {
    layDown("schema-4.sql");
    using store = openStore({ path, random: randomBytes });
    expect(listNodes(store).map(({ node }) => node)).toEqual(["n3", "n5"]);
    const join = (label: string, node: string): string => {
      const operation = anOperation(nodeJoined(label, { node }), { at: getBus(store).latestAt });
      const seq = getBus(store).lastSeq + 1;
      return codeOfOutcome(apply(store, { seq, operation }, "numbered").outcome);
    };
    expect(join("spent", "n6")).toBe("node-token-used");
    expect(join("waits", "n3")).toBe("node-name-taken");
    expect(join("waits", "n6")).toBe("applied");
    expect(join("waits", "n7")).toBe("node-token-used");
    expect(verifyJournal(store).entries).toBe(getBus(store).lastSeq);
  });
});

describe("a migration that cannot be finished changes nothing", () => {
  test.each([
    ["rows that refer to none", "DELETE FROM rooms", "journal-damaged"],
    ["a table that is in the way", "CREATE TABLE rooms_anew (a)", "start-failed"],
    ["a table that is gone", "PRAGMA foreign_keys = OFF; DROP TABLE rooms", "start-failed"],
  ])("%s", (_, sql, code) => {
    layDown("schema-1.sql");
    {
      using database = new Database(path);
      database.run(sql);
    }
    const before = contentOf(["bus", "journal", "users", "members", "sqlite_schema"]);
    expect(() => openStore({ path, random: randomBytes })).toThrow(
      expect.objectContaining({ code }),
    );
    expect(version()).toEqual([[1]]);
    expect(contentOf(["bus", "journal", "users", "members", "sqlite_schema"])).toEqual(before);
  });
});

test.each([
  [
    "second",
    TOKENS_INVITES_ENCRYPTED_ROOMS,
    "ed64fe08b8a7b46072ffdb62da09e967157daebd4ba0d7f13253e97a3606e0ed",
  ],
  ["third", NUMBERED_REPEATS, "735ca6d2bbf586e35d4d9872df4960dc6f0d06b6ea1a2fd16d9eda56121011a5"],
  ["fourth", NODES, "49c04bde5ed5f4a016bed205e88b22422149b83518b39d298058fa035bc11282"],
  ["fifth", NODE_REGISTRY, "bcfb3b961b636e5882c2c410644d490e3e1d96f06897c1cfec5581380a751700"],
])("the %s migration is what it was when it first ran on somebody's data", (_, sql, digest) => {
  expect(createHash("sha256").update(sql).digest("hex")).toBe(digest);
});
