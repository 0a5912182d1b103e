// Tries src/store/apply-invites.ts and src/store/invites.ts through the write path.
import { describe, expect, test } from "bun:test";
import type { InviteId } from "../../src/core/ids.ts";
import {
  INVITE_KEPT_MS,
  INVITE_LIFE_MS_MAX,
  INVITES_OPEN_MAX,
  INVITES_PRUNED_MAX,
  MEMBERS_PER_ROOM_MAX,
} from "../../src/core/limits.ts";
import type { Change } from "../../src/core/operations.ts";
import { countOpenInvites, findInvite, listInvites } from "../../src/store/invites.ts";
import { listRoomsOf } from "../../src/store/members.ts";
import { findUser } from "../../src/store/users.ts";
import {
  anInvite,
  anonymous,
  aRoom,
  asToken,
  asUser,
  aUser,
  inviteCreate,
  inviteRedeem,
  keyReplacement,
  NOW,
  openTestBus,
  tokenCreate,
  userUpdate,
} from "../harness/builders.ts";

const DAY = 86_400_000;

/** A bus with an admin who owns a room, and an invite into it. */
async function aBus(more: Partial<ReturnType<typeof inviteCreate>> = {}) {
  const bus = openTestBus();
  const admin = await bus.addUser("admin");
  const room = await bus.addRoom(admin);
  const create = inviteCreate({ rooms: [{ room, role: "reader" }], ...more });
  await bus.must(create, asUser(admin));
  const newcomer = aUser();
  const redeem = (user = newcomer, name: string | null = null, at = NOW) =>
    bus.try(inviteRedeem(create.invite, user, name), asUser(user), { at });
  const { invite } = create;
  const dispose = { [Symbol.dispose]: () => bus[Symbol.dispose]() };
  return { bus, admin, room, create, invite, newcomer, redeem, ...dispose };
}

describe("making an invite", () => {
  test("keeps what verifies it, for whom it is, and who made it", async () => {
    using at = await aBus({ label: "for Zoë", role: "admin", verifier: "b".repeat(64) });
    const { kind: _, ...record } = at.create;
    const made = { createdBy: at.admin, createdAt: NOW, redeemedBy: null };
    expect(findInvite(at.bus.store, at.invite)).toEqual({ ...record, ...made });
    const operators = inviteCreate();
    await at.bus.must(operators);
    expect(findInvite(at.bus.store, operators.invite)?.createdBy).toBe("operator");
  });

  test("is for admins and the operator, never by a token", async () => {
    using at = await aBus();
    const { bus, admin } = at;
    const member = await bus.addUser();
    const token = tokenCreate(admin, { scope: "admin" });
    await bus.must(token, asUser(admin));
    const before = bus.rows();
    for (const actor of [anonymous, asUser(member), asUser(aUser()), asToken(admin, token.token)]) {
      expect(await bus.try(inviteCreate(), actor)).toBe("forbidden");
    }
    expect(await bus.try(at.create, asUser(admin))).toBe("already-issued");
    expect(bus.rows()).toBe(before);
  });

  test("leads into plain rooms of its maker's own", async () => {
    using at = await aBus();
    const { bus, admin } = at;
    const into = (room: ReturnType<typeof aRoom>) =>
      inviteCreate({ rooms: [{ room, role: "member" }] });
    const foreign = await bus.addRoom(await bus.addUser());
    const sealed = await bus.addEncryptedRoom(admin);
    expect(await bus.try(into(foreign), asUser(admin))).toBe("forbidden");
    expect(await bus.try(into(foreign))).toBe("applied");
    expect(await bus.try(into(sealed), asUser(admin))).toBe("record-required");
    expect(await bus.try(into(sealed))).toBe("record-required");
    expect(await bus.try(into(aRoom()), asUser(admin))).toBe("room-not-found");
  });

  test("is for thirty days at most", async () => {
    using bus = openTestBus();
    const lasting = (lifeMs: number) => bus.try(inviteCreate({ expiresAt: NOW + lifeMs }));
    expect(await lasting(INVITE_LIFE_MS_MAX)).toBe("applied");
    expect(await lasting(INVITE_LIFE_MS_MAX + 1)).toBe("request-invalid");
    expect(await lasting(0)).toBe("request-invalid");
  });

  test("is refused when too many are open, until one is used, revoked or expired", async () => {
    using bus = openTestBus();
    bus.store.database.run("PRAGMA synchronous = OFF");
    const first = inviteCreate({ expiresAt: NOW + 1_000 });
    const [second, third] = [inviteCreate(), inviteCreate()];
    for (const change of [first, second, third]) await bus.must(change);
    for (let open = 3; open < INVITES_OPEN_MAX; open++) await bus.must(inviteCreate());
    expect(countOpenInvites(bus.store, NOW)).toBe(INVITES_OPEN_MAX);
    const more = (at = NOW) => bus.try(inviteCreate({ expiresAt: at + DAY }), undefined, { at });
    expect(await more()).toBe("invites-full");
    await bus.must({ kind: "invite.revoke", invite: second.invite });
    expect(await more()).toBe("applied");
    expect(await more()).toBe("invites-full");
    expect(await more(NOW + 1_000)).toBe("applied");
    expect(await more(NOW + 1_000)).toBe("invites-full");
    const user = aUser();
    await bus.must(inviteRedeem(third.invite, user), asUser(user));
    expect(await more(NOW + 1_000)).toBe("applied");
  });

  test("forgets some of those that expired long ago, and the others are told apart", async () => {
    using bus = openTestBus();
    const old = Array.from({ length: INVITES_PRUNED_MAX + 1 }, () => inviteCreate());
    for (const change of old) await bus.must(change);
    const later = (sinceExpiryMs: number) => ({ at: NOW + DAY + sinceExpiryMs });
    const make = async (at: { at: number }) =>
      bus.must(inviteCreate({ expiresAt: at.at + DAY }), undefined, at);
    const kept = () => listInvites(bus.store, { limit: 1_000 }).length;
    await make(later(INVITE_KEPT_MS - 1));
    expect(kept()).toBe(old.length + 1);
    await make(later(INVITE_KEPT_MS));
    expect(kept()).toBe(3);
    await make(later(INVITE_KEPT_MS));
    expect(kept()).toBe(3);
  });
});

describe("revoking an invite", () => {
  test("is any admin's, and leaves nothing to use", async () => {
    using at = await aBus();
    const { bus, invite } = at;
    const [other, member] = [await bus.addUser("admin"), await bus.addUser()];
    const revoke = { kind: "invite.revoke", invite } as const;
    expect(await bus.try(revoke, asUser(member))).toBe("forbidden");
    expect(await bus.try(revoke, asUser(other))).toBe("applied");
    expect(await bus.try(revoke, asUser(other))).toBe("invite-not-found");
    expect(await at.redeem()).toBe("invite-not-found");
  });

  test("comes too late when it was used", async () => {
    using at = await aBus();
    expect(await at.redeem()).toBe("applied");
    const revoke = { kind: "invite.revoke", invite: at.invite } as const;
    expect(await at.bus.try(revoke)).toBe("invite-redeemed");
  });
});

describe("using an invite", () => {
  test("admits the key at once, with a role, a name and rooms, and tells it", async () => {
    using at = await aBus();
    const { bus, room, invite, newcomer } = at;
    const redeem = inviteRedeem(invite, newcomer, "Zoë");
    expect(await bus.must(redeem, asUser(newcomer))).toEqual([
      { kind: "rights.changed", users: [newcomer] },
      { kind: "user.told", user: newcomer, event: "room.gained", room, role: "reader" },
    ]);
    expect(findUser(bus.store, newcomer)).toMatchObject({
      ...{ name: "Zoë", role: "member", state: "active", accept: "from-admins" },
    });
    expect(listRoomsOf(bus.store, newcomer)).toMatchObject([
      { room, role: "reader", state: "active" },
    ]);
    expect(findInvite(bus.store, invite)?.redeemedBy).toBe(newcomer);
  });

  test("admits one key, whoever comes at the same time", async () => {
    using at = await aBus({ role: "admin" });
    const keys = Array.from({ length: 20 }, () => aUser());
    const answers = await Promise.all(keys.map((key) => at.redeem(key)));
    expect(answers.filter((answer) => answer === "applied")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "invite-redeemed")).toHaveLength(19);
    const users = keys.filter((key) => findUser(at.bus.store, key) !== null);
    expect(users).toEqual(keys.filter((_, index) => answers[index] === "applied"));
  });

  test("is for the key that signs: nobody admits another", async () => {
    using at = await aBus();
    const { bus, invite, newcomer, admin } = at;
    const before = bus.rows();
    for (const actor of [undefined, anonymous, asUser(admin), asUser(aUser())]) {
      expect(await bus.try(inviteRedeem(invite, newcomer), actor)).toBe("forbidden");
    }
    expect(bus.rows()).toBe(before);
  });

  test("is not spent by what is refused: a user, a revoked one, a taken name", async () => {
    using at = await aBus();
    const { bus, admin } = at;
    const revoked = await bus.addUser();
    await bus.must({ kind: "user.revoke", user: revoked });
    await bus.must(userUpdate(admin, { name: "Alice" }));
    const before = bus.rows();
    expect(await at.redeem(admin)).toBe("user-exists");
    expect(await at.redeem(revoked)).toBe("user-revoked");
    expect(await at.redeem(at.newcomer, "ALICE")).toBe("name-taken");
    expect(bus.rows()).toBe(before);
    expect(await at.redeem(at.newcomer, "Bob")).toBe("applied");
  });

  test("says whether there is none, it was used, or it has expired", async () => {
    using at = await aBus();
    const redeemOf = (invite: InviteId) => inviteRedeem(invite, at.newcomer);
    expect(await at.bus.try(redeemOf(anInvite()), asUser(at.newcomer))).toBe("invite-not-found");
    expect(await at.redeem(at.newcomer, null, NOW + DAY)).toBe("invite-expired");
    // A node whose clock is behind does not bring it back.
    expect(await at.redeem(at.newcomer, null, NOW)).toBe("invite-expired");
    using other = await aBus();
    expect(await other.redeem()).toBe("applied");
    expect(await other.redeem(aUser(), null, NOW + DAY)).toBe("invite-redeemed");
  });

  test.each<[string, (admin: ReturnType<typeof aUser>) => Change]>([
    ["was revoked", (user) => ({ kind: "user.revoke", user, orphan: true })],
    ["is a member now", (user) => userUpdate(user, { role: "member", orphan: true })],
    ["has another key", (user) => keyReplacement(user, aUser())],
  ])("is nothing worth when the admin who made it %s", async (_, change) => {
    using at = await aBus();
    await at.bus.must(change(at.admin));
    expect(await at.redeem()).toBe("invite-expired");
    expect(findUser(at.bus.store, at.newcomer)).toBeNull();
  });

  test("leaves out rooms that are gone, full, or no longer its maker's", async () => {
    using bus = openTestBus();
    const admin = await bus.addUser("admin");
    const rooms = [];
    for (let made = 0; made < 4; made++) rooms.push(await bus.addRoom(admin));
    const [gone = aRoom(), full = aRoom(), lost = aRoom(), left = aRoom()] = rooms;
    const create = inviteCreate({ rooms: rooms.map((room) => ({ room, role: "member" })) });
    await bus.must(create, asUser(admin));
    await bus.must({ kind: "room.delete", room: gone });
    // Rows as entries would make them; ten thousand entries would try nothing more.
    bus.store.database.run(`
      WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ${MEMBERS_PER_ROOM_MAX})
      INSERT INTO users SELECT printf('U%055d', i), NULL, NULL, 'member', 'active', 'all', 0, 0, NULL, 1 FROM n`);
    bus.store.database.run(`
      INSERT INTO members SELECT '${full}', user, 'member', 'active', 0 FROM users WHERE accept = 'all'`);
    await bus.must({ kind: "member.add", room: lost, user: admin, role: "reader", orphan: true });
    const user = aUser();
    await bus.must(inviteRedeem(create.invite, user), asUser(user));
    expect(listRoomsOf(bus.store, user).map(({ room }) => room)).toEqual([left]);
  });

  test("of the operator's leads into any plain room", async () => {
    using bus = openTestBus();
    const room = await bus.addRoom(await bus.addUser());
    const create = inviteCreate({ rooms: [{ room, role: "owner" }] });
    await bus.must(create);
    const user = aUser();
    await bus.must(inviteRedeem(create.invite, user), asUser(user));
    expect(listRoomsOf(bus.store, user)).toMatchObject([{ room, role: "owner", state: "active" }]);
  });
});

test("invites are listed in pages, used and expired ones too", async () => {
  using bus = openTestBus();
  const made = Array.from({ length: 3 }, (_, at) => inviteCreate({ expiresAt: NOW + 1 + at }));
  for (const create of made) await bus.must(create);
  await bus.must(inviteCreate({ expiresAt: NOW + DAY }), undefined, { at: NOW + 10 });
  const ids = listInvites(bus.store, { limit: 9 }).map(({ invite }) => invite);
  expect(ids).toHaveLength(4);
  expect(ids).toEqual([...ids].sort());
  expect(ids).toEqual(expect.arrayContaining(made.map(({ invite }) => invite)));
  const next = listInvites(bus.store, { after: ids[1], limit: 1 }).map(({ invite }) => invite);
  expect(next).toEqual(ids.slice(2, 3));
});
