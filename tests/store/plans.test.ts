// What a read costs must not follow how much a bus holds: no read walks through a whole table.
import type { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  countOpenInvites,
  findInvite,
  listExpiredInvites,
  listInvites,
} from "../../src/store/invites.ts";
import { findRecorded, isSignatureUsed } from "../../src/store/journal.ts";
import {
  countMembers,
  countRoomsOf,
  findMember,
  isLastOwner,
  listAllMembers,
  listMembers,
  listMemberships,
  listRoomsOf,
} from "../../src/store/members.ts";
import type { Store } from "../../src/store/open.ts";
import { findGenesis, findRoom, listRooms } from "../../src/store/rooms.ts";
import { findToken, listTokens } from "../../src/store/tokens.ts";
import {
  findUser,
  findUserByName,
  hasActiveAdmin,
  isLastAdmin,
  listUsers,
} from "../../src/store/users.ts";
import { anInvite, anOperationId, aRoom, aToken, aUser, openTestBus } from "../harness/builders.ts";

const [user, room, token, invite] = [aUser(), aRoom(), aToken(), anInvite()];
const page = { limit: 100 };

const READS: readonly (readonly [string, (store: Store) => unknown])[] = [
  ["findUser", (store) => findUser(store, user)],
  ["findUserByName", (store) => findUserByName(store, "Alice")],
  ["listUsers", (store) => listUsers(store, page)],
  ["hasActiveAdmin", (store) => hasActiveAdmin(store)],
  ["isLastAdmin", (store) => isLastAdmin(store, user)],
  ["findRoom", (store) => findRoom(store, room)],
  ["findGenesis", (store) => findGenesis(store, room)],
  ["listRooms of all", (store) => listRooms(store, page)],
  ["listRooms by name", (store) => listRooms(store, { ...page, name: "lobby" })],
  ["listRooms of a user", (store) => listRooms(store, { ...page, visibleTo: user })],
  [
    "listRooms of a user by name",
    (store) => listRooms(store, { ...page, visibleTo: user, name: "lobby", after: room }),
  ],
  ["listRooms of anonymous", (store) => listRooms(store, { ...page, createdBy: "anonymous" })],
  ["findMember", (store) => findMember(store, { room, user })],
  ["listMembers", (store) => listMembers(store, { room, ...page })],
  ["listAllMembers", (store) => listAllMembers(store, room)],
  ["listMemberships", (store) => listMemberships(store, user, { plainRooms: true })],
  ["listMemberships sealed", (store) => listMemberships(store, user, { plainRooms: false })],
  ["listRoomsOf", (store) => listRoomsOf(store, user)],
  ["countMembers", (store) => countMembers(store, room)],
  ["countRoomsOf", (store) => countRoomsOf(store, { user, state: "active" })],
  ["isLastOwner", (store) => isLastOwner(store, { room, user })],
  ["findToken", (store) => findToken(store, token)],
  ["listTokens", (store) => listTokens(store, { user, ...page })],
  ["findInvite", (store) => findInvite(store, invite)],
  ["listInvites", (store) => listInvites(store, page)],
  ["countOpenInvites", (store) => countOpenInvites(store, 0)],
  ["listExpiredInvites", (store) => listExpiredInvites(store, { until: 0, limit: 1 })],
  ["findRecorded", (store) => findRecorded(store, anOperationId())],
  ["isSignatureUsed", (store) => isSignatureUsed(store, "a".repeat(64))],
];

describe("a read finds by an index what it reads", () => {
  test.each(READS)("%s", (_, read) => {
    using bus = openTestBus();
    const asked: string[] = [];
    const listening = new Proxy(bus.store.database, {
      get: (database, name: keyof Database) => {
        if (name !== "query") return database[name];
        return (sql: string) => {
          asked.push(sql);
          return database.query(sql);
        };
      },
    });
    read({ database: listening, head: null, [Symbol.dispose]: () => {} });
    expect(asked.length).toBeGreaterThan(0);
    for (const sql of asked) {
      const plan = bus.store.database
        .query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => detail);
      expect(plan.length).toBeGreaterThan(0);
      expect(plan.filter((step) => step.startsWith("SCAN"))).toEqual([]);
    }
  });
});
