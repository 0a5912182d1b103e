import { describe, expect, test } from "bun:test";
import { Problem } from "../../src/core/problems.ts";
import { createAuthentication } from "../../src/http/authenticate.ts";
import { createCertificates } from "../../src/http/certificates.ts";
import { createNonces } from "../../src/http/nonces.ts";
import { bindReads } from "../../src/server/reads.ts";
import { openTestApi, problemOf, requestOf } from "../harness/api.ts";
import { NO_ROWS, NOW } from "../harness/builders.ts";
import { anAdmitted, anIdentity } from "../harness/identity.ts";
import { admitRaw, craft, rawIdentity } from "../harness/raw-signature.ts";

const MODES = ["off", "soft", "enforce"] as const;
const body = { name: "mine" };

describe("who sends a request", () => {
  test("is the operator at the node's own socket, in every mode, whatever it shows [M-014]", async () => {
    for (const mode of MODES) {
      using api = openTestApi({ mode });
      for (const headers of [{}, { authorization: "Bearer x" }, { signature: "x" }]) {
        const { status, json } = await api.atSocket("GET", "/v1/me", { headers });
        expect([status, json.kind]).toEqual([200, "operator"]);
      }
    }
  });

  test("is the user whose key signed, or whose token it shows, in every mode [M-069]", async () => {
    for (const mode of MODES) {
      using api = openTestApi({ mode });
      const alice = await anAdmitted(api.bus);
      const signed = await api.asSigned(alice)("GET", "/v1/me");
      expect(signed.json.user.user).toBe(alice.user);
      const { json } = await api.asSigned(alice)("POST", "/v1/tokens", { body: { scope: "read" } });
      const shown = await api.withToken(json.secret)("GET", "/v1/me");
      expect([shown.json.user.user, shown.json.scope]).toEqual([alice.user, "read"]);
      for (const { headers } of [signed, shown])
        expect(headers.get("unibus-would-refuse")).toBeNull();
      expect(api.refusals).toEqual([]);
    }
  });

  test("is nobody who was revoked, from the moment on [M-013]", async () => {
    using api = openTestApi();
    const alice = await anAdmitted(api.bus);
    expect((await api.asSigned(alice)("GET", "/v1/me")).status).toBe(200);
    await api.bus.must({ kind: "user.revoke", user: alice.user });
    const answer = await api.asSigned(alice)("GET", "/v1/me");
    expect([answer.status, problemOf(answer)]).toEqual([401, "identity-revoked"]);
    await api.bus.must({ kind: "user.restore", user: alice.user });
    expect((await api.asSigned(alice)("GET", "/v1/me")).status).toBe(200);
  });

  test("is no user while no admin let the key in, on any route [H3]", async () => {
    using api = openTestApi();
    const ask = api.asSigned(await anIdentity());
    for (const [method, path] of [
      ["GET", "/v1/me"],
      ["GET", "/v1/rooms"],
      ["GET", "/nothing"],
      ["POST", "/v1/rooms"],
      ["POST", `/v1/invites/${"a".repeat(26)}`],
    ] as const) {
      const answer = await ask(method, path, method === "POST" ? { body } : {});
      expect([path, problemOf(answer)]).toEqual([path, "user-unknown"]);
    }
    expect(api.bus.rows()).toBe(NO_ROWS);
  });

  test("may be a stranger on the one route that makes a user of it", async () => {
    using api = openTestApi();
    const ask = api.asSigned(await anIdentity());
    const path = `/v1/invites/${"a".repeat(26)}/redeem`;
    expect(problemOf(await ask("POST", path, { body: { proof: "x" } }))).toBe("invite-not-found");
    expect(problemOf(await ask("GET", path))).toBe("user-unknown");
    const unsigned = await api.overTcp("POST", path, { body: { proof: "x" } });
    expect(problemOf(unsigned)).toBe("unauthenticated");
  });
});

describe("the same unsigned request", () => {
  test("is accepted in off, and nothing is counted [M-065] [M-069]", async () => {
    using api = openTestApi({ mode: "off" });
    const answer = await api.overTcp("POST", "/v1/rooms", { body });
    expect([answer.status, answer.json.createdBy]).toEqual([201, "anonymous"]);
    expect(api.refusals).toEqual([]);
    expect(api.log.at(-1)?.fields).not.toHaveProperty("wouldRefuse");
  });

  test("is accepted in soft, and counted and logged with its reason [M-065] [G-03]", async () => {
    using api = openTestApi({ mode: "soft" });
    const answer = await api.overTcp("POST", "/v1/rooms", { body });
    expect([answer.status, answer.json.createdBy]).toEqual([201, "anonymous"]);
    expect(answer.headers.get("unibus-would-refuse")).toBeNull();
    expect(api.refusals).toEqual([
      {
        at: NOW,
        kind: "request",
        reason: "unauthenticated",
        address: "192.0.2.7",
        user: "",
        subject: "POST /v1/rooms",
        admitted: true,
      },
    ]);
    expect(api.log).toHaveLength(1);
    expect(api.log[0]?.fields.wouldRefuse).toBe("unauthenticated");
    expect(api.log[0]?.message).toContain("enforce would refuse it: unauthenticated");
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
    expect(api.bus.rows()).toBe(NO_ROWS);
  });
});

describe("a proof that does not hold", () => {
  const proofs = [
    ["signature-malformed", { signature: "x" }],
    ["token-wrong", { authorization: "Bearer ubt_x" }],
  ] as const;

  test("leaves its sender anonymous in off and soft, and tells what enforce would say [M-069]", async () => {
    for (const mode of ["off", "soft"] as const) {
      using api = openTestApi({ mode });
      for (const [code, headers] of proofs) {
        const answer = await api.overTcp("GET", "/v1/me", { headers });
        expect([answer.status, answer.json.kind]).toEqual([200, "anonymous"]);
        expect(answer.headers.get("unibus-would-refuse")).toBe(code);
        expect(api.log.at(-1)?.fields.wouldRefuse).toBe(code);
      }
      const codes = proofs.map(([code]) => ({ reason: code, admitted: true }));
      expect(api.refusals).toMatchObject(mode === "soft" ? codes : []);
      expect(api.refusals).toHaveLength(mode === "soft" ? codes.length : 0);
    }
  });

  test("tells a clock that is off how far, in every mode", async () => {
    for (const mode of MODES) {
      using api = openTestApi({ mode });
      const parameters = { created: NOW / 1000 - 120, expires: NOW / 1000 - 60 };
      const answer = await api.send(craft(await admitRaw(api.bus), api.busId, { parameters }));
      expect(answer.headers.get("unibus-skew-ms")).toBe("120000");
      if (mode === "enforce") expect(problemOf(answer)).toBe("signature-expired");
      else expect(answer.headers.get("unibus-would-refuse")).toBe("signature-expired");
    }
  });

  test("is refused under enforce, and counted with the key that it offers [M-069]", async () => {
    using api = openTestApi();
    const stranger = rawIdentity();
    expect(problemOf(await api.send(craft(stranger, api.busId)))).toBe("user-unknown");
    expect(api.refusals).toMatchObject([{ reason: "user-unknown", user: stranger.user }]);
    const headers = { signature: "x", "unibus-certificate": "<script>" };
    await api.overTcp("GET", "/v1/me", { headers });
    expect(api.refusals[1]).toMatchObject({ reason: "signature-malformed", user: "" });
  });

  test("does not keep a page that is open from anybody", async () => {
    using api = openTestApi();
    for (const [, headers] of proofs) {
      const answer = await api.overTcp("GET", "/healthz", { headers });
      expect([answer.status, answer.headers.get("unibus-would-refuse")]).toEqual([200, null]);
    }
  });
});

describe("the journal", () => {
  test("keeps what proves a signed change, and anybody can verify it again", async () => {
    using api = openTestApi();
    const alice = await anAdmitted(api.bus);
    expect((await api.asSigned(alice)("POST", "/v1/rooms", { body })).status).toBe(201);
    const { keyid, certificate } = await alice.certify(api.busId);
    const rows: readonly unknown[] = api.bus.store.database
      .query("SELECT entry FROM journal ORDER BY seq DESC LIMIT 1")
      .values()
      .flat();
    const { operation } = JSON.parse(String(rows[0]));
    const { evidence, actor, signatureId } = operation;
    expect(actor).toEqual({ kind: "user", user: alice.user });
    expect(evidence).toMatchObject({ kind: "signature", certificate, body: JSON.stringify(body) });
    expect(signatureId).toMatch(/^[0-9a-f]{64}$/);
    const key = await crypto.subtle.importKey(
      "jwk",
      { kty: "OKP", crv: "Ed25519", x: keyid },
      "Ed25519",
      false,
      ["verify"],
    );
    const [base, signature] = [
      Buffer.from(evidence.base),
      Buffer.from(evidence.signature, "base64"),
    ];
    expect(await crypto.subtle.verify("Ed25519", key, signature, base)).toBe(true);
    expect(evidence.base).toContain(`"@authority": bus.test:8470\n`);
    expect(evidence.base).toContain(`"unibus-certificate": ${certificate}\n`);
  });
});

describe("a node", () => {
  function authentication(bus: ReturnType<typeof openTestApi>, noncesMax: number) {
    return createAuthentication({
      mode: "enforce",
      uid: 7,
      startedAt: NOW - 60_000,
      now: () => NOW,
      read: bindReads(bus.bus.store),
      takeUser: () => {},
      certificates: createCertificates({ busId: () => bus.busId, keptMax: 10 }),
      nonces: createNonces({ keptMax: noncesMax, elapsed: () => 0 }),
    });
  }
  const from = { kind: "tcp", address: "192.0.2.7" } as const;

  test("whose memory for nonces is full refuses signed requests, and forgets none", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    const authenticate = authentication(api, 1);
    const first = craft(identity, api.busId);
    expect(authenticate({ request: first, from, strangers: false }).actor).toMatchObject({
      user: identity.user,
    });
    const answers = [craft(identity, api.busId), first].map((request) => {
      try {
        return authenticate({ request, from, strangers: false }).actor.kind;
      } catch (error) {
        return error instanceof Problem ? error.code : String(error);
      }
    });
    expect(answers).toEqual(["node-busy", "signature-repeated"]);
  });

  test("keeps no memory of keys that are no user's (H7)", async () => {
    using api = openTestApi();
    const authenticate = authentication(api, 2);
    for (let at = 0; at < 20; at++) {
      const stranger = rawIdentity();
      const request = craft(stranger, api.busId);
      expect(() => authenticate({ request, from, strangers: false })).toThrow("no user's");
      expect(authenticate({ request, from, strangers: true }).actor).toMatchObject({
        user: stranger.user,
      });
      const bare = craft(stranger, api.busId, { headers: { "unibus-certificate": null } });
      expect(() => authenticate({ request: bare, from, strangers: true })).toThrow("know it yet");
    }
    const request = craft(await admitRaw(api.bus), api.busId);
    expect(authenticate({ request, from, strangers: false }).signature).not.toBeNull();
  });

  test("takes an unsigned request for what it is, not for one of an empty signature", () => {
    using api = openTestApi();
    const request = requestOf("GET", "/v1/me");
    expect(() => authentication(api, 1)({ request, from, strangers: false })).toThrow(
      "signed or carry a token",
    );
  });
});
