import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";
import { anonymous, aRoom, asUser, aUser, roomCreate } from "../harness/builders.ts";

describe("a member", () => {
  test("is added by the operator at once, changed, listed by name, and removed", async () => {
    using api = openTestApi();
    const room = await api.bus.addRoom();
    const user = aUser();
    await api.bus.must({ kind: "user.add", user, name: "ada", role: "member" });
    const path = `/v1/rooms/${room}/members/${user}`;
    const added = await api.atSocket("PUT", path, { body: { role: "reader" } });
    expect([added.status, added.headers.get("location")]).toEqual([201, path]);
    const shape = {
      room,
      user,
      name: "ada",
      role: "reader",
      state: "active",
      addedAt: "2023-11-14T22:13:20.000Z",
    };
    expect(added.json).toEqual(shape);
    const changed = await api.atSocket("PUT", path, { body: { role: "writer" } });
    expect([changed.status, changed.json.role]).toEqual([200, "writer"]);
    expect((await api.atSocket("GET", `/v1/rooms/${room}/members`)).json).toEqual({
      members: [{ ...shape, role: "writer" }],
      next: null,
    });
    const removed = await api.atSocket("DELETE", path);
    expect([removed.status, removed.text]).toEqual([204, ""]);
    const again = await api.atSocket("DELETE", path);
    expect([again.status, problemOf(again)]).toEqual([404, "member-not-found"]);
  });

  test("is a member, unless another role is asked for", async () => {
    using api = openTestApi();
    const [room, user] = [await api.bus.addRoom(), await api.bus.addUser()];
    const { json } = await api.atSocket("PUT", `/v1/rooms/${room}/members/${user}`);
    expect(json.role).toBe("member");
  });

  test("who waits for acceptance is pending until it comes", async () => {
    using api = openTestApi();
    const [owner, user] = [await api.bus.addUser(), await api.bus.addUser()];
    const room = await api.bus.addRoom(owner);
    await api.bus.must({ kind: "member.add", room, user, role: "member" }, asUser(owner));
    const path = `/v1/rooms/${room}/members/${user}`;
    const list = await api.atSocket("GET", `/v1/rooms/${room}/members`);
    expect(
      list.json.members.map((one: { user: string; state: string }) => [one.user, one.state]),
    ).toContainEqual([user, "pending"]);
    const accepted = await api.atSocket("POST", `${path}/accept`);
    expect([accepted.status, accepted.json.state]).toEqual([200, "active"]);
  });

  test("list comes in pages that join without gap or overlap", async () => {
    using api = openTestApi();
    const room = await api.bus.addRoom();
    const made: string[] = [];
    for (let n = 0; n < 3; n++) {
      const user = await api.bus.addUser();
      await api.bus.must({ kind: "member.add", room, user, role: "member" });
      made.push(user);
    }
    const path = `/v1/rooms/${room}/members?limit=2`;
    const first = await api.atSocket("GET", path);
    const second = await api.atSocket("GET", `${path}&after=${first.json.next}`);
    const seen = [...first.json.members, ...second.json.members].map((one) => one.user);
    expect(seen).toEqual(made.toSorted());
  });
});

describe("what a member may not be", () => {
  test("somebody unknown or revoked, or in a room that is none", async () => {
    using api = openTestApi();
    const [room, revoked] = [await api.bus.addRoom(), await api.bus.addUser()];
    await api.bus.must({ kind: "user.revoke", user: revoked });
    const put = (place: string, user: string) =>
      api.atSocket("PUT", `/v1/rooms/${place}/members/${user}`, { body: {} });
    expect(problemOf(await put(room, aUser()))).toBe("user-not-found");
    expect(problemOf(await put(room, revoked))).toBe("user-revoked");
    expect(problemOf(await put(aRoom(), revoked))).toBe("room-not-found");
    expect(problemOf(await put("nonsense", revoked))).toBe("room-not-found");
    expect(problemOf(await put(room, "nonsense"))).toBe("key-invalid");
  });

  test("accepted where nobody added it", async () => {
    using api = openTestApi();
    const [room, user] = [await api.bus.addRoom(), await api.bus.addUser()];
    const answer = await api.atSocket("POST", `/v1/rooms/${room}/members/${user}/accept`);
    expect(problemOf(answer)).toBe("member-not-found");
  });

  test("given a role that is none", async () => {
    using api = openTestApi();
    const [room, user] = [await api.bus.addRoom(), await api.bus.addUser()];
    const path = `/v1/rooms/${room}/members/${user}`;
    const answer = await api.atSocket("PUT", path, { body: { role: "admin" } });
    expect(problemOf(answer)).toBe("request-invalid");
    expect(answer.json.detail).toContain("owner, member, reader, writer");
  });
});

describe("somebody unknown, where the mode lets them", () => {
  test("manages the room that it made, and is told no names", async () => {
    using api = openTestApi({ mode: "off" });
    const room = aRoom();
    await api.bus.must(roomCreate(room), anonymous);
    const user = aUser();
    await api.bus.must({ kind: "user.add", user, name: "ada", role: "member" });
    const path = `/v1/rooms/${room}/members/${user}`;
    const added = await api.overTcp("PUT", path, { body: { role: "reader" } });
    expect([added.status, added.json.state, added.json.name]).toEqual([201, "pending", null]);
    const list = await api.overTcp("GET", `/v1/rooms/${room}/members`);
    expect(list.json.members[0].name).toBeNull();
    expect(problemOf(await api.overTcp("POST", `${path}/accept`))).toBe("forbidden");
    expect((await api.overTcp("DELETE", path)).status).toBe(204);
  });

  test("changes nothing in a room of others", async () => {
    using api = openTestApi({ mode: "soft" });
    const user = await api.bus.addUser();
    const room = await api.bus.addRoom(user);
    const before = api.bus.rows();
    const path = `/v1/rooms/${room}/members/${user}`;
    const answers = [
      await api.overTcp("PUT", path, { body: { role: "reader" } }),
      await api.overTcp("DELETE", path),
      await api.overTcp("POST", `${path}/accept`),
    ];
    expect(answers.map(problemOf)).toEqual(Array(3).fill("room-not-found"));
    expect(api.bus.rows()).toBe(before);
  });
});
