import { describe, expect, test } from "bun:test";
import { PAGE_ROWS_MAX } from "../../src/core/limits.ts";
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
import { findRoom, listRooms } from "../../src/store/rooms.ts";
import {
  findUser,
  findUserByName,
  hasActiveAdmin,
  isLastAdmin,
  listUsers,
  pageRows,
} from "../../src/store/users.ts";
import {
  anonymous,
  aRoom,
  asUser,
  aUser,
  openTestBus,
  roomCreate,
  userUpdate,
} from "../harness/builders.ts";

describe("users", () => {
  test("are found by key, and by name in whatever case it is typed", async () => {
    using bus = openTestBus();
    const user = aUser();
    await bus.must({ kind: "user.add", user, name: "Zoë", role: "admin" });
    const record = {
      user,
      name: "Zoë",
      role: "admin",
      state: "active",
      accept: "from-admins",
      createdAt: 1_700_000_000_000,
      changedAt: 1_700_000_000_000,
      ...{ successor: null, keyNumber: 1 },
    } as const;
    expect(findUser(bus.store, user)).toEqual(record);
    expect(findUserByName(bus.store, "ZOË")).toEqual(record);
    expect(findUserByName(bus.store, "Zoe")).toBeNull();
    expect(findUser(bus.store, aUser())).toBeNull();
  });

  test("are listed in pages, revoked ones too, none twice and none left out [M-012]", async () => {
    using bus = openTestBus();
    const users = await Promise.all(Array.from({ length: 7 }, () => bus.addUser()));
    await bus.must({ kind: "user.revoke", user: users[0] ?? aUser() });
    const seen: string[] = [];
    for (let after: (typeof users)[number] | undefined; ; ) {
      const page = listUsers(bus.store, { after, limit: 3 });
      seen.push(...page.map(({ user, state }) => `${user} ${state}`));
      if (page.length < 3) break;
      after = page.at(-1)?.user;
    }
    const expected = users.map((user, at) => `${user} ${at === 0 ? "revoked" : "active"}`);
    expect(seen).toEqual(expected.sort());
  });

  test("the last admin and the last owner are who they are while they are active", async () => {
    using bus = openTestBus();
    const [first, second] = [await bus.addUser("admin"), await bus.addUser()];
    const room = await bus.addRoom(first);
    const last = (user: typeof first) => [
      isLastAdmin(bus.store, user),
      isLastOwner(bus.store, { room, user }),
    ];
    expect([last(first), last(second)]).toEqual([
      [true, true],
      [false, false],
    ]);
    await bus.must({ kind: "member.add", room, user: second, role: "owner" });
    await bus.must(userUpdate(second, { role: "admin" }));
    expect([last(first), last(second)].flat()).not.toContain(true);
    await bus.must({ kind: "user.revoke", user: second });
    expect([last(first), last(second)]).toEqual([
      [true, true],
      [false, false],
    ]);
  });

  test("an admin is active only while not revoked", async () => {
    using bus = openTestBus();
    await bus.addUser("member");
    expect(hasActiveAdmin(bus.store)).toBe(false);
    const admin = await bus.addUser("admin");
    expect(hasActiveAdmin(bus.store)).toBe(true);
    await bus.must({ kind: "user.revoke", user: admin, orphan: true });
    expect(hasActiveAdmin(bus.store)).toBe(false);
  });
});

describe("rooms", () => {
  test("are found by id, and by a name that several may have", async () => {
    using bus = openTestBus();
    const room = aRoom();
    await bus.must(roomCreate(room, { name: "lobby", history: "n", shard: "c" }));
    await bus.must(roomCreate(aRoom(), { name: "lobby" }));
    await bus.must(roomCreate(aRoom(), { name: "Lobby" }));
    expect(findRoom(bus.store, room)).toEqual({
      room,
      name: "lobby",
      history: "n",
      shard: "c",
      content: "plain",
      createdAt: 1_700_000_000_000,
      createdBy: "operator",
    });
    expect(findRoom(bus.store, aRoom())).toBeNull();
    expect(listRooms(bus.store, { name: "lobby", limit: 10 })).toHaveLength(2);
    expect(listRooms(bus.store, { limit: 10 })).toHaveLength(3);
    expect(listRooms(bus.store, { limit: 2 })).toHaveLength(2);
  });

  test("are listed to whom they are visible, by name and after a cursor too", async () => {
    using bus = openTestBus();
    const [alice, bob] = [await bus.addUser(), await bus.addUser()];
    const own = await bus.addRoom(alice);
    const invited = await bus.addRoom(bob);
    await bus.must({ kind: "member.add", room: invited, user: alice, role: "reader" }, asUser(bob));
    await bus.addRoom(bob);
    const of = (options: object) =>
      listRooms(bus.store, { limit: 10, ...options }).map(({ room }) => room);
    const both = [own, invited].sort();
    expect(of({ visibleTo: alice })).toEqual(both);
    expect(of({ visibleTo: alice, after: both[0] })).toEqual(both.slice(1));
    expect(of({ visibleTo: alice, name: "lobby" })).toEqual(both);
    expect(of({ visibleTo: alice, name: "attic" })).toEqual([]);
    expect(of({ visibleTo: aUser() })).toEqual([]);
  });

  test("that anonymous made are listed apart from others", async () => {
    using bus = openTestBus();
    await bus.addRoom(await bus.addUser());
    const room = aRoom();
    await bus.must(roomCreate(room), anonymous);
    const listed = listRooms(bus.store, { limit: 10, createdBy: "anonymous" });
    expect(listed.map((record) => record.room)).toEqual([room]);
  });
});

describe("members", () => {
  test("are found, listed by room in pages, counted, and listed by user", async () => {
    using bus = openTestBus();
    const [owner, reader] = [await bus.addUser(), await bus.addUser()];
    const room = await bus.addRoom(owner);
    await bus.must({ kind: "member.add", room, user: reader, role: "reader" }, asUser(owner));
    const pending = {
      room,
      user: reader,
      role: "reader",
      state: "pending",
      addedAt: 1_700_000_000_000,
    } as const;
    expect(findMember(bus.store, { room, user: reader })).toEqual(pending);
    expect(findMember(bus.store, { room: aRoom(), user: reader })).toBeNull();
    const users = [owner, reader].sort();
    expect(listMembers(bus.store, { room, limit: 9 }).map(({ user }) => user)).toEqual(users);
    expect(listMembers(bus.store, { room, limit: 1 })).toHaveLength(1);
    expect(listMembers(bus.store, { room, after: users[0], limit: 9 })).toHaveLength(1);
    expect(listAllMembers(bus.store, room)).toHaveLength(2);
    expect(countMembers(bus.store, room)).toBe(2);
    expect(countRoomsOf(bus.store, { user: reader, state: "pending" })).toBe(1);
    expect(countRoomsOf(bus.store, { user: reader, state: "active" })).toBe(0);
    expect(listRoomsOf(bus.store, reader)).toMatchObject([
      { room, name: "lobby", role: "reader", state: "pending" },
    ]);
  });

  test("have rights in encrypted rooms alone where plain ones are closed [M-085]", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const plain = await bus.addRoom(user);
    const sealed = await bus.addEncryptedRoom(user);
    const of = (plainRooms: boolean) =>
      listMemberships(bus.store, user, { plainRooms }).map(({ id }) => id);
    expect(of(true)).toEqual([plain, sealed].sort());
    expect(of(false)).toEqual([sealed]);
    await bus.must({ kind: "user.revoke", user });
    expect(of(false)).toEqual([]);
  });

  test("have rights from accepted memberships alone, and none while revoked [M-013] [G-01]", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const room = await bus.addRoom(user);
    const other = await bus.addUser();
    const waiting = await bus.addRoom(other);
    await bus.must({ kind: "member.add", room: waiting, user, role: "owner" }, asUser(other));
    const rights = [{ id: room, history: "k", shard: "0", role: "owner" } as const];
    expect(listMemberships(bus.store, user, { plainRooms: true })).toEqual(rights);
    expect(listMemberships(bus.store, aUser(), { plainRooms: true })).toEqual([]);
    await bus.must({ kind: "user.revoke", user });
    expect(listMemberships(bus.store, user, { plainRooms: true })).toEqual([]);
    await bus.must({ kind: "user.restore", user });
    expect(listMemberships(bus.store, user, { plainRooms: true })).toEqual(rights);
    expect(listMembers(bus.store, { room: waiting, limit: 9 })).toHaveLength(2);
  });
});

test("no page is longer than the bound, whatever is asked", () => {
  expect(pageRows(Number.POSITIVE_INFINITY)).toBe(PAGE_ROWS_MAX);
  expect(pageRows(-1)).toBe(0);
  expect(pageRows(10)).toBe(10);
});
