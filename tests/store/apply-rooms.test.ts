// Tries src/store/apply-rooms.ts through the write path.
import { describe, expect, test } from "bun:test";
import type { RoomId } from "../../src/core/ids.ts";
import { findMember, listMembers, listMemberships } from "../../src/store/members.ts";
import { findGenesis, findRoom } from "../../src/store/rooms.ts";
import { roomVersion } from "../../src/store/versions.ts";
import {
  aGenesis,
  anonymous,
  aRoom,
  asUser,
  aUser,
  openTestBus,
  roomCreate,
} from "../harness/builders.ts";

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
    expect(listMemberships(bus.store, other, { plainRooms: true })).toHaveLength(1);
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

describe("making an encrypted room", () => {
  test("keeps the record that its owner signed, and makes nobody else a member", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const room = aRoom();
    const create = roomCreate(room, { owner: user, genesis: aGenesis() });
    expect(await bus.must(create, asUser(user))).toEqual([
      { kind: "rights.changed", users: [user] },
      { kind: "user.told", user, event: "room.gained", room, role: "owner" },
    ]);
    expect(findRoom(bus.store, room)).toMatchObject({ content: "encrypted", createdBy: user });
    expect(findGenesis(bus.store, room)).toEqual(aGenesis());
    expect(listMembers(bus.store, { room, limit: 9 }).map((member) => member.user)).toEqual([user]);
    expect(findGenesis(bus.store, await bus.addRoom(user))).toBeNull();
  });

  test("is nobody's but its owner's, who signed the record", async () => {
    using bus = openTestBus();
    const [user, other] = [await bus.addUser("admin"), await bus.addUser()];
    const before = bus.rows();
    const create = roomCreate(aRoom(), { owner: other, genesis: aGenesis() });
    expect(await bus.try(create)).toBe("forbidden");
    expect(await bus.try(create, asUser(user))).toBe("forbidden");
    expect(await bus.try(create, anonymous)).toBe("forbidden");
    expect(bus.rows()).toBe(before);
  });

  test("happens once per record, even when the room is deleted: its id is the record's digest", async () => {
    using bus = openTestBus();
    const [user, admin] = [await bus.addUser(), await bus.addUser("admin")];
    const room = aRoom();
    const create = roomCreate(room, { owner: user, genesis: aGenesis() });
    await bus.must(create, asUser(user));
    expect(await bus.try(create, asUser(user))).toBe("room-exists");
    await bus.must({ kind: "room.delete", room }, asUser(admin));
    expect(findRoom(bus.store, room)).toBeNull();
    expect(await bus.try(create, asUser(user))).toBe("room-exists");
    expect(await bus.try(roomCreate(room), asUser(admin))).toBe("room-exists");
  });

  test("leaves it to its owner: the operator changes nothing in it, and may delete it", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const room = await bus.addEncryptedRoom(user);
    const rename = { kind: "room.update", room, name: "attic", ifVersion: null } as const;
    expect(await bus.try(rename)).toBe("forbidden");
    expect(await bus.try(rename, asUser(user))).toBe("applied");
    expect(await bus.try({ kind: "room.delete", room })).toBe("applied");
  });
});

describe("giving a room another name", () => {
  const rename = (room: RoomId, name: string, ifVersion: string | null = null) =>
    ({ kind: "room.update", room, name, ifVersion }) as const;

  test("is its owners', the operator's, and nobody else's", async () => {
    using bus = openTestBus();
    const [owner, member, admin] = [
      await bus.addUser(),
      await bus.addUser(),
      await bus.addUser("admin"),
    ];
    const room = await bus.addRoom(owner);
    await bus.must({ kind: "member.add", room, user: member, role: "member" });
    const outsider = await bus.addUser();
    const before = bus.rows();
    expect(await bus.try(rename(room, "attic"), asUser(member))).toBe("forbidden");
    expect(await bus.try(rename(room, "attic"), asUser(admin))).toBe("forbidden");
    expect(await bus.try(rename(room, "attic"), anonymous)).toBe("room-not-found");
    expect(await bus.try(rename(room, "attic"), asUser(outsider))).toBe("room-not-found");
    expect(await bus.try(rename(aRoom(), "attic"))).toBe("room-not-found");
    expect(bus.rows()).toBe(before);
    expect(await bus.must(rename(room, "attic"), asUser(owner))).toEqual([]);
    expect(await bus.must(rename(room, "cellar"))).toEqual([]);
    expect(findRoom(bus.store, room)).toMatchObject({ name: "cellar", createdBy: "operator" });
  });

  test("is refused when it was changed since the caller looked", async () => {
    using bus = openTestBus();
    const owner = await bus.addUser();
    const room = await bus.addRoom(owner);
    const version = () => {
      const record = findRoom(bus.store, room);
      return record && roomVersion(record);
    };
    const first = version();
    expect(await bus.try(rename(room, "attic", first), asUser(owner))).toBe("applied");
    expect(await bus.try(rename(room, "cellar", first), asUser(owner))).toBe("version-conflict");
    expect(findRoom(bus.store, room)?.name).toBe("attic");
    expect(await bus.try(rename(room, "cellar", version()), asUser(owner))).toBe("applied");
    expect(version()).not.toBe(first);
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
    expect(listMemberships(bus.store, owner, { plainRooms: true }).map(({ id }) => id)).toEqual([
      other,
    ]);
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
