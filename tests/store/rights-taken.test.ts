// Tries src/store/rights-taken.ts through the write path.
import { describe, expect, test } from "bun:test";
import { RIGHTS_TAKEN_PAUSE_MS } from "../../src/core/limits.ts";
import type { Operation, RoomRole } from "../../src/core/operations.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { asToken, asUser, NOW, openTestBus, tokenCreate, userUpdate } from "../harness/builders.ts";

describe("rights that were taken", () => {
  const later = (ms: number) => ({ at: NOW + ms });

  /** A member of a room who is in it with all rights. */
  async function aMember() {
    const bus = openTestBus();
    const [owner, user] = [await bus.addUser(), await bus.addUser()];
    const room = await bus.addRoom(owner);
    const add = (role: RoomRole) => ({ kind: "member.add", room, user, role }) as const;
    await bus.must(add("member"));
    const set = (role: RoomRole, more: Partial<Operation> = {}, actor = asUser(owner)) =>
      bus.try(add(role), actor, more);
    return { bus, owner, user, room, set, [Symbol.dispose]: () => bus[Symbol.dispose]() };
  }

  test("are given back by whoever took them after a minute, and taken at any time", async () => {
    using at = await aMember();
    expect(await at.set("reader")).toBe("applied");
    expect(await at.set("member", later(1))).toBe("rights-taken-lately");
    expect(await at.set("writer", later(2))).toBe("rights-taken-lately");
    expect(await at.set("member", later(RIGHTS_TAKEN_PAUSE_MS - 1))).toBe("rights-taken-lately");
    expect(await at.set("member", later(RIGHTS_TAKEN_PAUSE_MS))).toBe("applied");
    expect(await at.set("writer", later(RIGHTS_TAKEN_PAUSE_MS + 1))).toBe("applied");
    const remove = { kind: "member.remove", room: at.room, user: at.user } as const;
    const soon = later(RIGHTS_TAKEN_PAUSE_MS + 2);
    expect(await at.bus.try(remove, asUser(at.owner), soon)).toBe("applied");
    expect(verifyJournal(at.bus.store).entries).toBeGreaterThan(0);
  });

  test("of one room are not given in another by the same owner, and its token is the same", async () => {
    using at = await aMember();
    const { bus, owner, user } = at;
    await bus.must(userUpdate(user, { accept: "all" }), asUser(user));
    const [one, other] = [await bus.addRoom(owner), await bus.addRoom(owner)];
    const token = tokenCreate(owner);
    await bus.must(token, asUser(owner));
    await bus.must({ kind: "member.add", room: one, user, role: "member" }, asUser(owner));
    await bus.must({ kind: "room.delete", room: one }, asToken(owner, token.token));
    const add = { kind: "member.add", room: other, user, role: "member" } as const;
    expect(await bus.try(add, asUser(owner))).toBe("rights-taken-lately");
    expect(await bus.try(add, asToken(owner, token.token))).toBe("rights-taken-lately");
    expect(await bus.try(add)).toBe("applied");
    // Nothing was taken from anybody else.
    const bystander = await bus.addUser();
    expect(await bus.try({ ...add, user: bystander }, asUser(owner))).toBe("applied");
  });

  test("are given by another owner, and by the user itself who accepts anew", async () => {
    using at = await aMember();
    const { bus, user, room } = at;
    const second = await bus.addUser();
    await bus.must({ kind: "member.add", room, user: second, role: "owner" });
    expect(await at.set("reader")).toBe("applied");
    expect(await at.set("member", {}, asUser(second))).toBe("applied");
    await bus.must({ kind: "member.remove", room, user }, asUser(at.owner));
    expect(await at.set("member")).toBe("applied");
    expect(await bus.try({ kind: "member.accept", room, user }, asUser(user))).toBe("applied");
  });

  test("matter neither where nothing was lost, nor to who leaves, nor at level 1", async () => {
    using at = await aMember();
    expect([await at.set("owner"), await at.set("member"), await at.set("owner")]).toEqual(
      Array(3).fill("applied"),
    );
    using old = await aMember();
    old.bus.store.database.run("UPDATE bus SET format = 1");
    expect([await old.set("reader"), await old.set("member")]).toEqual(["applied", "applied"]);
    const taken = old.bus.store.database.query("SELECT 1 FROM rights_taken");
    expect(taken.get()).toBeNull();
  });

  test("long ago are forgotten when some are taken again", async () => {
    using at = await aMember();
    await at.set("reader");
    const hour = 3_600_000;
    await at.set("member", later(hour));
    await at.set("reader", later(hour + 1));
    const rows = at.bus.store.database.query("SELECT at FROM rights_taken").values();
    expect(rows).toEqual([[NOW + hour + 1]]);
  });
});
