import { describe, expect, test } from "bun:test";
import {
  MEMBERS_PER_ROOM_MAX,
  PENDING_PER_USER_MAX,
  ROOMS_PER_USER_MAX,
} from "../../src/core/limits.ts";
import { countMembers, countRoomsOf, listMemberships } from "../../src/store/members.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { aRoom, asUser, openTestBus, roomCreate } from "../harness/builders.ts";

describe("a user in as many rooms as a user may be in", () => {
  test("gets no more: not by making, adding or accepting one; leaving one makes room", async () => {
    using bus = openTestBus();
    const [user, other] = [await bus.addUser(), await bus.addUser()];
    const waiting = await bus.addRoom(other);
    await bus.must({ kind: "member.add", room: waiting, user, role: "member" }, asUser(other));
    const rooms = Array.from({ length: ROOMS_PER_USER_MAX }, () => aRoom());
    for (const room of rooms) await bus.must(roomCreate(room, { owner: user }));
    const [shared = aRoom()] = rooms;
    await bus.must({ kind: "member.add", room: shared, user: other, role: "owner" });
    const before = bus.rows();
    const another = await bus.addRoom(other);
    const add = { kind: "member.add", room: another, user, role: "member" } as const;
    const accept = { kind: "member.accept", room: waiting, user } as const;
    expect(await bus.try(roomCreate(aRoom()), asUser(user))).toBe("rooms-full");
    expect(await bus.try(roomCreate(aRoom(), { owner: user }))).toBe("rooms-full");
    expect(await bus.try(add)).toBe("rooms-full");
    expect(await bus.try(add, asUser(other))).toBe("rooms-full");
    expect(await bus.try(accept, asUser(user))).toBe("rooms-full");
    await bus.must({ kind: "room.delete", room: another });
    expect(bus.rows()).toBe(before);
    expect(listMemberships(bus.store, user, { plainRooms: true })).toHaveLength(ROOMS_PER_USER_MAX);
    await bus.must({ kind: "member.remove", room: shared, user }, asUser(user));
    expect(await bus.try(accept, asUser(user))).toBe("applied");
    expect(verifyJournal(bus.store).entries).toBeGreaterThan(ROOMS_PER_USER_MAX);
  });
});

test("strangers cannot fill a user's list beyond what may wait; whoever declines has place again", async () => {
  using bus = openTestBus();
  const [user, stranger] = [await bus.addUser(), await bus.addUser()];
  const add = async () => {
    const room = await bus.addRoom(stranger);
    const change = { kind: "member.add", room, user, role: "member" } as const;
    return { room, code: await bus.try(change, asUser(stranger)) };
  };
  const first = await add();
  for (let waiting = 1; waiting < PENDING_PER_USER_MAX; waiting++) {
    expect((await add()).code).toBe("applied");
  }
  expect((await add()).code).toBe("pending-full");
  expect(countRoomsOf(bus.store, { user, state: "pending" })).toBe(PENDING_PER_USER_MAX);
  expect(listMemberships(bus.store, user, { plainRooms: true })).toEqual([]);
  await bus.must({ kind: "member.remove", room: first.room, user }, asUser(user));
  expect((await add()).code).toBe("applied");
});

test("a full room refuses the next member, and deleting it tells every one", async () => {
  using bus = openTestBus();
  const room = await bus.addRoom(await bus.addUser());
  // Rows as entries would make them; ten thousand entries would try nothing more.
  bus.store.database.run(`
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MEMBERS_PER_ROOM_MAX - 2})
    INSERT INTO users SELECT printf('U%055d', i), NULL, NULL, 'member', 'active', 'all', 0, 0, NULL, 1 FROM n`);
  bus.store.database.run(`
    INSERT INTO members SELECT '${room}', user, 'member', 'active', 0 FROM users WHERE accept = 'all'`);
  const add = async () =>
    bus.try({ kind: "member.add", room, user: await bus.addUser(), role: "reader" });
  expect(await add()).toBe("applied");
  expect(countMembers(bus.store, room)).toBe(MEMBERS_PER_ROOM_MAX);
  expect(await add()).toBe("room-full");
  const effects = await bus.must({ kind: "room.delete", room });
  expect(effects).toHaveLength(1 + MEMBERS_PER_ROOM_MAX);
  expect(effects[0]).toMatchObject({ kind: "rights.changed" });
  expect(countMembers(bus.store, room)).toBe(0);
});
