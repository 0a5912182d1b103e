// Tries src/store/apply-members.ts through the write path.
import { describe, expect, test } from "bun:test";
import type { RoomId, UserId } from "../../src/core/ids.ts";
import { PENDING_PER_USER_MAX } from "../../src/core/limits.ts";
import type { Effect, RoomRole } from "../../src/core/operations.ts";
import { findMember } from "../../src/store/members.ts";
import {
  anonymous,
  aRoom,
  asUser,
  aUser,
  openTestBus,
  roomCreate,
  userUpdate,
} from "../harness/builders.ts";
import { count } from "../harness/counts.ts";

function rights(user: UserId): Effect {
  return { kind: "rights.changed", users: [user] };
}

function told(
  user: UserId,
  event: Extract<Effect, { kind: "user.told" }>["event"],
  about: { readonly room: RoomId; readonly role: RoomRole | null },
): Effect {
  return { kind: "user.told", user, event, ...about };
}

async function aBus(userRole: "admin" | "member" = "member") {
  const bus = openTestBus();
  const [owner, user] = [await bus.addUser(userRole), await bus.addUser()];
  const room = await bus.addRoom(owner);
  const add = (role: RoomRole) => ({ kind: "member.add", room, user, role }) as const;
  const state = () => findMember(bus.store, { room, user });
  return { bus, owner, user, room, add, state, [Symbol.dispose]: () => bus[Symbol.dispose]() };
}

describe("adding a member", () => {
  test("by an owner gives no rights before the user accepts", async () => {
    using at = await aBus();
    const { bus, owner, user, room } = at;
    expect(await bus.must(at.add("writer"), asUser(owner))).toEqual([
      told(user, "room.invited", { room, role: "writer" }),
    ]);
    expect(at.state()).toMatchObject({ role: "writer", state: "pending" });
    expect(await bus.must({ kind: "member.accept", room, user }, asUser(user))).toEqual([
      rights(user),
      told(user, "room.gained", { room, role: "writer" }),
    ]);
    expect(at.state()).toMatchObject({ role: "writer", state: "active" });
    expect(await bus.must({ kind: "member.accept", room, user }, asUser(user))).toEqual([]);
  });

  test("by the operator, or an owner who is an admin, is at once", async () => {
    using at = await aBus("admin");
    const { bus, owner, user, room } = at;
    const gained = [rights(user), told(user, "room.gained", { room, role: "member" })];
    expect(await bus.must(at.add("member"), asUser(owner))).toEqual(gained);
    await bus.must({ kind: "member.remove", room, user });
    expect(await bus.must(at.add("member"))).toEqual(gained);
    expect(at.state()).toMatchObject({ state: "active" });
  });

  test("again changes the role: at once when active, and without rights when pending", async () => {
    using at = await aBus();
    const { bus, owner, user, room } = at;
    await bus.must(at.add("reader"), asUser(owner));
    expect(await bus.must(at.add("owner"), asUser(owner))).toEqual([
      told(user, "room.invited", { room, role: "owner" }),
    ]);
    expect(at.state()).toMatchObject({ role: "owner", state: "pending" });
    await bus.must({ kind: "member.accept", room, user });
    expect(await bus.must(at.add("reader"), asUser(owner))).toEqual([
      rights(user),
      told(user, "room.changed", { room, role: "reader" }),
    ]);
    expect(await bus.must(at.add("reader"), asUser(owner))).toEqual([]);
  });

  test("is refused to outsiders as if the room were none, and to members by name", async () => {
    using at = await aBus();
    const { bus, user, room } = at;
    const before = bus.rows();
    expect(await bus.try(at.add("owner"), asUser(user))).toBe("room-not-found");
    expect(await bus.try(at.add("owner"), anonymous)).toBe("room-not-found");
    const unknown = { kind: "member.add", room: aRoom(), user, role: "owner" } as const;
    expect((await bus.commit(unknown, asUser(user))).outcome).toEqual(
      (await bus.commit(at.add("owner"), asUser(user))).outcome,
    );
    expect(bus.rows()).toBe(before);
    await bus.must(at.add("member"));
    expect(await bus.try(at.add("owner"), asUser(user))).toBe("forbidden");
    const nobody = { kind: "member.add", room, user: aUser(), role: "member" } as const;
    expect(await bus.try(nobody)).toBe("user-not-found");
    await bus.must({ kind: "user.revoke", user });
    expect(await bus.try(at.add("reader"))).toBe("user-revoked");
  });

  test("is anonymous's right in a room that anonymous made", async () => {
    using at = await aBus();
    const room = aRoom();
    await at.bus.must(roomCreate(room), anonymous);
    const add = { kind: "member.add", room, user: at.user, role: "member" } as const;
    expect(await at.bus.must(add, anonymous)).toEqual([
      told(at.user, "room.invited", { room, role: "member" }),
    ]);
  });
});

describe("removing a member", () => {
  test("takes its rights and tells it; of a pending one there are none to take", async () => {
    using at = await aBus();
    const { bus, owner, user, room } = at;
    const remove = { kind: "member.remove", room, user } as const;
    const lost = told(user, "room.lost", { room, role: null });
    await bus.must(at.add("member"), asUser(owner));
    expect(await bus.must(remove, asUser(user))).toEqual([lost]);
    await bus.must(at.add("member"));
    expect(await bus.must(remove, asUser(owner))).toEqual([rights(user), lost]);
    expect(at.state()).toBeNull();
    expect(await bus.try(remove, asUser(owner))).toBe("member-not-found");
    expect(await bus.try(remove, asUser(user))).toBe("room-not-found");
  });

  test("is also an admin's, and everybody may leave", async () => {
    using at = await aBus();
    const { bus, user, room, owner } = at;
    const admin = await bus.addUser("admin");
    await bus.must(at.add("member"));
    const other = { kind: "member.remove", room, user: owner } as const;
    expect(await bus.try(other, asUser(user))).toBe("forbidden");
    expect(await bus.try({ kind: "member.remove", room, user }, asUser(admin))).toBe("applied");
    await bus.must(at.add("member"));
    expect(await bus.try({ kind: "member.remove", room, user }, asUser(user))).toBe("applied");
  });
});

describe("the last owner of a room", () => {
  test("neither leaves nor becomes less, but for the operator; a second owner makes it possible", async () => {
    using at = await aBus();
    const { bus, owner, user, room } = at;
    const admin = await bus.addUser("admin");
    const leave = { kind: "member.remove", room, user: owner } as const;
    const lower = { kind: "member.add", room, user: owner, role: "reader" } as const;
    const before = bus.rows();
    expect(await bus.try(leave, asUser(owner))).toBe("last-owner");
    expect(await bus.try(leave, asUser(admin))).toBe("last-owner");
    expect(await bus.try(lower, asUser(owner))).toBe("last-owner");
    expect(bus.rows()).toBe(before);
    // An owner who has not accepted is none yet.
    await bus.must(at.add("owner"), asUser(owner));
    expect(await bus.try(leave, asUser(owner))).toBe("last-owner");
    await bus.must({ kind: "member.accept", room, user }, asUser(user));
    expect(await bus.try(lower, asUser(owner))).toBe("applied");
    expect(await bus.try({ ...leave, user }, asUser(user))).toBe("last-owner");
    expect(await bus.try({ ...leave, user })).toBe("last-owner");
    expect(await bus.try({ ...leave, user, orphan: true }, asUser(user))).toBe("last-owner");
    expect(await bus.try({ ...leave, user, orphan: true })).toBe("applied");
  });

  test("may be revoked; then it does not count, and does not hinder others", async () => {
    using at = await aBus();
    const { bus, owner, user, room } = at;
    await bus.must(at.add("owner"));
    await bus.must({ kind: "user.revoke", user: owner });
    const leave = { kind: "member.remove", room, user } as const;
    expect(await bus.try(leave, asUser(user))).toBe("last-owner");
    expect(await bus.try({ ...leave, user: owner }, asUser(user))).toBe("applied");
  });
});

describe("in an encrypted room", () => {
  test("members change by signed records alone, and the last owner does not leave", async () => {
    using at = await aBus();
    const { bus, owner, user } = at;
    const room = await bus.addEncryptedRoom(owner);
    const admin = await bus.addUser("admin");
    const before = bus.rows();
    const add = { kind: "member.add", room, user, role: "member" } as const;
    expect(await bus.try(add, asUser(owner))).toBe("record-required");
    expect(await bus.try(add)).toBe("record-required");
    expect(await bus.try(add, asUser(admin))).toBe("forbidden");
    expect(await bus.try(add, asUser(user))).toBe("room-not-found");
    const leave = { kind: "member.remove", room, user: owner } as const;
    expect(await bus.try(leave, asUser(owner))).toBe("last-owner");
    expect(await bus.try(leave, asUser(admin))).toBe("last-owner");
    expect(bus.rows()).toBe(before);
    expect(await bus.try(leave)).toBe("last-owner");
    expect(await bus.try({ ...leave, orphan: true })).toBe("applied");
  });
});

describe("an owner who is no admin [M-013]", () => {
  test("adds and removes a user as often as it likes without touching the user's connections", async () => {
    using at = await aBus();
    const { bus, owner, user, room } = at;
    const remove = { kind: "member.remove", room, user } as const;
    const loss = async () => (await bus.must(remove, asUser(owner))).filter(isRights);
    for (let again = 0; again < count("adds-and-removes"); again++) {
      const added = await bus.must(at.add(again % 2 === 0 ? "member" : "owner"), asUser(owner));
      expect([...added.filter(isRights), ...(await loss())]).toEqual([]);
    }
    // Whoever has agreed once can lose what it agreed to once, and has to agree again.
    for (let agreed = 0; agreed < 3; agreed++) {
      // The user agrees itself each time: nothing is given back by the owner alone.
      await bus.must(at.add("member"), asUser(owner));
      await bus.must({ kind: "member.accept", room, user }, asUser(user));
      expect(await loss()).toEqual([rights(user)]);
      expect((await bus.must(at.add("member"), asUser(owner))).filter(isRights)).toEqual([]);
      expect(await loss()).toEqual([]);
    }
  });

  test("cannot do it by deleting the room and making another", async () => {
    using at = await aBus();
    const { bus, owner, user } = at;
    for (let again = 0; again < 10; again++) {
      const room = await bus.addRoom(owner);
      await bus.must({ kind: "member.add", room, user, role: "member" }, asUser(owner));
      const effects = await bus.must({ kind: "room.delete", room }, asUser(owner));
      expect(effects.filter(isRights)).toEqual([rights(owner)]);
    }
  });

  test("reaches those who take everybody's adding: they have agreed beforehand", async () => {
    using at = await aBus();
    const { bus, owner, user, room } = at;
    await bus.must(userUpdate(user, { accept: "all" }), asUser(user));
    expect(await bus.must(at.add("member"), asUser(owner))).toContainEqual(rights(user));
    const remove = { kind: "member.remove", room, user } as const;
    expect(await bus.must(remove, asUser(owner))).toContainEqual(rights(user));
  });

  test("is refused past what a user may be asked into, and nothing changes", async () => {
    using at = await aBus();
    const { bus, owner, user } = at;
    for (let waiting = 0; waiting < PENDING_PER_USER_MAX; waiting++) {
      const room = await bus.addRoom(owner);
      await bus.must({ kind: "member.add", room, user, role: "member" }, asUser(owner));
    }
    const before = bus.rows();
    expect(await bus.try(at.add("member"), asUser(owner))).toBe("pending-full");
    expect(bus.rows()).toBe(before);
  });
});

function isRights({ kind }: Effect): boolean {
  return kind === "rights.changed";
}

test("nobody accepts for another but the operator", async () => {
  using at = await aBus();
  const { bus, owner, user, room } = at;
  await bus.must(at.add("member"), asUser(owner));
  const accept = { kind: "member.accept", room, user } as const;
  expect(await bus.try(accept, asUser(owner))).toBe("forbidden");
  expect(await bus.try({ ...accept, user: owner })).toBe("applied");
  expect(await bus.try({ ...accept, user: aUser() })).toBe("member-not-found");
  await bus.must({ kind: "user.revoke", user });
  expect(await bus.try(accept)).toBe("user-revoked");
  expect(at.state()).toMatchObject({ state: "pending" });
});
