// Tries src/store/apply-rooms.ts through the write path.
import { describe, expect, test } from "bun:test";
import { findMember, listMemberships } from "../../src/store/members.ts";
import { findRoom } from "../../src/store/rooms.ts";
import { anonymous, aRoom, asUser, aUser, openTestBus, roomCreate } from "../harness/builders.ts";

describe("making a room", () => {
  test("makes its maker the owner at once, and tells it", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const room = aRoom();
    expect(await bus.must(roomCreate(room), asUser(user))).toEqual([
      { kind: "rights.changed", users: [user] },
      { kind: "user.told", user, event: "room.gained", room, role: "owner" },
    ]);
    expect(findMember(bus.store, { room, user })).toMatchObject({ role: "owner", state: "active" });
    expect(findRoom(bus.store, room)?.createdBy).toBe(user);
  });

  test("for another is the operator's alone", async () => {
    using bus = openTestBus();
    const [user, other] = [await bus.addUser("admin"), await bus.addUser()];
    const create = roomCreate(aRoom(), { owner: other });
    expect(await bus.try(create, asUser(user))).toBe("forbidden");
    expect(await bus.try(create, anonymous)).toBe("forbidden");
    expect(await bus.try(create)).toBe("applied");
    expect(listMemberships(bus.store, other)).toHaveLength(1);
    expect(await bus.try(roomCreate(aRoom(), { owner: aUser() }))).toBe("user-not-found");
    await bus.must({ kind: "user.revoke", user: other });
    expect(await bus.try(roomCreate(aRoom(), { owner: other }))).toBe("user-revoked");
  });

  test("without an owner has no members and tells nobody", async () => {
    using bus = openTestBus();
    const [operators, anonymouss] = [aRoom(), aRoom()];
    expect(await bus.must(roomCreate(operators))).toEqual([]);
    expect(await bus.must(roomCreate(anonymouss), anonymous)).toEqual([]);
    expect(findRoom(bus.store, operators)?.createdBy).toBe("operator");
    expect(findRoom(bus.store, anonymouss)?.createdBy).toBe("anonymous");
  });

  test("under an id in use is refused", async () => {
    using bus = openTestBus();
    const room = await bus.addRoom();
    const before = bus.rows();
    expect(await bus.try(roomCreate(room, { name: "other" }))).toBe("room-exists");
    expect(bus.rows()).toBe(before);
  });
});

describe("deleting a room", () => {
  test("takes its memberships with it; active members lose rights, invited ones are told", async () => {
    using bus = openTestBus();
    const [owner, invited] = [await bus.addUser(), await bus.addUser()];
    const room = await bus.addRoom(owner);
    const other = await bus.addRoom(owner);
    await bus.must({ kind: "member.add", room, user: invited, role: "member" }, asUser(owner));
    const effects = await bus.must({ kind: "room.delete", room }, asUser(owner));
    const lost = (user: typeof owner) =>
      ({ kind: "user.told", user, event: "room.lost", room, role: null }) as const;
    expect(effects).toEqual([
      { kind: "rights.changed", users: [owner] },
      ...[owner, invited].sort().map(lost),
    ]);
    expect(findRoom(bus.store, room)).toBeNull();
    expect(listMemberships(bus.store, owner).map(({ id }) => id)).toEqual([other]);
  });

  test("is also an admin's, and anonymous's where it made the room", async () => {
    using bus = openTestBus();
    const [admin, outsider] = [await bus.addUser("admin"), await bus.addUser()];
    const own = aRoom();
    await bus.must(roomCreate(own), anonymous);
    const room = await bus.addRoom(await bus.addUser());
    expect(await bus.try({ kind: "room.delete", room }, asUser(outsider))).toBe("room-not-found");
    expect(await bus.try({ kind: "room.delete", room }, anonymous)).toBe("room-not-found");
    expect(await bus.try({ kind: "room.delete", room }, asUser(admin))).toBe("applied");
    expect(await bus.must({ kind: "room.delete", room: own }, anonymous)).toEqual([]);
    expect(await bus.try({ kind: "room.delete", room }, asUser(admin))).toBe("room-not-found");
  });
});
