import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import type { UserId } from "../../src/core/ids.ts";
import { NATS_LOGIN_TIMEOUT_MS } from "../../src/core/limits.ts";
import type { LoginProof, LoginRefusal } from "../../src/core/login.ts";
import { encodeNkey, userKeyOf } from "../../src/core/nkey.ts";
import {
  isRequestOf,
  isTooLate,
  type LoginRequest,
  proveLogin,
  readLoginRequest,
} from "../../src/nats/login-request.ts";
import { fakeServer, requestClaims } from "../harness/login-request.ts";
import { testKey } from "../harness/raw-nats.ts";
import { FORGED_SMALL_ORDER_SIGNATURE, SMALL_ORDER_KEYS } from "../harness/small-order.ts";

const server = fakeServer();

describe("a login request of nats-server", () => {
  test("tells the connection, its address, what it says of itself, and what it offers", () => {
    const userNkey = testKey().user;
    const options = { nkey: "U", sig: "s", name: "phone", lang: "nats.js", version: "3.4.0" };
    const claims = requestClaims({ userNkey, options });
    expect(readLoginRequest(server.request(claims), server.id)).toEqual({
      userNkey,
      connection: 17,
      address: "192.0.2.7",
      clientText: "phone nats.js 3.4.0",
      askedAt: 1_800_000_000_000,
      credentials: { nkey: "U", signature: "s", nonce: "nonce", other: false },
    });
  });

  test.each(["user", "pass", "auth_token", "jwt"])(
    "keeps nothing of a %s but that there was one",
    (name) => {
      const claims = requestClaims({ options: { [name]: "hunter2" } });
      const request = readLoginRequest(server.request(claims), server.id);
      expect(request?.credentials.other).toBe(true);
      expect(JSON.stringify(request)).not.toContain("hunter2");
    },
  );

  const good = requestClaims();
  const other = fakeServer();
  test.each([
    ["another server's", () => readLoginRequest(other.request(good), server.id)],
    ["for a server that is not known", () => readLoginRequest(server.request(good), "")],
    [
      "of another type",
      () => readLoginRequest(server.request(requestClaims({ type: "user" })), server.id),
    ],
    [
      "without a key to answer to",
      () => readLoginRequest(server.request(requestClaims({ userNkey: "" })), server.id),
    ],
    [
      "without a connection",
      () => readLoginRequest(server.request(requestClaims({ client: { id: "17" } })), server.id),
    ],
    ["without a time", () => readLoginRequest(server.request({ ...good, iat: "soon" }), server.id)],
    ["without anything", () => readLoginRequest(server.request({}), server.id)],
    ["no JWT", () => readLoginRequest("hello", server.id)],
  ])("is not taken: %s", (_, open) => {
    expect(open()).toBeNull();
  });

  test("is nats-server's by its signature, which reading it does not check [M-066]", () => {
    expect(isRequestOf(server.request(good), server.id)).toBe(true);
    const forged = other.request({ ...good, iss: server.id });
    expect(readLoginRequest(forged, server.id)).not.toBeNull();
    expect(isRequestOf(forged, server.id)).toBe(false);
    expect(isRequestOf(other.request(good), server.id)).toBe(false);
    expect(isRequestOf("hello", server.id)).toBe(false);
  });

  test("is too late when nats-server waits for its answer no more, and not before", () => {
    // It was asked at the end of the second that it names, as far as anybody knows.
    const latest = 1_800_000_000_999 + NATS_LOGIN_TIMEOUT_MS;
    const request = readLoginRequest(server.request(good), server.id);
    if (request === null) throw new Error("The request was not read");
    expect([isTooLate(request, latest), isTooLate(request, latest + 1)]).toEqual([false, true]);
    // A clock that was set back makes none late.
    expect(isTooLate(request, 0)).toBe(false);
  });

  test("takes nothing from a prototype", () => {
    const claims = requestClaims({ options: JSON.parse('{"__proto__":{"nkey":"U"}}') });
    const request = readLoginRequest(server.request(claims), server.id);
    expect(request?.credentials.nkey).toBe("");
  });
});

describe("who logs in is", () => {
  const alice = testKey();
  const nonce = "cX6QXK-8cdQHcw4";
  const sig = alice.sign(nonce).toString("base64url");

  function prove(
    offered: Partial<LoginRequest["credentials"]>,
    more: { readonly state?: "active" | "revoked" | null; readonly clientText?: string } = {},
  ) {
    const asked: string[] = [];
    const { state = "active", clientText = "phone" } = more;
    const credentials = { nkey: alice.user, signature: sig, nonce, other: false, ...offered };
    const proof = proveLogin({ credentials, clientText }, (user) => {
      asked.push(user);
      return state;
    });
    return { proof, asked };
  }
  const refused = (reason: LoginRefusal): LoginProof => ({ kind: "refused", reason });

  test("the user whose key signed this connection's nonce [M-066]", () => {
    expect(prove({}).proof).toEqual({ kind: "proved", user: alice.user });
  });

  test.each([
    ["no key", { nkey: "" }, "no-credentials"],
    ["a password alone", { nkey: "", other: true }, "not-a-key"],
    ["a password beside the key", { other: true }, "not-a-key"],
    ["text for a key", { nkey: "alice" }, "key-malformed"],
    ["an account's key", { nkey: encodeNkey("account", randomBytes(32)) }, "key-malformed"],
    ["no signature", { signature: "" }, "signature-missing"],
    ["no nonce", { nonce: "" }, "signature-missing"],
    [
      "a signature of another key",
      { signature: testKey().sign(nonce).toString("base64url") },
      "signature-wrong",
    ],
    ["a signature over another nonce", { nonce: "another" }, "signature-wrong"],
    ["a signature that is no base64", { signature: "%%%%" }, "signature-wrong"],
  ] as const)("nobody with %s [M-066]", (_, offered, reason) => {
    expect(prove(offered).proof).toEqual(refused(reason));
  });

  test("nobody that is unknown or revoked, however well it signs [M-066, M-013]", () => {
    expect(prove({}, { state: null }).proof).toEqual(refused("key-unknown"));
    expect(prove({}, { state: "revoked" }).proof).toEqual(refused("user-revoked"));
    // A stranger under a revoked user's key is told apart from the user.
    expect(prove({ nonce: "another" }, { state: "revoked" }).proof).toEqual(
      refused("signature-wrong"),
    );
  });

  test("nobody under a key of small order, even if it had become a user's [M-066]", () => {
    const signature = FORGED_SMALL_ORDER_SIGNATURE.toString("base64url");
    for (const hex of SMALL_ORDER_KEYS) {
      const nkey: UserId = userKeyOf(Buffer.from(hex, "hex"));
      for (let at = 0; at < 32; at++) {
        expect(prove({ nkey, signature, nonce: `nonce ${at}` }).proof).toEqual(
          refused("key-malformed"),
        );
      }
      expect(prove({ nkey, signature }, { state: null }).proof).toEqual(refused("key-malformed"));
    }
  });

  test("nobody whose name nats-server's log would take for a format [M-066]", () => {
    for (const clientText of ["%s", "phone nats.js %", "%1000000[1]x"]) {
      expect(prove({}, { clientText }).proof).toEqual(refused("client-text"));
    }
    // Whoever proves nothing is told apart by that first.
    expect(prove({ nkey: "" }, { clientText: "%" }).proof).toEqual(refused("no-credentials"));
  });

  test("looked up once, and not at all when what is offered cannot be a key", () => {
    expect(prove({}).asked).toEqual([alice.user]);
    expect(prove({ nkey: "alice" }).asked).toEqual([]);
    expect(prove({ nkey: "" }).asked).toEqual([]);
    expect(prove({ other: true }).asked).toEqual([]);
  });
});
