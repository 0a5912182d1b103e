import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { fromPublic } from "@nats-io/nkeys";
import { userKeyBytes } from "../../src/core/nkey.ts";
import { isSignatureOf, openJwt, signJwt } from "../../src/nats/jwt.ts";
import { serviceKey } from "../../src/nats/service-key.ts";
import { testKey } from "../harness/raw-nats.ts";
import {
  FORGED_SMALL_ORDER_SIGNATURE,
  malleated,
  SMALL_ORDER_KEYS,
} from "../harness/small-order.ts";

const issuer = serviceKey("account", randomBytes(32));
const claims = { iss: issuer.publicKey, sub: "somebody", nats: { type: "user" } };

describe("a signed JWT", () => {
  test("is read back, and another library finds its signature right", () => {
    const token = signJwt(claims, issuer);
    expect(openJwt(token, "account")).toEqual({ issuer: issuer.publicKey, claims });
    const [header = "", body = "", signature = ""] = token.split(".");
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({
      typ: "JWT",
      alg: "ed25519-nkey",
    });
    const signed = Buffer.from(`${header}.${body}`);
    expect(fromPublic(issuer.publicKey).verify(signed, Buffer.from(signature, "base64url"))).toBe(
      true,
    );
  });

  test("with any character changed is refused", () => {
    const token = signJwt(claims, issuer);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // The last character of 64 bytes in base64url carries four bits that mean nothing.
    for (let at = 0; at < token.length - 1; at++) {
      const other = alphabet[(alphabet.indexOf(token[at] ?? "") + 1) % alphabet.length] ?? "";
      expect(openJwt(token.slice(0, at) + other + token.slice(at + 1), "account")).toBeNull();
    }
  });

  test.each([
    ["empty", ""],
    ["one part", "abc"],
    ["a part too few", signJwt(claims, issuer).split(".").slice(0, 2).join(".")],
    ["a part too many", `${signJwt(claims, issuer)}.`],
    ["no signature", `${signJwt(claims, issuer).split(".").slice(0, 2).join(".")}.`],
    ["no JSON", `${Buffer.from("x").toString("base64url")}.eA.eA`],
    ["no issuer", signJwt({ sub: "x" }, issuer)],
    ["an issuer that is no text", signJwt({ iss: 7 }, issuer)],
    ["a list for claims", signJwt([issuer.publicKey], issuer)],
    ["null for claims", `e30.${Buffer.from("null").toString("base64url")}.eA`],
    [
      "another's name for issuer",
      signJwt({ iss: serviceKey("account", randomBytes(32)).publicKey }, issuer),
    ],
    ["an issuer of another kind", signJwt({ iss: testKey().user }, issuer)],
  ])("of a wrong form is refused: %s", (_, token) => {
    expect(openJwt(token, "account")).toBeNull();
    expect(openJwt(token, "server")).toBeNull();
  });
});

describe("a signature", () => {
  const key = testKey();
  const data = Buffer.from("a nonce");
  const signature = key.sign(data);
  const check = (more: { key?: Uint8Array; data?: Uint8Array; signature?: Uint8Array }): boolean =>
    isSignatureOf({ key: userKeyBytes(key.user), data, signature, ...more });

  test("counts for its own key over its own bytes", () => {
    expect(check({})).toBe(true);
    expect(check({ data: Buffer.from("a nonce\n") })).toBe(false);
    expect(check({ key: userKeyBytes(testKey().user) })).toBe(false);
    expect(check({ signature: testKey().sign(data) })).toBe(false);
  });

  test("counts in one form only: no S + L, no byte more or less", () => {
    expect(check({ signature: malleated(signature) })).toBe(false);
    expect(check({ signature: Buffer.concat([signature, Buffer.alloc(1)]) })).toBe(false);
    expect(check({ signature: signature.subarray(0, 63) })).toBe(false);
    expect(check({ signature: new Uint8Array() })).toBe(false);
  });

  test("is no proof under a key of small order, which is why such keys are refused before", () => {
    const fooled = SMALL_ORDER_KEYS.filter((hex) =>
      Array.from({ length: 64 }, (_, at) => `nonce ${at}`).some((nonce) =>
        isSignatureOf({
          key: Buffer.from(hex, "hex"),
          data: Buffer.from(nonce),
          signature: FORGED_SMALL_ORDER_SIGNATURE,
        }),
      ),
    );
    expect(fooled).toHaveLength(SMALL_ORDER_KEYS.length);
  });
});
