import { describe, expect, test } from "bun:test";
import { authenticate } from "../../src/http/authenticate.ts";
import { openTestApi, problemOf } from "../harness/api.ts";

const tcp = { kind: "tcp", address: "192.0.2.7" } as const;

describe("who sends a request", () => {
  test("is the operator at the node's own socket, in every mode [M-014]", () => {
    for (const mode of ["off", "soft", "enforce"] as const) {
      expect(authenticate({ kind: "socket" }, { mode, uid: 7 })).toEqual({
        actor: { kind: "operator" },
        evidence: { kind: "local", uid: 7 },
        wouldRefuse: null,
      });
    }
  });

  test("is anonymous over the network in off and soft, and nobody under enforce [M-065]", () => {
    const anonymous = { actor: { kind: "anonymous" }, evidence: { kind: "none" } } as const;
    expect(authenticate(tcp, { mode: "off", uid: 7 })).toEqual({ ...anonymous, wouldRefuse: null });
    expect(authenticate(tcp, { mode: "soft", uid: 7 })).toEqual({
      ...anonymous,
      wouldRefuse: "unsigned",
    });
    expect(() => authenticate(tcp, { mode: "enforce", uid: 7 })).toThrow("signed requests");
  });
});

describe("the same unsigned request", () => {
  const body = { name: "mine" };

  test("is accepted in off, and nothing is counted [M-065] [M-069]", async () => {
    using api = openTestApi({ mode: "off" });
    expect((await api.overTcp("POST", "/v1/rooms", { body })).status).toBe(201);
    expect(api.refusals).toEqual([]);
    expect(api.log.at(-1)?.fields).not.toHaveProperty("wouldRefuse");
  });

  test("is accepted in soft, and counted and logged with its reason [M-065] [G-03]", async () => {
    using api = openTestApi({ mode: "soft" });
    expect((await api.overTcp("POST", "/v1/rooms", { body })).status).toBe(201);
    expect(api.refusals).toEqual([
      {
        at: 1_700_000_000_000,
        kind: "request",
        reason: "unsigned",
        address: "192.0.2.7",
        user: "",
        subject: "POST /v1/rooms",
        admitted: true,
      },
    ]);
    expect(api.log).toHaveLength(1);
    expect(api.log[0]?.fields.wouldRefuse).toBe("unsigned");
    expect(api.log[0]?.message).toContain("enforce would refuse it: unsigned");
  });

  test("is refused under enforce before it is read, and counted [M-065] [M-069]", async () => {
    using api = openTestApi({ mode: "enforce" });
    const asked = [
      ["POST", "/v1/rooms", { body }],
      ["GET", "/v1/rooms", {}],
      ["GET", "/v1/users", {}],
      ["GET", "/v1/bus", {}],
      ["GET", "/v1/refusals", {}],
      ["POST", "/v1/users/seed", { body: {} }],
      ["GET", "/no/such/route", {}],
      ["PATCH", "/v1/rooms", {}],
      ["POST", "/v1/rooms", { raw: "{", headers: { "content-type": "application/json" } }],
    ] as const;
    for (const [method, path, rest] of asked) {
      const answer = await api.overTcp(method, path, rest);
      expect([path, answer.status, problemOf(answer)]).toEqual([path, 401, "unauthenticated"]);
      expect(answer.headers.get("www-authenticate")).toStartWith("Signature ");
    }
    expect(api.refusals.map(({ admitted }) => admitted)).toEqual(Array(asked.length).fill(false));
    expect(api.bus.rows()).toBe(JSON.stringify([[], [], []]));
  });
});
