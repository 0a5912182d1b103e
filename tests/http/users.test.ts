import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";
import { aUser, NO_ROWS } from "../harness/builders.ts";
import { anAdmitted, anIdentity, replacementBody } from "../harness/identity.ts";

const AT = "2023-11-14T22:13:20.000Z";

describe("a user", () => {
  test("is seeded, added, shown and listed as one shape [M-006]", async () => {
    using api = openTestApi();
    const [admin, member] = [aUser("admin"), aUser("member")];
    const seeded = await api.atSocket("POST", "/v1/users/seed", { body: { user: admin } });
    expect(seeded.status).toBe(201);
    const added = await api.atSocket("POST", "/v1/users", {
      body: { user: member, name: "Ada", role: "member" },
    });
    expect(added.status).toBe(201);
    expect(added.headers.get("location")).toBe(`/v1/users/${member}`);
    expect(added.headers.get("unibus-seq")).toBe("2");
    const shape = {
      user: member,
      name: "Ada",
      role: "member",
      state: "active",
      accept: "from-admins",
      createdAt: AT,
      changedAt: AT,
      successor: null,
      keyNumber: 1,
    };
    expect(added.json).toEqual(shape);
    const list = await api.atSocket("GET", "/v1/users");
    expect(list.json.next).toBeNull();
    expect(list.json.users).toHaveLength(2);
    expect(list.json.users).toContainEqual(shape);
    expect(list.json.users).toContainEqual({
      ...shape,
      user: admin,
      name: null,
      role: "admin",
    });
    const shown = await api.atSocket("GET", `/v1/users/${member}`);
    expect(shown.json).toEqual({ ...shape, rooms: [] });
  });

  test("is shown with the rooms it is in", async () => {
    using api = openTestApi();
    const user = await api.bus.addUser();
    const room = await api.bus.addRoom(user);
    const { json } = await api.atSocket("GET", `/v1/users/${user}`);
    expect(json.rooms).toEqual([{ room, name: "lobby", role: "owner", state: "active" }]);
  });

  test("is found by its name, in whatever case", async () => {
    using api = openTestApi();
    const user = aUser();
    await api.atSocket("POST", "/v1/users", { body: { user, name: "Ada L" } });
    const found = await api.atSocket("GET", "/v1/users?name=ada%20l");
    expect(found.json.users.map((one: { user: string }) => one.user)).toEqual([user]);
    expect((await api.atSocket("GET", "/v1/users?name=bob")).json).toEqual({
      users: [],
      next: null,
    });
  });

  test("is revoked and restored, and doing it twice is no fault", async () => {
    using api = openTestApi();
    const user = await api.bus.addUser();
    for (const state of ["revoked", "revoked"]) {
      const { status, json } = await api.atSocket("POST", `/v1/users/${user}/revoke`);
      expect([status, json.state]).toEqual([200, state]);
    }
    const { json } = await api.atSocket("POST", `/v1/users/${user}/restore`, { body: {} });
    expect(json.state).toBe("active");
  });
});

describe("a list of users", () => {
  test("comes in pages that join without gap or overlap", async () => {
    using api = openTestApi();
    const made: string[] = [];
    for (let n = 0; n < 5; n++) made.push(await api.bus.addUser());
    const seen: string[] = [];
    let path: string | null = "/v1/users?limit=2";
    const sizes: number[] = [];
    while (path) {
      const { json } = await api.atSocket("GET", path);
      sizes.push(json.users.length);
      seen.push(...json.users.map((one: { user: string }) => one.user));
      path = json.next === null ? null : `/v1/users?limit=2&after=${json.next}`;
    }
    expect(sizes).toEqual([2, 2, 1]);
    expect(seen).toEqual(made.toSorted());
  });

  test.each(["0", "-1", "1.5", "x", ""])("refuses the limit %p", async (limit) => {
    using api = openTestApi();
    const answer = await api.atSocket("GET", `/v1/users?limit=${limit}`);
    expect(problemOf(answer)).toBe("request-invalid");
  });

  test("refuses a cursor that is none", async () => {
    using api = openTestApi();
    const answer = await api.atSocket("GET", "/v1/users?after=nonsense");
    expect(problemOf(answer)).toBe("key-invalid");
  });
});

describe("what a user may not be", () => {
  test.each([
    ["a seed, which is not repeated", `SU${"A".repeat(56)}`],
    ["not a key", "nonsense"],
    ["a key with one character changed", aUser("x").replace(/.$/, "A").replace(/^U./, "UQ")],
  ])("%s", async (_what, user) => {
    using api = openTestApi();
    const answer = await api.atSocket("POST", "/v1/users", { body: { user } });
    expect(answer.status).toBe(422);
    expect(problemOf(answer)).toBe("key-invalid");
    expect(answer.text).not.toContain(user);
    expect(api.bus.rows()).toBe(NO_ROWS);
  });

  test("a second user of a key or of a name", async () => {
    using api = openTestApi();
    const user = aUser();
    await api.atSocket("POST", "/v1/users", { body: { user, name: "ada" } });
    const again = await api.atSocket("POST", "/v1/users", { body: { user } });
    expect([again.status, problemOf(again)]).toEqual([409, "user-exists"]);
    const namesake = await api.atSocket("POST", "/v1/users", {
      body: { user: aUser(), name: "ADA" },
    });
    expect([namesake.status, problemOf(namesake)]).toEqual([409, "name-taken"]);
  });

  test("a second first admin", async () => {
    using api = openTestApi();
    await api.atSocket("POST", "/v1/users/seed", { body: { user: aUser() } });
    const second = await api.atSocket("POST", "/v1/users/seed", { body: { user: aUser() } });
    expect([second.status, problemOf(second)]).toEqual([409, "bus-has-admin"]);
  });

  test("somebody with a name that hides or looks like a key", async () => {
    using api = openTestApi();
    for (const name of ["", " a", "a\u202eb", "a\nb", "x".repeat(65), aUser()]) {
      const answer = await api.atSocket("POST", "/v1/users", { body: { user: aUser(), name } });
      expect([name, problemOf(answer)]).toEqual([name, "request-invalid"]);
    }
  });

  test("shown, revoked or restored without being one", async () => {
    using api = openTestApi();
    const user = aUser();
    const answers = [
      await api.atSocket("GET", `/v1/users/${user}`),
      await api.atSocket("POST", `/v1/users/${user}/revoke`),
      await api.atSocket("POST", `/v1/users/${user}/restore`),
    ];
    expect(answers.map(problemOf)).toEqual(Array(3).fill("user-not-found"));
  });
});

test("nobody on the network sees or changes users, whatever the mode", async () => {
  for (const mode of ["off", "soft"] as const) {
    using api = openTestApi({ mode });
    const user = await api.bus.addUser();
    const before = api.bus.rows();
    const answers = [
      await api.overTcp("GET", "/v1/users"),
      await api.overTcp("GET", `/v1/users/${user}`),
      await api.overTcp("GET", "/v1/users?name=x"),
      await api.overTcp("POST", "/v1/users", { body: { user: aUser() } }),
      await api.overTcp("POST", "/v1/users/seed", { body: { user: aUser() } }),
      await api.overTcp("POST", `/v1/users/${user}/revoke`),
      await api.overTcp("POST", `/v1/users/${user}/restore`),
    ];
    expect(answers.map(problemOf)).toEqual(Array(answers.length).fill("forbidden"));
    expect(api.bus.rows()).toBe(before);
  }
});

describe("a user that replaced its key", () => {
  async function aReplaced() {
    const api = openTestApi();
    const [admin, old, next] = [
      await anAdmitted(api.bus, "admin"),
      await anAdmitted(api.bus),
      await anIdentity(),
    ];
    const path = `/v1/users/${old.user}`;
    const body = await replacementBody({ bus: api.busId, old, by: next });
    const replaced = await api.asSigned(old)("POST", `${path}/replace-key`, { body });
    expect(replaced.json).toMatchObject({ user: next.user, keyNumber: 2, successor: null });
    return { api, admin, old, next, path, body, [Symbol.dispose]: () => api[Symbol.dispose]() };
  }

  test("is revoked by its old key, and the answer is the key that it has now", async () => {
    using at = await aReplaced();
    const ask = at.api.asSigned(at.admin);
    const revoked = await ask("POST", `${at.path}/revoke`);
    expect([revoked.status, revoked.json]).toMatchObject([
      200,
      { user: at.next.user, state: "revoked" },
    ]);
    expect(problemOf(await at.api.asSigned(at.next)("GET", "/v1/me"))).toBe("identity-revoked");
    const restored = await ask("POST", `${at.path}/restore`);
    expect(restored.json).toMatchObject({ user: at.old.user, state: "active", successor: null });
  });

  test("is listed once, and with its past where that is asked for", async () => {
    using at = await aReplaced();
    const listed = async (query: string) => {
      const { json } = await at.api.atSocket("GET", `/v1/users${query}`);
      return json.users.map(({ user }: { user: string }) => user).sort();
    };
    expect(await listed("")).toEqual([at.admin.user, at.next.user].sort());
    expect(await listed("?all=true")).toEqual([at.admin.user, at.old.user, at.next.user].sort());
    expect(problemOf(await at.api.atSocket("GET", "/v1/users?all=1"))).toBe("request-invalid");
  });

  test("has to have it signed by the new key: a stranger's is not put in its place", async () => {
    using api = openTestApi();
    const [old, stranger, other] = [
      await anAdmitted(api.bus),
      await anIdentity(),
      await anIdentity(),
    ];
    const before = api.bus.rows();
    const right = await replacementBody({ bus: api.busId, old, by: other });
    const ask = (body: object) =>
      api.asSigned(old)("POST", `/v1/users/${old.user}/replace-key`, { body });
    const foreign = await replacementBody({ bus: "0".repeat(32), old, by: stranger });
    const { byOld, byNew, number } = right.proof;
    for (const [user, proof] of [
      [stranger.user, right.proof],
      [stranger.user, foreign.proof],
      [other.user, { number, byNew: byOld, byOld: byNew }],
      [other.user, { number: 3, byNew, byOld }],
      [other.user, { number, byNew, byOld: byNew }],
      [other.user, { number, byNew, byOld: null }],
    ] as const) {
      expect(problemOf(await ask({ user, proof }))).toBe("proof-wrong");
    }
    expect(problemOf(await ask({ user: other.user }))).toBe("request-invalid");
    expect(api.bus.rows()).toBe(before);
    expect((await ask(right)).status).toBe(200);
  });
});
