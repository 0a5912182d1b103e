import { describe, expect, test } from "bun:test";
import { listMemberships, listRoomsOf } from "../../src/store/members.ts";
import { findUser } from "../../src/store/users.ts";
import { asUser, aUser, keyReplacement, openTestBus } from "../harness/builders.ts";

async function aBus() {
  const bus = openTestBus();
  const [admin, user] = [await bus.addUser("admin"), await bus.addUser()];
  const room = await bus.addRoom(user);
  const by = aUser();
  const replace = keyReplacement(user, by);
  const roomsOf = (one: typeof user) => listMemberships(bus.store, one, { plainRooms: true });
  const dispose = { [Symbol.dispose]: () => bus[Symbol.dispose]() };
  return { bus, admin, user, room, by, replace, roomsOf, ...dispose };
}

describe("an admin who puts a key in a user's place", () => {
  test("comes by it into no room of the user's", async () => {
    using at = await aBus();
    const { bus, admin, user, by, room } = at;
    const effects = await bus.must(at.replace, asUser(admin));
    expect(effects).toEqual([{ kind: "rights.changed", users: [user, by] }]);
    expect(at.roomsOf(by)).toEqual([]);
    expect(listRoomsOf(bus.store, by)).toEqual([]);
    expect(findUser(bus.store, by)?.state).toBe("active");
    expect(await bus.try({ kind: "member.accept", room, user: by }, asUser(by))).toBe(
      "room-not-found",
    );
  });

  test("has not taken them from the user, who may be restored", async () => {
    using at = await aBus();
    const { bus, admin, user, room } = at;
    await bus.must(at.replace, asUser(admin));
    expect(at.roomsOf(user)).toEqual([]);
    const restore = { kind: "user.restore", user } as const;
    expect(await bus.try(restore, asUser(admin))).toBe("key-replaced");
    await bus.must({ kind: "user.revoke", user }, asUser(admin));
    await bus.must(restore, asUser(admin));
    expect(findUser(bus.store, at.by)?.state).toBe("revoked");
    expect(at.roomsOf(user)).toMatchObject([{ id: room, role: "owner" }]);
  });
});

test("the user itself and the local operator move the rooms to the new key", async () => {
  for (const isOneself of [true, false]) {
    using at = await aBus();
    const { bus, user, by, room } = at;
    await (isOneself ? bus.must(at.replace, asUser(user)) : bus.must(at.replace));
    expect(at.roomsOf(by)).toMatchObject([{ id: room, role: "owner" }]);
  }
});
