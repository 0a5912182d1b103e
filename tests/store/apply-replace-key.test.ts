// Tries src/store/apply-replace-key.ts through the write path.
import { describe, expect, test } from "bun:test";
import { KEYS_REPLACED_MAX, KEYS_REPLACED_MS } from "../../src/core/limits.ts";
import { findMember, listMemberships, listRoomsOf } from "../../src/store/members.ts";
import { listTokens } from "../../src/store/tokens.ts";
import { findUser, listUsers } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import {
  aRoom,
  asToken,
  asUser,
  aUser,
  keyReplacement,
  NOW,
  openTestBus,
  roomCreate,
  type TestBus,
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
  const replace = keyReplacement(user, by);
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
      ...{ createdAt: NOW + 5, changedAt: NOW + 5, successor: null, keyNumber: 2 },
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
    expect(findUser(bus.store, user)?.successor).toBe(at.by);
    expect(await bus.try({ kind: "user.restore", user })).toBe("key-replaced");
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
    const own = keyReplacement(other, aUser(), { byOld: null });
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

describe("a user that replaced its key", () => {
  /** A user who replaced its key some times; the keys in their order. */
  async function aChain(bus: TestBus, times: number) {
    const keys = [await bus.addUser(), ...Array.from({ length: times }, () => aUser())];
    for (const [at, old] of keys.slice(0, -1).entries()) {
      const by = keys[at + 1] ?? old;
      await bus.must(keyReplacement(old, by, { number: at + 2 }), asUser(old));
    }
    return keys;
  }

  test.each([0, 1, 2])(
    "is revoked whole by its key number %i, by which it was known",
    async (which) => {
      using bus = openTestBus();
      const keys = await aChain(bus, 2);
      const named = keys[which] ?? aUser();
      const effects = await bus.must({ kind: "user.revoke", user: named });
      expect(effects).toEqual([{ kind: "rights.changed", users: keys.slice(which) }]);
      expect(keys.map((key) => findUser(bus.store, key)?.state)).toEqual(Array(3).fill("revoked"));
      const [last = named] = keys.slice(-1);
      expect(await bus.try(keyReplacement(last, aUser(), { number: 4 }), asUser(last))).toBe(
        "forbidden",
      );
      await bus.must({ kind: "user.restore", user: last });
      expect(findUser(bus.store, last)?.state).toBe("active");
    },
  );

  test("is listed by the key that it has now, and with all of them if asked", async () => {
    using bus = openTestBus();
    const keys = await aChain(bus, 2);
    expect(listUsers(bus.store, { limit: 9 }).map(({ user }) => user)).toEqual(keys.slice(-1));
    const all = listUsers(bus.store, { limit: 9, replaced: true });
    expect(all.map(({ user }) => user)).toEqual([...keys].sort());
    expect(all.map(({ keyNumber }) => keyNumber).sort()).toEqual([1, 2, 3]);
  });

  test("does so a few times a day, and then an admin does, or another day comes", async () => {
    using bus = openTestBus();
    const keys = await aChain(bus, KEYS_REPLACED_MAX);
    const [last = aUser()] = keys.slice(-1);
    const next = keyReplacement(last, aUser(), { number: KEYS_REPLACED_MAX + 2 });
    expect(await bus.try(next, asUser(last))).toBe("keys-replaced-often");
    const soon = { at: NOW + KEYS_REPLACED_MS - 1 };
    expect(await bus.try(next, asUser(last), soon)).toBe("keys-replaced-often");
    const late = { at: NOW + KEYS_REPLACED_MS };
    expect(await bus.try(next, asUser(last), late)).toBe("applied");
  });

  test("on a bus of level 1 is known by its keys when the level rises", async () => {
    using bus = openTestBus({ level: 1 });
    const [first, second, third, other] = [
      await bus.addUser(),
      aUser(),
      aUser(),
      await bus.addUser(),
    ];
    await bus.must({ kind: "user.replace-key", user: first, by: second }, asUser(first));
    await bus.must({ kind: "user.replace-key", user: second, by: third }, asUser(second));
    // Level 1 lets the successor in: that was its fault.
    await bus.must({ kind: "user.revoke", user: first });
    expect(findUser(bus.store, third)).toMatchObject({ state: "active", keyNumber: 1 });
    await bus.must({ kind: "bus.raise", level: 2 });
    expect(findUser(bus.store, first)).toMatchObject({ successor: second, keyNumber: 1 });
    expect(findUser(bus.store, third)).toMatchObject({ successor: null, keyNumber: 3 });
    await bus.must({ kind: "user.revoke", user: first });
    expect(findUser(bus.store, third)?.state).toBe("revoked");
    expect(findUser(bus.store, other)?.state).toBe("active");
    expect(verifyJournal(bus.store).entries).toBe(7);
  });
});
