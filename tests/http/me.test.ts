import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";
import { asUser } from "../harness/builders.ts";
import { anAdmitted, anIdentity, replacementBody } from "../harness/identity.ts";

describe("oneself", () => {
  test("is told who one is and which rooms one is in or asked into", async () => {
    using api = openTestApi();
    const alice = await anAdmitted(api.bus);
    const bob = await anAdmitted(api.bus);
    const room = await api.bus.addRoom(alice.user);
    await api.bus.must(
      { kind: "member.add", room, user: bob.user, role: "reader" },
      asUser(alice.user),
    );
    const { kind, user, scope, rooms } = (await api.asSigned(bob)("GET", "/v1/me")).json;
    expect([kind, user.user, scope]).toEqual(["user", bob.user, null]);
    expect(rooms).toEqual([{ room, name: "lobby", role: "reader", state: "pending" }]);
    const operator = (await api.atSocket("GET", "/v1/me")).json;
    expect(operator).toEqual({ kind: "operator", user: null, scope: null, rooms: [] });
  });

  test("accepts a room, leaves it, and has no say in the rooms of others", async () => {
    using api = openTestApi();
    const alice = await anAdmitted(api.bus);
    const bob = await anAdmitted(api.bus);
    const room = await api.bus.addRoom(alice.user);
    const add = { kind: "member.add", room, user: bob.user, role: "member" } as const;
    await api.bus.must(add, asUser(alice.user));
    const ask = api.asSigned(bob);
    const accepted = await ask("PUT", `/v1/me/rooms/${room}`);
    expect([accepted.status, accepted.json.state]).toEqual([200, "active"]);
    expect((await ask("DELETE", `/v1/me/rooms/${room}`)).status).toBe(204);
    for (const method of ["PUT", "DELETE"]) {
      expect(problemOf(await ask(method, `/v1/me/rooms/${room}`))).toBe("room-not-found");
    }
    expect(problemOf(await api.atSocket("PUT", `/v1/me/rooms/${room}`))).toBe("forbidden");
  });

  test("decides whose adding it takes, and nothing else about itself", async () => {
    using api = openTestApi();
    const alice = await anAdmitted(api.bus);
    const ask = api.asSigned(alice);
    const patched = await ask("PATCH", "/v1/me", { body: { accept: "none" } });
    expect([patched.status, patched.json.accept]).toEqual([200, "none"]);
    for (const body of [{ role: "admin" }, { accept: "all", role: "admin" }, { name: "root" }]) {
      expect(problemOf(await ask("PATCH", "/v1/me", { body }))).toBe("request-invalid");
    }
    expect((await ask("GET", "/v1/me")).json.user).toEqual(patched.json);
  });

  test("changes what it saw, and not what somebody made of it meanwhile", async () => {
    using api = openTestApi();
    const alice = await anAdmitted(api.bus);
    const ask = api.asSigned(alice);
    const first = await ask("PATCH", "/v1/me", { body: { accept: "all" } });
    const etag = first.headers.get("etag") ?? "";
    const headers = { "if-match": etag };
    const body = { accept: "none" };
    expect((await ask("PATCH", "/v1/me", { body, headers })).status).toBe(200);
    const late = await ask("PATCH", "/v1/me", { body: { accept: "all" }, headers });
    expect([late.status, problemOf(late)]).toEqual([412, "version-conflict"]);
  });
});

describe("the directory", () => {
  test("finds an active user by its exact name, for every user", async () => {
    using api = openTestApi();
    const ask = api.asSigned(await anAdmitted(api.bus));
    const bob = await api.bus.addUser();
    const name = (text: string | null) =>
      ({
        kind: "user.update",
        user: bob,
        name: text,
        role: null,
        accept: null,
        ifVersion: null,
      }) as const;
    await api.bus.must(name("Bob"));
    const find = async (text: string) =>
      (await ask("GET", `/v1/directory?name=${encodeURIComponent(text)}`)).json.users;
    expect(await find("bob")).toEqual([{ user: bob, name: "Bob" }]);
    for (const part of ["Bo", "B%", "*", ""]) expect(await find(part)).toEqual([]);
    expect(problemOf(await ask("GET", "/v1/directory"))).toBe("request-invalid");
    await api.bus.must({ kind: "user.revoke", user: bob });
    expect(await find("bob")).toEqual([]);
  });

  test("tells nobody unknown anything", async () => {
    using api = openTestApi({ mode: "off" });
    expect(problemOf(await api.overTcp("GET", "/v1/directory?name=bob"))).toBe("forbidden");
  });
});

describe("a user's record", () => {
  test("is changed by an admin who saw it as it is", async () => {
    using api = openTestApi();
    const ask = api.asSigned(await anAdmitted(api.bus, "admin"));
    const user = await api.bus.addUser();
    const etag = (await ask("GET", `/v1/users/${user}`)).headers.get("etag") ?? "";
    const headers = { "if-match": etag };
    const body = { name: "bob", role: "admin" };
    const patched = await ask("PATCH", `/v1/users/${user}`, { body, headers });
    expect([patched.status, patched.json.name, patched.json.role]).toEqual([200, "bob", "admin"]);
    const late = await ask("PATCH", `/v1/users/${user}`, { body: { name: "rob" }, headers });
    expect(problemOf(late)).toBe("version-conflict");
    const empty = await ask("PATCH", `/v1/users/${user}`, { body: {} });
    expect(problemOf(empty)).toBe("request-invalid");
  });

  test("is not changed by its own user, nor by other members", async () => {
    using api = openTestApi();
    const alice = await anAdmitted(api.bus);
    const before = api.bus.rows();
    const body = { role: "admin" };
    const answer = await api.asSigned(alice)("PATCH", `/v1/users/${alice.user}`, { body });
    expect(problemOf(answer)).toBe("forbidden");
    expect(api.bus.rows()).toBe(before);
  });

  test("keeps the last admin an admin, unless the local operator says otherwise", async () => {
    using api = openTestApi();
    const admin = await anAdmitted(api.bus, "admin");
    const ask = api.asSigned(admin);
    const path = `/v1/users/${admin.user}`;
    const body = { role: "member" };
    expect(problemOf(await ask("PATCH", path, { body }))).toBe("last-admin");
    expect(problemOf(await ask("POST", `${path}/revoke`))).toBe("last-admin");
    const atSocket = (asked: string) => api.atSocket("PATCH", asked, { body });
    expect(problemOf(await atSocket(path))).toBe("last-admin");
    const asAdmin = await ask("PATCH", `${path}?orphan=true`, { body });
    expect(problemOf(asAdmin)).toBe("last-admin");
    expect(problemOf(await atSocket(`${path}?orphan=yes`))).toBe("request-invalid");
    expect((await atSocket(`${path}?orphan=true`)).status).toBe(200);
  });

  test("gets another key from its own user or an admin, with all that it had", async () => {
    using api = openTestApi();
    const alice = await anAdmitted(api.bus);
    const room = await api.bus.addRoom(alice.user);
    const next = await anIdentity();
    const answer = await api.asSigned(alice)("POST", `/v1/users/${alice.user}/replace-key`, {
      body: await replacementBody({ bus: api.busId, old: alice, by: next }),
    });
    expect([answer.status, answer.json.user]).toEqual([200, next.user]);
    expect((await api.asSigned(next)("GET", "/v1/me")).json.rooms).toMatchObject([
      { room, role: "owner", state: "active" },
    ]);
    const old = await api.asSigned(alice)("GET", "/v1/me");
    expect([old.status, problemOf(old)]).toEqual([401, "identity-revoked"]);
    const bob = await anAdmitted(api.bus);
    const theft = await api.asSigned(bob)("POST", `/v1/users/${next.user}/replace-key`, {
      body: await replacementBody({ bus: api.busId, old: next, by: await anIdentity(), number: 3 }),
    });
    expect(problemOf(theft)).toBe("forbidden");
  });
});
