// Tries src/store/apply-tokens.ts, and tokens as actors, through the write path.
import { describe, expect, test } from "bun:test";
import {
  ADMIN_TOKEN_LIFE_MS_MAX,
  TOKEN_LIFE_MS_MAX,
  TOKENS_PER_USER_MAX,
} from "../../src/core/limits.ts";
import { findRoom } from "../../src/store/rooms.ts";
import { findToken, listTokens } from "../../src/store/tokens.ts";
import {
  anonymous,
  aRoom,
  asToken,
  asUser,
  aToken,
  aUser,
  inviteCreate,
  keyReplacement,
  NOW,
  openTestBus,
  roomCreate,
  tokenCreate,
  userUpdate,
} from "../harness/builders.ts";

describe("making a token", () => {
  test("keeps what proves it, and not the secret", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const room = await bus.addRoom(user);
    const create = tokenCreate(user, { label: "laptop", room, hash: "a".repeat(64) });
    expect(await bus.must(create, asUser(user))).toEqual([]);
    const { kind: _, ...record } = create;
    expect(findToken(bus.store, create.token)).toEqual({ ...record, createdAt: NOW });
  });

  test("is for oneself, with one's own key", async () => {
    using bus = openTestBus();
    const [user, admin] = [await bus.addUser(), await bus.addUser("admin")];
    const own = tokenCreate(user, { scope: "write" });
    await bus.must(own, asUser(user));
    const before = bus.rows();
    for (const actor of [undefined, anonymous, asUser(admin), asToken(user, own.token)]) {
      expect(await bus.try(tokenCreate(user), actor)).toBe("forbidden");
    }
    expect(await bus.try(tokenCreate(user, { scope: "admin" }), asUser(user))).toBe("forbidden");
    expect(await bus.try(tokenCreate(user, { room: aRoom() }), asUser(user))).toBe(
      "room-not-found",
    );
    expect(await bus.try({ ...own, user: admin }, asUser(admin))).toBe("already-issued");
    expect(bus.rows()).toBe(before);
  });

  test("is for a day at most, as an admin for an hour, by the journal's time", async () => {
    using bus = openTestBus();
    const admin = await bus.addUser("admin");
    const lasting = (lifeMs: number, scope: "read" | "admin") =>
      bus.try(tokenCreate(admin, { scope, expiresAt: NOW + lifeMs }), asUser(admin));
    expect(await lasting(TOKEN_LIFE_MS_MAX, "read")).toBe("applied");
    expect(await lasting(TOKEN_LIFE_MS_MAX + 1, "read")).toBe("request-invalid");
    expect(await lasting(ADMIN_TOKEN_LIFE_MS_MAX, "admin")).toBe("applied");
    expect(await lasting(ADMIN_TOKEN_LIFE_MS_MAX + 1, "admin")).toBe("request-invalid");
    expect(await lasting(0, "read")).toBe("request-invalid");
  });

  test("is refused when there are too many, until one is revoked or has expired", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const short = tokenCreate(user, { expiresAt: NOW + 1_000 });
    await bus.must(short, asUser(user));
    for (let made = 1; made < TOKENS_PER_USER_MAX; made++) {
      await bus.must(tokenCreate(user), asUser(user));
    }
    const before = bus.rows();
    expect(await bus.try(tokenCreate(user), asUser(user))).toBe("tokens-full");
    expect(bus.rows()).toBe(before);
    const later = { at: NOW + 1_000 };
    expect(await bus.try(tokenCreate(user), asUser(user), later)).toBe("applied");
    // The expired one was forgotten on the way.
    expect(findToken(bus.store, short.token)).toBeNull();
    expect(await bus.try(tokenCreate(user), asUser(user))).toBe("tokens-full");
    const [first] = listTokens(bus.store, { user, limit: 1 });
    await bus.must({ kind: "token.revoke", token: first?.token ?? aToken() }, asUser(user));
    expect(await bus.try(tokenCreate(user), asUser(user))).toBe("applied");
  });
});

describe("revoking a token", () => {
  test("is its user's alone, with the key; to others there is none", async () => {
    using bus = openTestBus();
    const [user, admin] = [await bus.addUser(), await bus.addUser("admin")];
    const { token, ...create } = tokenCreate(user);
    await bus.must({ token, ...create }, asUser(user));
    const revoke = { kind: "token.revoke", token } as const;
    const before = bus.rows();
    expect(await bus.try(revoke)).toBe("forbidden");
    expect(await bus.try(revoke, asToken(user, token))).toBe("forbidden");
    expect(await bus.try(revoke, asUser(admin))).toBe("token-not-found");
    expect(await bus.try({ ...revoke, token: aToken() }, asUser(user))).toBe("token-not-found");
    expect(bus.rows()).toBe(before);
    expect(await bus.try(revoke, asUser(user))).toBe("applied");
    expect(await bus.try(revoke, asUser(user))).toBe("token-not-found");
    expect(await bus.try(roomCreate(aRoom()), asToken(user, token))).toBe("forbidden");
  });

  test("happens with the user, and restoring the user does not bring it back [M-013]", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const { token, ...create } = tokenCreate(user);
    await bus.must({ token, ...create }, asUser(user));
    await bus.must({ kind: "user.revoke", user });
    expect(listTokens(bus.store, { user, limit: 9 })).toEqual([]);
    await bus.must({ kind: "user.restore", user });
    expect(await bus.try(roomCreate(aRoom()), asToken(user, token))).toBe("forbidden");
    expect(await bus.try(roomCreate(aRoom()), asUser(user))).toBe("applied");
  });
});

describe("a token acts", () => {
  async function aTokenBus(more: Partial<ReturnType<typeof tokenCreate>> = {}) {
    const bus = openTestBus();
    const user = await bus.addUser("admin");
    const room = await bus.addRoom(user);
    const create = tokenCreate(user, more);
    await bus.must(create, asUser(user));
    const actor = asToken(user, create.token);
    return { bus, user, room, actor, [Symbol.dispose]: () => bus[Symbol.dispose]() };
  }

  test("as its user, to write: it makes and manages rooms, and is no admin", async () => {
    using at = await aTokenBus();
    const { bus, user, room, actor } = at;
    const made = aRoom();
    expect(await bus.try(roomCreate(made), actor)).toBe("applied");
    expect(findRoom(bus.store, made)?.createdBy).toBe(user);
    const other = await bus.addUser();
    const add = { kind: "member.add", room, user: other, role: "member" } as const;
    // The key of an admin would make it active at once.
    expect((await bus.must(add, actor)).map(({ kind }) => kind)).toEqual(["user.told"]);
    expect(await bus.try({ kind: "user.revoke", user: other }, actor)).toBe("forbidden");
    expect(await bus.try(userUpdate(user, { accept: "all" }), actor)).toBe("applied");
  });

  test("to read: it changes nothing", async () => {
    using at = await aTokenBus({ scope: "read" });
    const { bus, user, room, actor } = at;
    const before = bus.rows();
    expect(await bus.try(roomCreate(aRoom()), actor)).toBe("forbidden");
    expect(await bus.try({ kind: "room.delete", room }, actor)).toBe("forbidden");
    expect(await bus.try({ kind: "member.remove", room, user }, actor)).toBe("forbidden");
    expect(await bus.try(userUpdate(user, { accept: "all" }), actor)).toBe("forbidden");
    expect(bus.rows()).toBe(before);
  });

  test("as admin: it manages users, but makes no keys, tokens and invites", async () => {
    using at = await aTokenBus({ scope: "admin" });
    const { bus, user, actor } = at;
    const other = aUser();
    const add = { kind: "user.add", user: other, name: null, role: "member" } as const;
    expect(await bus.try(add, actor)).toBe("applied");
    expect(await bus.try({ kind: "user.revoke", user: other }, actor)).toBe("applied");
    const before = bus.rows();
    expect(await bus.try(tokenCreate(user), actor)).toBe("forbidden");
    expect(await bus.try(inviteCreate(), actor)).toBe("forbidden");
    expect(await bus.try(keyReplacement(user, aUser()), actor)).toBe("forbidden");
    expect(bus.rows()).toBe(before);
  });

  test("as admin, no longer than its user is one", async () => {
    using at = await aTokenBus({ scope: "admin" });
    const { bus, user, actor } = at;
    await bus.addUser("admin");
    await bus.must(userUpdate(user, { role: "member" }));
    const add = { kind: "user.add", user: aUser(), name: null, role: "member" } as const;
    expect(await bus.try(add, actor)).toBe("forbidden");
    expect(await bus.try(roomCreate(aRoom()), actor)).toBe("applied");
  });

  test("in its one room, and knows no other", async () => {
    using bus = openTestBus();
    const user = await bus.addUser("admin");
    const [room, other] = [await bus.addRoom(user), await bus.addRoom(user)];
    const create = tokenCreate(user, { room, scope: "admin" });
    await bus.must(create, asUser(user));
    const actor = asToken(user, create.token);
    const before = bus.rows();
    expect(await bus.try({ kind: "room.delete", room: other }, actor)).toBe("room-not-found");
    expect(await bus.try(roomCreate(aRoom()), actor)).toBe("forbidden");
    expect(await bus.try(userUpdate(user, { accept: "all" }), actor)).toBe("forbidden");
    expect(await bus.try({ kind: "user.revoke", user }, actor)).toBe("forbidden");
    expect(bus.rows()).toBe(before);
    expect(await bus.try({ kind: "room.delete", room }, actor)).toBe("applied");
  });

  test("until it expires by the latest time that any entry named", async () => {
    using at = await aTokenBus({ expiresAt: NOW + 1_000 });
    const { bus, actor } = at;
    expect(await bus.try(roomCreate(aRoom()), actor, { at: NOW + 999 })).toBe("applied");
    expect(await bus.try(roomCreate(aRoom()), actor, { at: NOW + 1_000 })).toBe("forbidden");
    // A node whose clock is behind does not bring it back.
    expect(await bus.try(roomCreate(aRoom()), actor, { at: NOW })).toBe("forbidden");
  });

  test("for its own user alone", async () => {
    using at = await aTokenBus();
    const { bus, actor } = at;
    const other = await bus.addUser();
    if (actor.kind !== "token") throw new Error("A token acts here");
    expect(await bus.try(roomCreate(aRoom()), asToken(other, actor.token))).toBe("forbidden");
    expect(await bus.try(roomCreate(aRoom()), { ...actor, token: aToken() })).toBe("forbidden");
  });
});

test("tokens are listed by user in pages, expired ones too", async () => {
  using bus = openTestBus();
  const [user, other] = [await bus.addUser(), await bus.addUser()];
  const made = Array.from({ length: 3 }, (_, at) => tokenCreate(user, { expiresAt: NOW + 1 + at }));
  for (const create of made) await bus.must(create, asUser(user));
  await bus.must(tokenCreate(other), asUser(other), { at: NOW + 10 });
  const ids = made.map(({ token }) => token).sort();
  const page = (after?: (typeof ids)[number]) =>
    listTokens(bus.store, { user, after, limit: 2 }).map(({ token }) => token);
  expect(page()).toEqual(ids.slice(0, 2));
  expect(page(ids[1])).toEqual(ids.slice(2));
  expect(listTokens(bus.store, { user: aUser(), limit: 2 })).toEqual([]);
});
