// Tries src/store/apply-replace-key.ts through the write path.
import { describe, expect, test } from "bun:test";
import { findMember, listMemberships, listRoomsOf } from "../../src/store/members.ts";
import { listTokens } from "../../src/store/tokens.ts";
import { findUser } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import {
  aRoom,
  asToken,
  asUser,
  aUser,
  NOW,
  openTestBus,
  roomCreate,
  tokenCreate,
  userUpdate,
} from "../harness/builders.ts";

/** A user with a name, a setting, a room of its own, an invitation and an encrypted room. */
async function aBus() {
  const bus = openTestBus();
  const [user, other] = [await bus.addUser("admin"), await bus.addUser()];
  await bus.must(userUpdate(user, { name: "Alice" }));
  await bus.must(userUpdate(user, { accept: "none" }), asUser(user));
  const [own, asked] = [await bus.addRoom(user), await bus.addRoom(other)];
  const sealed = await bus.addEncryptedRoom(user);
  await bus.must({ kind: "member.add", room: asked, user, role: "reader" }, asUser(other));
  const by = aUser();
  const replace = { kind: "user.replace-key", user, by } as const;
  const dispose = { [Symbol.dispose]: () => bus[Symbol.dispose]() };
  return { bus, user, other, own, asked, sealed, by, replace, ...dispose };
}

describe("replacing a key", () => {
  test("moves what the user was to the new key, which is told of its rooms", async () => {
    using at = await aBus();
    const { bus, user, by, own, asked } = at;
    const later = { at: NOW + 5 };
    const effects = await bus.must(at.replace, asUser(user), later);
    const told = [
      { kind: "user.told", user: by, event: "room.gained", room: own, role: "owner" },
      { kind: "user.told", user: by, event: "room.invited", room: asked, role: "reader" },
    ] as const;
    expect(effects[0]).toEqual({ kind: "rights.changed", users: [user, by] });
    expect(effects.slice(1)).toEqual([...told].sort((one, two) => (one.room < two.room ? -1 : 1)));
    expect(findUser(bus.store, by)).toEqual({
      ...{ user: by, name: "Alice", role: "admin", state: "active", accept: "none" },
      ...{ createdAt: NOW + 5, changedAt: NOW + 5 },
    });
    expect(findMember(bus.store, { room: own, user: by })).toMatchObject({ addedAt: NOW });
    expect(listRoomsOf(bus.store, by)).toHaveLength(2);
    expect(await bus.try({ kind: "room.delete", room: own }, asUser(by))).toBe("applied");
    expect(verifyJournal(bus.store).entries).toBeGreaterThan(0);
  });

  test("leaves the old key revoked, without a name, a role or a token", async () => {
    using at = await aBus();
    const { bus, user, sealed } = at;
    const token = tokenCreate(user, { scope: "admin" });
    await bus.must(token, asUser(user));
    await bus.must(at.replace, asUser(user));
    expect(findUser(bus.store, user)).toMatchObject({
      ...{ name: null, role: "member", state: "revoked", accept: "from-admins" },
    });
    expect(listTokens(bus.store, { user, limit: 9 })).toEqual([]);
    expect(await bus.try(roomCreate(aRoom()), asUser(user))).toBe("forbidden");
    expect(await bus.try(roomCreate(aRoom()), asToken(user, token.token))).toBe("forbidden");
    // What its members sealed for the old key, nobody can hand on but they.
    expect(listRoomsOf(bus.store, user).map(({ room }) => room)).toEqual([sealed]);
    expect(listMemberships(bus.store, user, { plainRooms: true })).toEqual([]);
    const add = { kind: "user.add", user: aUser(), name: null, role: "member" } as const;
    await bus.must({ kind: "user.restore", user });
    expect(await bus.try(add, asUser(user))).toBe("forbidden");
  });

  test("is one's own, an admin's and the operator's; never a token's", async () => {
    using at = await aBus();
    const { bus, user, other } = at;
    const token = tokenCreate(user, { scope: "admin" });
    await bus.must(token, asUser(user));
    const before = bus.rows();
    expect(await bus.try(at.replace, asUser(other))).toBe("forbidden");
    expect(await bus.try(at.replace, asToken(user, token.token))).toBe("forbidden");
    expect(await bus.try({ ...at.replace, by: other }, asUser(user))).toBe("user-exists");
    expect(await bus.try({ ...at.replace, by: user }, asUser(user))).toBe("user-exists");
    expect(await bus.try({ ...at.replace, user: aUser() })).toBe("user-not-found");
    expect(bus.rows()).toBe(before);
    const own = { kind: "user.replace-key", user: other, by: aUser() } as const;
    expect(await bus.try(own, asUser(user))).toBe("applied");
    expect(await bus.try({ ...own, by: aUser() })).toBe("user-revoked");
    expect(await bus.try(at.replace)).toBe("applied");
  });

  test("keeps the bus its last admin and a room its last owner", async () => {
    using at = await aBus();
    const { bus, user, by, own } = at;
    await bus.must(at.replace, asUser(user));
    expect(await bus.try({ kind: "user.revoke", user: by }, asUser(by))).toBe("last-admin");
    const leave = { kind: "member.remove", room: own, user: by } as const;
    expect(await bus.try(leave, asUser(by))).toBe("last-owner");
  });
});
