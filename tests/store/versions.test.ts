import { expect, test } from "bun:test";
import type { RoomRecord, UserRecord } from "../../src/core/records.ts";
import { roomVersion, userVersion } from "../../src/store/versions.ts";
import { aRoom, aUser } from "../harness/builders.ts";

const user: UserRecord = {
  ...{ user: aUser("alice"), name: "Alice", role: "member", state: "active" },
  ...{ accept: "from-admins", createdAt: 1, changedAt: 2 },
  ...{ successor: null, keyNumber: 1 },
};
const room: RoomRecord = {
  ...{ room: aRoom("lobby"), name: "lobby", history: "k", shard: "0", content: "plain" },
  ...{ createdAt: 1, createdBy: "operator" },
};

test("a version is 22 characters that fit a header, and the same on every node", () => {
  expect(userVersion(user)).toBe(userVersion({ ...user }));
  for (const version of [userVersion(user), roomVersion(room)]) {
    expect(version).toMatch(/^[A-Za-z0-9_-]{22}$/);
  }
});

test("every change of a record is another version", () => {
  const users: readonly Partial<UserRecord>[] = [
    {},
    { name: null },
    { role: "admin" },
    { state: "revoked" },
    { accept: "all" },
    { changedAt: 3 },
    { createdAt: 3 },
    { user: aUser("bob") },
  ];
  const versions = users.map((more) => userVersion({ ...user, ...more }));
  const rooms: readonly Partial<RoomRecord>[] = [{}, { name: "attic" }, { content: "encrypted" }];
  versions.push(...rooms.map((more) => roomVersion({ ...room, ...more })));
  expect(new Set(versions).size).toBe(users.length + rooms.length);
});

test("what else is known of a room, as a member's role, changes nothing", () => {
  const asMember = { ...room, role: "owner", state: "active" };
  expect(roomVersion(asMember)).toBe(roomVersion(room));
});
