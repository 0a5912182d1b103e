import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problem } from "../../src/core/problems.ts";
import { codeOf, journalDamaged } from "../../src/store/faults.ts";
import { listMemberships } from "../../src/store/members.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { listUsers } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import {
  aGenesis,
  anOperation,
  aRoom,
  asUser,
  aUser,
  inviteCreate,
  openTestBus,
  roomCreate,
  rowsOf,
  tokenCreate,
} from "../harness/builders.ts";
import { count, recordProof } from "../harness/counts.ts";

/** A bus of some entries: applied and refused ones, rows made, changed and gone. */
async function aBus() {
  const bus = openTestBus();
  const [alice, bob] = [aUser(), aUser()];
  const room = aRoom();
  await bus.must({ kind: "user.seed", user: alice, name: "Alice \ufffd" });
  await bus.must({ kind: "user.add", user: bob, name: "Bob", role: "member" });
  await bus.must(roomCreate(room, { owner: alice }));
  await bus.must({ kind: "member.add", room, user: bob, role: "reader" });
  await bus.try({ kind: "user.seed", user: aUser(), name: null });
  await bus.must({ kind: "user.revoke", user: bob });
  const gone = await bus.addRoom(alice);
  await bus.must({ kind: "room.delete", room: gone });
  const signed = { signatureId: "s".repeat(64) };
  await bus.writePath.commit(anOperation({ kind: "user.restore", user: bob }, signed));
  await bus.writePath.commit(anOperation({ kind: "user.revoke", user: bob }, signed));
  const vault = roomCreate(aRoom(), { owner: alice, genesis: aGenesis() });
  await bus.must(vault, asUser(alice));
  await bus.must(tokenCreate(alice, { room }), asUser(alice));
  await bus.must(inviteCreate({ rooms: [{ room, role: "reader" }] }), asUser(alice));
  return bus;
}
const ENTRIES = 13;

/** What verifying says, or "whole". */
function verdict(store: Store): string {
  try {
    verifyJournal(store);
    return "whole";
  } catch (error) {
    if (error instanceof Problem && error.code === "journal-damaged") return error.detail;
    throw error;
  }
}

test("a journal that nobody touched is whole, after a restart too", async () => {
  using bus = await aBus();
  const { entries, chain } = verifyJournal(bus.store);
  expect(entries).toBe(ENTRIES);
  expect(chain).toMatch(/^[0-9a-f]{64}$/);
  using again = openStore({ path: bus.path, random: randomBytes });
  expect(verifyJournal(again)).toEqual({ entries, chain });
});

test.each([
  [
    "a trigger that undoes revocations",
    `CREATE TRIGGER undo AFTER UPDATE ON users BEGIN
       UPDATE users SET state = 'active' WHERE user = new.user; END`,
    'the trigger "undo"',
  ],
  ["a view", "CREATE VIEW everybody AS SELECT * FROM users", 'the view "everybody"'],
  ["a table", "CREATE TABLE more (a)", 'the table "more"'],
  ["no index of the names", "DROP INDEX members_by_user", "1 of its tables or indexes"],
])("a schema with %s is named, though every row is right", async (_what, sql, words) => {
  using bus = await aBus();
  bus.store.database.run(sql);
  using again = openStore({ path: bus.path, random: randomBytes });
  expect(verdict(again)).toContain(words);
});

test("what an operator has to do is said with the damage", () => {
  expect(journalDamaged("entry 17 is not what was written")).toMatchObject({
    code: "journal-damaged",
    detail:
      "Cannot trust the journal: entry 17 is not what was written; keep the damaged files and restore the last good backup, or, on a node of a cluster, take it from the others: unibus node reset",
  });
  expect(codeOf(new Error("why"))).toBe("why");
  expect(codeOf("why")).toBe("why");
});

describe("a changed byte names its entry", () => {
  test.each(["entry", "outcome", "changes", "chain"])(
    "in the column %s",
    async (column) => {
      using bus = await aBus();
      const { database } = bus.store;
      const cells = database
        .query<{ seq: number; bytes: Uint8Array }, []>(
          `SELECT seq, CAST(${column} AS BLOB) AS bytes FROM journal`,
        )
        .all();
      const type = column === "chain" ? "BLOB" : "TEXT";
      const write = database.query(
        `UPDATE journal SET ${column} = CAST($bytes AS ${type}) WHERE seq = $seq`,
      );
      const all = cells.flatMap(({ seq, bytes }) =>
        [...bytes.keys()].map((at) => ({ seq, bytes, at })),
      );
      const step = Math.max(1, Math.floor(all.length / count("byte-flips")));
      for (let index = 0; index < all.length; index += step) {
        const cell = all[index];
        if (!cell) break;
        const { seq, bytes, at } = cell;
        const changed = bytes.slice();
        changed[at] = (bytes[at] ?? 0) ^ (1 << (index % 8));
        write.run({ seq, bytes: changed });
        expect(`${seq}.${at} ${verdict(bus.store)}`).toContain(
          `${seq}.${at} Cannot trust the journal: entry ${seq} is not`,
        );
        write.run({ seq, bytes });
      }
      expect(verdict(bus.store)).toBe("whole");
      recordProof("byte-flips", { column, flips: Math.ceil(all.length / step), unnoticed: 0 });
    },
    120_000,
  );

  test("also where the damage is no text any more", async () => {
    using bus = await aBus();
    // Read as text, U+FFFD and this broken sequence are one character.
    bus.store.database.run(
      `UPDATE journal SET entry = CAST(replace(CAST(entry AS BLOB), x'efbfbd', x'f3bfbd') AS TEXT)
       WHERE seq = 1`,
    );
    expect(verdict(bus.store)).toContain("entry 1 is not what was written");
  });
});

describe("damage is named", () => {
  const damages: readonly (readonly [sql: string, words: string])[] = [
    ["DELETE FROM journal WHERE seq = 1", "entry 1 is missing"],
    ["DELETE FROM journal WHERE seq = 4", "entry 4 is missing"],
    [`DELETE FROM journal WHERE seq = ${ENTRIES}`, `entry ${ENTRIES} is missing`],
    ["DELETE FROM journal WHERE seq > 6", "entry 7 is missing"],
    ["DELETE FROM journal", "entry 1 is missing"],
    ["UPDATE journal SET seq = 99 WHERE seq = 5", "entry 5 is missing"],
    ["UPDATE journal SET seq = seq + 100 WHERE seq > 5", "entry 6 is missing"],
    ["UPDATE bus SET last_seq = 9", "entry 10 is newer than the journal's head"],
    [`UPDATE bus SET last_seq = ${ENTRIES + 1}`, `entry ${ENTRIES + 1} is missing`],
    ["UPDATE bus SET chain = zeroblob(32)", `head of the journal does not follow entry ${ENTRIES}`],
    ["UPDATE bus SET latest_at = 5", `the head of the journal does not follow entry ${ENTRIES}`],
    ["UPDATE bus SET generation = lower(hex(zeroblob(16)))", "entry 1 is not what was written"],
    ["UPDATE bus SET bus_id = lower(hex(zeroblob(16)))", "entry 1 is not what was written"],
    ["UPDATE bus SET bus_id = upper(hex(randomblob(16)))", "entry 1 is not what was written"],
    ["DELETE FROM bus", "the row that says which bus this is is gone"],
    ["UPDATE journal SET operation_id = 'x' WHERE seq = 3", "entry 3 is not what its columns say"],
    ["UPDATE journal SET signature_id = NULL", "entry 9 is not what its columns say"],
    [
      "UPDATE journal SET signature_id = 'x' WHERE seq = 10",
      "entry 10 is not what its columns say",
    ],
    ["UPDATE journal SET at = 0 WHERE seq = 2", "entry 2 is not what its columns say"],
    ["UPDATE users SET role = 'admin' WHERE name = 'Bob'", "is not what entry 9 made it"],
    ["UPDATE users SET state = 'revoked' WHERE name = 'Bob'", "is not what entry 9 made it"],
    ["UPDATE users SET name = 'Mallory' WHERE name = 'Bob'", "is not what entry 9 made it"],
    ["UPDATE users SET name_key = 'alice'  WHERE name = 'Bob'", "is not what entry 9 made it"],
    ["UPDATE rooms SET shard = '5' WHERE content = 'plain'", "is not what entry 3 made it"],
    ["UPDATE rooms SET content = 'plain'", "is not what entry 11 made it"],
    ["UPDATE members SET role = 'owner'", "is not what entry 4 made it"],
    ["UPDATE geneses SET record = 'AA'", "of geneses is not what entry 11 made it"],
    ["DELETE FROM geneses", "of geneses that entry 11 made is gone"],
    ["UPDATE tokens SET room = NULL", "of tokens is not what entry 12 made it"],
    ["UPDATE tokens SET scope = 'admin'", "of tokens is not what entry 12 made it"],
    [`UPDATE tokens SET hash = '${"f".repeat(64)}'`, "of tokens is not what entry 12 made it"],
    ["UPDATE tokens SET expires_at = 9999999999999", "of tokens is not what entry 12 made it"],
    ["UPDATE invites SET role = 'admin'", "of invites is not what entry 13 made it"],
    ["UPDATE invites SET rooms = '[]'", "of invites is not what entry 13 made it"],
    ["UPDATE invites SET redeemed_by = (SELECT user FROM users)", "is not what entry 13 made it"],
    ["DELETE FROM invites", "of invites that entry 13 made is gone"],
    ["DELETE FROM members WHERE role = 'reader'", "of members that entry 4 made is gone"],
    [
      `INSERT INTO users VALUES
       ('${aUser()}', NULL, NULL, 'admin', 'active', 'all', 0, 0, NULL, 1)`,
      "no entry made the row",
    ],
  ];
  test.each(damages)("%s", async (sql, words) => {
    using bus = await aBus();
    bus.store.database.run(sql);
    expect(verdict(bus.store)).toContain(words);
  });
});

test("an index that says something else than its table is damage: rights are read from one", async () => {
  using bus = await aBus();
  bus.store[Symbol.dispose]();
  // Cells of the index (user, state, room); the table has its columns in another order.
  const cells = /(U[A-Z2-7]{55})active(?=[a-z2-7]{26})/g;
  const file = readFileSync(bus.path).toString("latin1").replaceAll(cells, "$1actiwe");
  writeFileSync(bus.path, file, "latin1");
  using damaged = openStore({ path: bus.path, random: randomBytes });
  expect(verdict(damaged)).toMatch(/SQLite finds "row . missing from index members_by_user"/);
});

test("a byte changed in the file is noticed, or changes nothing that anybody reads", async () => {
  using bus = await aBus();
  const seen = contentOf(bus.store);
  bus.store[Symbol.dispose]();
  const folder = mkdtempSync(join(tmpdir(), "unibus-store-"));
  const path = join(folder, "unibus.db");
  const whole = readFileSync(bus.path);
  let noticed = 0;
  for (let flip = 0; flip < count("file-flips"); flip++) {
    const at = randomBytes(4).readUInt32BE() % whole.length;
    const bytes = Buffer.from(whole);
    bytes[at] = (whole[at] ?? 0) ^ (1 << (flip % 8));
    rmSync(path, { force: true });
    writeFileSync(path, bytes);
    const said = openAndVerify(path);
    if (typeof said === "string") expect([at, flip % 8, said]).toEqual([at, flip % 8, seen]);
    else noticed += 1;
  }
  rmSync(folder, { recursive: true });
  recordProof("file-flips", { flips: count("file-flips"), noticed, misread: 0 });
  expect(noticed).toBeGreaterThan(0);
}, 120_000);

/** What is in a store, or the problem that opening or verifying it met. */
function openAndVerify(path: string): string | Problem {
  try {
    using store = openStore({ path, random: randomBytes });
    verifyJournal(store);
    return contentOf(store);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

function contentOf(store: Store): string {
  const users = listUsers(store, { limit: 100 }).map(({ user }) => user);
  return JSON.stringify([
    rowsOf(store),
    users.map((user) => listMemberships(store, user, { plainRooms: true })),
  ]);
}
