import { describe, expect, test } from "bun:test";
import { OWN_HOST, openTestApi, problemOf } from "../harness/api.ts";
import { aUser, NOW } from "../harness/builders.ts";
import { anAdmitted } from "../harness/identity.ts";

describe("a route", () => {
  test("that does not exist is 404, and one with other methods is 405 and names them", async () => {
    using api = openTestApi();
    for (const path of ["/v1", "/v1/rooms/", "//healthz", "/v1/users/x/y/z", "/healthz/"]) {
      const answer = await api.atSocket("GET", path);
      expect([path, answer.status, problemOf(answer)]).toEqual([path, 404, "route-not-found"]);
    }
    for (const [method, path, allow] of [
      ["PATCH", "/v1/users", "GET, POST, HEAD"],
      ["GET", "/v1/users/seed", "POST"],
      ["PUT", `/v1/users/${aUser()}`, "GET, PATCH, HEAD"],
      ["OPTIONS", "/v1/rooms", "GET, POST, HEAD"],
      ["POST", "/healthz", "GET, HEAD"],
      ["TRACE", "/v1/rooms/x/members/y", "PUT, DELETE"],
    ] as const) {
      const answer = await api.atSocket(method, path);
      expect([path, answer.status, problemOf(answer)]).toEqual([path, 405, "method-not-allowed"]);
      expect(answer.headers.get("allow")).toBe(allow);
    }
  });

  test("is found by its whole path, however short the Host is", async () => {
    using api = openTestApi({ ownHosts: () => ["x"], mode: "off" });
    const asked = { host: "x" };
    expect((await api.overTcp("GET", "/healthz", asked)).status).toBe(200);
    expect((await api.overTcp("GET", "/v1/rooms?limit=1", asked)).status).toBe(200);
    expect(problemOf(await api.overTcp("GET", "/zz/healthz", asked))).toBe("route-not-found");
    const made = await api.overTcp("POST", "/v1/rooms", { ...asked, body: { name: "ops" } });
    expect(made.status).toBe(201);
  });
});

describe("a request that is wrong in every way", () => {
  test("is told what costs least to find out, one after the other, and is read last", async () => {
    const rates = {
      addressPerSecond: 1_000,
      addressBurst: 1_000,
      userPerSecond: 1,
      userBurst: 1,
    };
    const clock = { now: NOW };
    using api = openTestApi({ rates, now: () => clock.now });
    const alice = await anAdmitted(api.bus);
    const asked = {
      raw: "{",
      host: "other.test",
      headers: { "content-type": "text/plain", "idempotency-key": "a b" },
    };
    const anonymous = (more: object) => api.overTcp("PATCH", "/v1/users", { ...asked, ...more });
    expect(problemOf(await anonymous({}))).toBe("host-unknown");
    const host = OWN_HOST;
    expect(problemOf(await anonymous({ host }))).toBe("media-type");
    const headers = { ...asked.headers, "content-type": "application/json" };
    const right = { ...asked, host, headers };
    expect(problemOf(await anonymous(right))).toBe("unauthenticated");
    expect(problemOf(await api.asSigned(alice)("PATCH", "/v1/users", right))).toBe(
      "method-not-allowed",
    );
    expect(problemOf(await api.asSigned(alice)("PATCH", "/v1/users", right))).toBe(
      "too-many-requests",
    );
    clock.now += 1_000;
    expect(problemOf(await api.asSigned(alice)("POST", "/v1/users", right))).toBe(
      "request-malformed",
    );
    clock.now += 1_000;
    const { "idempotency-key": _key, ...rest } = headers;
    const last = await api.asSigned(alice)("POST", "/v1/users", { ...right, headers: rest });
    expect([problemOf(last), last.json.detail]).toEqual([
      "request-malformed",
      "Cannot read the body: it is no JSON in UTF-8",
    ]);
  });
});

describe("an answer", () => {
  test("is kept by no cache and taken for no other type", async () => {
    using api = openTestApi();
    for (const path of ["/healthz", "/v1/rooms", "/nothing"]) {
      const { headers } = await api.atSocket("GET", path);
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
  });

  test("to a request whose body nobody reads closes the connection", async () => {
    using api = openTestApi({ mode: "enforce" });
    const answer = await api.overTcp("POST", "/v1/rooms", { body: { name: "ops" } });
    expect([answer.status, answer.headers.get("connection")]).toEqual([401, "close"]);
    const read = await api.atSocket("POST", "/v1/rooms", { body: { name: "ops" } });
    expect([read.status, read.headers.get("connection")]).toEqual([201, null]);
  });
});

describe("the log", () => {
  test("tells each request once, with its route, and nothing that was in it", async () => {
    using api = openTestApi({ mode: "off" });
    const user = aUser();
    await api.atSocket("POST", "/v1/users", { body: { user, name: "Secret Name" } });
    await api.atSocket("GET", "/v1/users?name=Secret%20Name");
    await api.overTcp("GET", `/v1/users/${user}`);
    await api.overTcp("GET", "/secret/path?token=t", { headers: { "idempotency-key": "secret" } });
    expect(
      api.log.map(({ event, fields }) => [event, fields.method, fields.route, fields.status]),
    ).toEqual([
      ["request.answered", "POST", "/v1/users", 201],
      ["request.answered", "GET", "/v1/users", 200],
      ["request.answered", "GET", "/v1/users/:user", 403],
      ["request.answered", "(any)", "(no route)", 404],
    ]);
    expect(api.log[2]?.fields).toMatchObject({ problem: "forbidden", from: "192.0.2.7", ms: 0 });
    const text = JSON.stringify(api.log);
    for (const secret of ["Secret", "secret", "token", user]) expect(text).not.toContain(secret);
  });
});
