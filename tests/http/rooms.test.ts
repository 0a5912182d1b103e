import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";
import { anonymous, aRoom, aUser, NO_ROWS, roomCreate } from "../harness/builders.ts";

describe("a room", () => {
  test("is made with an owner, and shown and listed as one shape [M-005]", async () => {
    using api = openTestApi();
    const owner = await api.bus.addUser();
    const made = await api.atSocket("POST", "/v1/rooms", {
      body: { name: "ops", owner, history: "keep" },
    });
    expect(made.status).toBe(201);
    const { room, subject } = made.json;
    expect(made.headers.get("location")).toBe(`/v1/rooms/${room}`);
    expect(made.headers.get("unibus-seq")).toBe("2");
    expect(room).toMatch(/^[a-z2-7]{26}$/);
    expect(subject).toMatch(new RegExp(`^rm\\.k\\.[0-9a-f]\\.${room}$`));
    expect(made.json).toEqual({
      room,
      name: "ops",
      content: "plain",
      history: "keep",
      historyKept: false,
      subject,
      members: 1,
      createdBy: "operator",
      createdAt: "2023-11-14T22:13:20.000Z",
    });
    expect((await api.atSocket("GET", `/v1/rooms/${room}`)).json).toEqual(made.json);
    expect((await api.atSocket("GET", "/v1/rooms")).json).toEqual({
      rooms: [made.json],
      next: null,
    });
  });

  test("without history has the class n in its subject", async () => {
    using api = openTestApi();
    const { json } = await api.atSocket("POST", "/v1/rooms", {
      body: { name: "chat", history: "off" },
    });
    expect([json.history, json.subject.slice(0, 5), json.members]).toEqual(["off", "rm.n.", 0]);
  });

  test("is deleted with its memberships, and gone", async () => {
    using api = openTestApi();
    const room = await api.bus.addRoom(await api.bus.addUser());
    const deleted = await api.atSocket("DELETE", `/v1/rooms/${room}`);
    expect([deleted.status, deleted.text]).toEqual([204, ""]);
    expect(deleted.headers.get("unibus-seq")).toBe("3");
    for (const method of ["GET", "DELETE"]) {
      const answer = await api.atSocket(method, `/v1/rooms/${room}`);
      expect([answer.status, problemOf(answer)]).toEqual([404, "room-not-found"]);
    }
    expect(api.bus.rows()).toEndWith(",[],[]]");
  });

  test("shares its name with others, and all are found by it", async () => {
    using api = openTestApi();
    for (const name of ["ops", "ops", "dev"]) {
      await api.atSocket("POST", "/v1/rooms", { body: { name } });
    }
    const { json } = await api.atSocket("GET", "/v1/rooms?name=ops");
    expect(json.rooms.map((one: { name: string }) => one.name)).toEqual(["ops", "ops"]);
  });

  test("is listed in pages that join without gap or overlap", async () => {
    using api = openTestApi();
    const made: string[] = [];
    for (let n = 0; n < 4; n++) made.push(await api.bus.addRoom());
    const first = await api.atSocket("GET", "/v1/rooms?limit=3");
    const second = await api.atSocket("GET", `/v1/rooms?limit=3&after=${first.json.next}`);
    const seen = [...first.json.rooms, ...second.json.rooms].map((one) => one.room);
    expect(seen).toEqual(made.toSorted());
    expect(second.json.next).toBeNull();
  });
});

describe("what a room may not be", () => {
  test("made in plain text where plain rooms are disabled [M-085] [G-17]", async () => {
    using api = openTestApi({ plainRooms: false });
    const answer = await api.atSocket("POST", "/v1/rooms", { body: { name: "ops" } });
    expect([answer.status, problemOf(answer)]).toEqual([403, "plain-rooms-disabled"]);
    expect(answer.json.detail).toContain("end-to-end encryption");
    expect(api.bus.rows()).toBe(NO_ROWS);
  });

  test("owned by nobody known, or by somebody revoked", async () => {
    using api = openTestApi();
    const revoked = await api.bus.addUser();
    await api.bus.must({ kind: "user.revoke", user: revoked });
    const body = { name: "ops" };
    const unknown = await api.atSocket("POST", "/v1/rooms", { body: { ...body, owner: aUser() } });
    expect(problemOf(unknown)).toBe("user-not-found");
    const out = await api.atSocket("POST", "/v1/rooms", { body: { ...body, owner: revoked } });
    expect(problemOf(out)).toBe("user-revoked");
    const seed = await api.atSocket("POST", "/v1/rooms", { body: { ...body, owner: "SUAAA" } });
    expect(problemOf(seed)).toBe("key-invalid");
  });

  test("named by a text that is no id", async () => {
    using api = openTestApi();
    for (const id of ["nonsense", "%zz", "..%2f", "A".repeat(26)]) {
      const answer = await api.atSocket("GET", `/v1/rooms/${id}`);
      expect([id, answer.status < 500, answer.status >= 400]).toEqual([id, true, true]);
    }
  });
});

describe("somebody unknown, where the mode lets them", () => {
  test("makes a room, sees it, and deletes it", async () => {
    using api = openTestApi({ mode: "off" });
    const made = await api.overTcp("POST", "/v1/rooms", { body: { name: "mine" } });
    expect([made.status, made.json.createdBy]).toEqual([201, "anonymous"]);
    expect((await api.overTcp("GET", "/v1/rooms")).json.rooms).toEqual([made.json]);
    expect((await api.overTcp("DELETE", `/v1/rooms/${made.json.room}`)).status).toBe(204);
  });

  test("sees no room of others, by id, by name or in the list", async () => {
    using api = openTestApi({ mode: "off" });
    const room = await api.bus.addRoom();
    expect((await api.overTcp("GET", "/v1/rooms")).json.rooms).toEqual([]);
    expect((await api.overTcp("GET", "/v1/rooms?name=lobby")).json.rooms).toEqual([]);
    const before = api.bus.rows();
    const answers = [
      await api.overTcp("GET", `/v1/rooms/${room}`),
      await api.overTcp("DELETE", `/v1/rooms/${room}`),
      await api.overTcp("GET", `/v1/rooms/${room}/members`),
      await api.overTcp("GET", `/v1/rooms/${aRoom()}`),
    ];
    expect(answers.map(problemOf)).toEqual(Array(4).fill("room-not-found"));
    // A room that is there and one that is not are told apart by nothing.
    expect(answers[0]?.text).toBe(answers[3]?.text ?? "");
    expect(api.bus.rows()).toBe(before);
  });

  test("names no owner", async () => {
    using api = openTestApi({ mode: "off" });
    const owner = await api.bus.addUser();
    const answer = await api.overTcp("POST", "/v1/rooms", { body: { name: "mine", owner } });
    expect(problemOf(answer)).toBe("forbidden");
  });
});

test("the operator sees the rooms of all", async () => {
  using api = openTestApi({ mode: "off" });
  await api.bus.must(roomCreate(aRoom()), anonymous);
  await api.bus.addRoom();
  expect((await api.atSocket("GET", "/v1/rooms")).json.rooms).toHaveLength(2);
});
