// Tries src/store/apply-users.ts and src/store/decision.ts through the write path.
import { describe, expect, test } from "bun:test";
import { actorFacts } from "../../src/store/decision.ts";
import { findUser } from "../../src/store/users.ts";
import { userVersion } from "../../src/store/versions.ts";
import {
  anonymous,
  aRoom,
  asUser,
  aUser,
  NOW,
  openTestBus,
  userUpdate,
} from "../harness/builders.ts";

describe("seeding", () => {
  test("makes the first admin once; the next is told how to add another", async () => {
    using bus = openTestBus();
    const first = aUser();
    expect(await bus.must({ kind: "user.seed", user: first, name: "root" })).toEqual([]);
    expect(findUser(bus.store, first)).toMatchObject({ role: "admin", state: "active" });
    const before = bus.rows();
    expect(await bus.try({ kind: "user.seed", user: aUser(), name: null })).toBe("bus-has-admin");
    expect(bus.rows()).toBe(before);
  });

  test("works again when every admin is revoked, but not of one of them", async () => {
    using bus = openTestBus();
    const first = aUser();
    await bus.must({ kind: "user.seed", user: first, name: null });
    await bus.must({ kind: "user.revoke", user: first, orphan: true });
    expect(await bus.try({ kind: "user.seed", user: first, name: null })).toBe("user-revoked");
    expect(await bus.try({ kind: "user.seed", user: aUser(), name: null })).toBe("applied");
  });

  test("does not raise a member, and is for the operator alone", async () => {
    using bus = openTestBus();
    const member = await bus.addUser();
    expect(await bus.try({ kind: "user.seed", user: member, name: null })).toBe("user-exists");
    const seed = { kind: "user.seed", user: aUser(), name: null } as const;
    expect(await bus.try(seed, asUser(member))).toBe("forbidden");
    expect(await bus.try(seed, anonymous)).toBe("forbidden");
  });
});

describe("adding", () => {
  test("is for admins and the operator, and writes one row", async () => {
    using bus = openTestBus();
    const [admin, member] = [await bus.addUser("admin"), await bus.addUser()];
    const user = aUser();
    const add = { kind: "user.add", user, name: "Eve", role: "member" } as const;
    const before = bus.rows();
    expect(await bus.try(add, asUser(member))).toBe("forbidden");
    expect(await bus.try(add, asUser(aUser()))).toBe("forbidden");
    expect(await bus.try(add, anonymous)).toBe("forbidden");
    expect(bus.rows()).toBe(before);
    expect(await bus.try(add, asUser(admin))).toBe("applied");
    expect(await bus.try(add, asUser(admin))).toBe("user-exists");
    expect(findUser(bus.store, user)).toMatchObject({ name: "Eve", role: "member" });
  });

  test("gives a name once, whatever its case, also that of a revoked user", async () => {
    using bus = openTestBus();
    const named = (name: string) =>
      ({ kind: "user.add", user: aUser(), name, role: "member" }) as const;
    const first = named("Alice");
    await bus.must(first);
    expect(await bus.try(named("ALICE"))).toBe("name-taken");
    await bus.must({ kind: "user.revoke", user: first.user });
    expect(await bus.try(named("alice"))).toBe("name-taken");
    expect(await bus.try(named("alicia"))).toBe("applied");
  });
});

describe("revoking", () => {
  test("changes the user's rights each time, and the row once [M-013]", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const effects = [{ kind: "rights.changed", users: [user] }] as const;
    expect(await bus.must({ kind: "user.revoke", user })).toEqual(effects);
    const before = bus.rows();
    expect(await bus.must({ kind: "user.revoke", user })).toEqual(effects);
    expect(bus.rows()).toBe(before);
    expect(findUser(bus.store, user)?.state).toBe("revoked");
  });

  test("takes from an admin what an admin may, and restoring gives it back", async () => {
    using bus = openTestBus();
    const admin = await bus.addUser("admin");
    await bus.addUser("admin");
    expect(actorFacts(bus.store, asUser(admin), NOW)).toMatchObject({ role: "admin" });
    await bus.must({ kind: "user.revoke", user: admin });
    expect(actorFacts(bus.store, asUser(admin), NOW)).toMatchObject({ role: null });
    expect(await bus.try({ kind: "user.restore", user: admin }, asUser(admin))).toBe("forbidden");
    await bus.must({ kind: "user.restore", user: admin });
    expect(actorFacts(bus.store, asUser(admin), NOW)).toMatchObject({ role: "admin" });
  });

  test("keeps memberships dormant: they are there again after restoring", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const room = await bus.addRoom(user);
    await bus.must({ kind: "user.revoke", user });
    expect(await bus.try({ kind: "room.delete", room }, asUser(user))).toBe("forbidden");
    await bus.must({ kind: "user.restore", user });
    expect(await bus.try({ kind: "room.delete", room }, asUser(user))).toBe("applied");
  });

  test("of nobody known is refused", async () => {
    using bus = openTestBus();
    expect(await bus.try({ kind: "user.revoke", user: aUser() })).toBe("user-not-found");
    expect(await bus.try({ kind: "user.restore", user: aUser() })).toBe("user-not-found");
    expect(await bus.try({ kind: "room.delete", room: aRoom() })).toBe("room-not-found");
  });
});

describe("changing a user", () => {
  test("is an admin's for name and role, and one's own for whose adding one takes", async () => {
    using bus = openTestBus();
    const [admin, user] = [await bus.addUser("admin"), await bus.addUser()];
    const before = bus.rows();
    expect(await bus.try(userUpdate(user, { name: "Eve" }), asUser(user))).toBe("forbidden");
    expect(await bus.try(userUpdate(user, { role: "admin" }), asUser(user))).toBe("forbidden");
    expect(await bus.try(userUpdate(user, { accept: "all" }), asUser(admin))).toBe("forbidden");
    expect(await bus.try(userUpdate(user, { accept: "all" }))).toBe("forbidden");
    expect(await bus.try(userUpdate(aUser(), { name: "Eve" }))).toBe("user-not-found");
    expect(bus.rows()).toBe(before);
    const later = { at: NOW + 5 };
    expect(await bus.must(userUpdate(user, { name: "Eve" }), asUser(admin), later)).toEqual([]);
    await bus.must(userUpdate(user, { accept: "all" }), asUser(user));
    await bus.must(userUpdate(user, { role: "admin" }));
    expect(findUser(bus.store, user)).toEqual({
      ...{ user, name: "Eve", role: "admin", state: "active", accept: "all" },
      ...{ createdAt: NOW, changedAt: NOW + 5, successor: null, keyNumber: 1 },
    });
  });

  test("to what it is changes nothing, and a name is nobody else's", async () => {
    using bus = openTestBus();
    const [user, other] = [await bus.addUser(), await bus.addUser()];
    await bus.must(userUpdate(user, { name: "Eve" }));
    const before = bus.rows();
    expect(await bus.try(userUpdate(user, { name: "Eve" }), undefined, { at: NOW + 9 })).toBe(
      "applied",
    );
    expect(await bus.try(userUpdate(other, { name: "EVE" }))).toBe("name-taken");
    expect(bus.rows()).toBe(before);
    expect(await bus.try(userUpdate(user, { name: "EVE" }))).toBe("applied");
  });

  test("is refused when it was changed since the caller looked", async () => {
    using bus = openTestBus();
    const user = await bus.addUser();
    const version = () => {
      const record = findUser(bus.store, user);
      return record && userVersion(record);
    };
    const seen = version();
    await bus.must(userUpdate(user, { name: "Eve", ifVersion: seen }));
    const stale = userUpdate(user, { name: "Mallory", ifVersion: seen });
    expect(await bus.try(stale)).toBe("version-conflict");
    expect(await bus.try(userUpdate(user, { name: "x", ifVersion: "" }))).toBe("version-conflict");
    expect(findUser(bus.store, user)?.name).toBe("Eve");
  });
});

test("the last admin is neither revoked nor made a member by accident, but by the operator who says so", async () => {
  using bus = openTestBus();
  const [first, second] = [await bus.addUser("admin"), await bus.addUser("admin")];
  const lower = (user: typeof first) => userUpdate(user, { role: "member" });
  expect(await bus.try(lower(second), asUser(first))).toBe("applied");
  expect(await bus.try(lower(first), asUser(first))).toBe("last-admin");
  expect(await bus.try({ kind: "user.revoke", user: first }, asUser(first))).toBe("last-admin");
  await bus.must(userUpdate(second, { role: "admin" }));
  await bus.must({ kind: "user.revoke", user: second }, asUser(first));
  // A revoked admin is no second one.
  expect(await bus.try({ kind: "user.revoke", user: first }, asUser(first))).toBe("last-admin");
  expect(await bus.try(lower(first))).toBe("last-admin");
  expect(await bus.try({ kind: "user.revoke", user: first })).toBe("last-admin");
  expect(await bus.try({ kind: "user.revoke", user: first, orphan: true }, asUser(first))).toBe(
    "last-admin",
  );
  expect(await bus.try({ ...lower(first), orphan: true })).toBe("applied");
  await bus.must(userUpdate(first, { role: "admin" }));
  expect(await bus.try({ kind: "user.revoke", user: first, orphan: true })).toBe("applied");
});
