import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";
import { NOW } from "../harness/builders.ts";
import { anAdmitted, anIdentity } from "../harness/identity.ts";

const wide = {
  addressPerSecond: 1_000,
  addressBurst: 1_000,
  userPerSecond: 1_000,
  userBurst: 1_000,
};

describe("requests of one address", () => {
  const rates = { ...wide, addressPerSecond: 2, addressBurst: 3 };

  test("are refused past its rate before anybody looks who asks, on every path", async () => {
    const clock = { now: NOW };
    using api = openTestApi({ rates, now: () => clock.now });
    const ask = api.asSigned(await anIdentity());
    for (let at = 0; at < 3; at++)
      expect(problemOf(await ask("GET", "/v1/me"))).toBe("user-unknown");
    for (const path of ["/v1/me", "/healthz", "/nothing"]) {
      const answer = await ask("GET", path);
      expect([path, answer.status, problemOf(answer)]).toEqual([path, 429, "too-many-requests"]);
      expect(answer.headers.get("retry-after")).toBe("1");
    }
    expect(api.refusals).toHaveLength(3);
    clock.now += 500;
    expect((await api.overTcp("GET", "/healthz")).status).toBe(200);
  });

  test("do not count at the node's own socket", async () => {
    using api = openTestApi({ rates });
    for (let at = 0; at < 10; at++) expect((await api.atSocket("GET", "/v1/me")).status).toBe(200);
  });

  test("are told apart behind our own proxies, and nowhere else", async () => {
    using api = openTestApi({ rates, trustedProxies: ["192.0.2.0/24"] });
    const from = (address: string) =>
      api.overTcp("GET", "/healthz", { headers: { "x-forwarded-for": address } });
    for (let at = 0; at < 3; at++) expect((await from("203.0.113.1")).status).toBe(200);
    expect((await from("203.0.113.1")).status).toBe(429);
    expect((await from("203.0.113.2")).status).toBe(200);
    expect(api.log.at(-1)?.fields.from).toBe("203.0.113.2");
    using direct = openTestApi({ rates });
    for (let at = 0; at < 3; at++) {
      const headers = { "x-forwarded-for": `203.0.113.${at}` };
      expect((await direct.overTcp("GET", "/healthz", { headers })).status).toBe(200);
    }
    expect((await direct.overTcp("GET", "/healthz")).status).toBe(429);
    expect(direct.log.at(-1)?.fields.from).toBe("192.0.2.7");
  });
});

describe("requests of one user", () => {
  const rates = { ...wide, userPerSecond: 1, userBurst: 2 };

  test("are refused past its rate, by key and token together, and those of others are not", async () => {
    using api = openTestApi({ rates });
    const [alice, bob] = [await anAdmitted(api.bus), await anAdmitted(api.bus)];
    const { json } = await api.asSigned(alice)("POST", "/v1/tokens", { body: { scope: "read" } });
    expect((await api.withToken(json.secret)("GET", "/v1/me")).status).toBe(200);
    for (const ask of [api.asSigned(alice), api.withToken(json.secret)]) {
      const answer = await ask("GET", "/v1/me");
      expect([answer.status, problemOf(answer)]).toEqual([429, "too-many-requests"]);
    }
    expect((await api.asSigned(bob)("GET", "/v1/me")).status).toBe(200);
    expect(api.refusals).toEqual([]);
  });

  test("are refused before their nonces fill the node's memory", async () => {
    const clock = { now: NOW };
    using api = openTestApi({ rates, now: () => clock.now });
    const alice = await anAdmitted(api.bus);
    const { method, url } = { method: "GET", url: "http://bus.test:8470/v1/me" };
    const headers = await alice.signRequest({
      ...{ busId: api.busId, method, url, body: null, now: NOW },
    });
    const send = () => api.overTcp(method, "/v1/me", { headers });
    for (let at = 0; at < 2; at++) await api.asSigned(alice)("GET", "/v1/me");
    expect(problemOf(await send())).toBe("too-many-requests");
    clock.now += 1_000;
    // It was not taken for used, so that the same request may come again.
    expect((await send()).status).toBe(200);
  });

  test("are not those that somebody else signs in their name", async () => {
    using api = openTestApi({ rates });
    const alice = await anAdmitted(api.bus);
    const { certificate } = await alice.certify(api.busId);
    for (let at = 0; at < 5; at++) {
      const headers = { signature: "x", "unibus-certificate": certificate };
      expect(problemOf(await api.overTcp("GET", "/v1/me", { headers }))).toBe(
        "signature-malformed",
      );
    }
    expect((await api.asSigned(alice)("GET", "/v1/me")).status).toBe(200);
  });
});
