import { describe, expect, test } from "bun:test";
import { createAccount, createUser, fromPublic } from "@nats-io/nkeys";
import { ed25519 } from "@noble/curves/ed25519.js";
import type { UserId } from "../../src/core/ids.ts";
import {
  isSmallOrder,
  isUsableKey,
  isUserId,
  looksLikeUserKey,
  readUserKey,
  readUserSeed,
  userKeyBytes,
  userKeyOf,
} from "../../src/core/nkey.ts";
import { count } from "../harness/counts.ts";
import { SMALL_ORDER_KEYS } from "../harness/small-order.ts";

describe("a key of small order is refused", () => {
  test.each(SMALL_ORDER_KEYS)("%s", (hex) => {
    const bytes = Uint8Array.fromHex(hex);
    // The oracle, in the reading that lets every encoding pass.
    expect(ed25519.Point.fromBytes(bytes, true).isSmallOrder()).toBe(true);
    expect(isSmallOrder(bytes)).toBe(true);
    expect(readUserKey(userKeyOf(bytes))).toMatchObject({
      code: "key-invalid",
      detail: expect.stringContaining("small order"),
    });
  });
});

test("keys of others' making are taken, and come back byte for byte", () => {
  for (let at = 0; at < count("keys"); at++) {
    const { publicKey } = ed25519.keygen();
    const user = userKeyOf(publicKey);
    expect(readUserKey(user)).toEqual({ bytes: publicKey });
    expect(userKeyBytes(user)).toEqual(publicKey);
    expect(isSmallOrder(publicKey)).toBe(false);
  }
}, 60_000);

test("our encoding and that of @nats-io/nkeys are one", () => {
  for (let at = 0; at < count("keys") / 10; at++) {
    const user = createUser().getPublicKey();
    const read = readUserKey(user);
    if ("code" in read) throw new Error(read.detail);
    expect(userKeyOf(read.bytes)).toBe(user as UserId); // Just judged.
    const { secretKey, publicKey } = ed25519.keygen();
    const text = new TextEncoder().encode("a text");
    expect(fromPublic(userKeyOf(publicKey)).verify(text, ed25519.sign(text, secretKey))).toBe(true);
  }
});

test("whether random bytes are a point is judged as the oracle judges it", () => {
  let points = 0;
  for (let at = 0; at < count("keys"); at++) {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    const isPoint = isPointToOracle(bytes);
    expect("bytes" in readUserKey(userKeyOf(bytes))).toBe(isPoint);
    points += Number(isPoint);
  }
  expect(points).toBeGreaterThan(count("keys") / 4);
}, 60_000);

describe("a text that is no user key is refused", () => {
  const user = createUser().getPublicKey();
  const other = user.endsWith("A") ? "B" : "A";
  // y = 2 is on no point, and p + 3 is a second way to write y = 3.
  const nonPoint = userKeyOf(Uint8Array.fromHex(`02${"00".repeat(31)}`));
  const nonCanonical = userKeyOf(Uint8Array.fromHex(`f0${"ff".repeat(30)}7f`));
  const texts: readonly (readonly [string, string, string])[] = [
    ["empty", "", "U and 55"],
    ["a changed last character", user.slice(0, -1) + other, "checksum"],
    [
      "a changed character inside",
      `${user.slice(0, 9)}${user[9] === "Q" ? "R" : "Q"}${user.slice(10)}`,
      "checksum",
    ],
    ["lower case", user.toLowerCase(), "U and 55"],
    ["one character short", user.slice(0, -1), "U and 55"],
    ["one character long", `${user}A`, "U and 55"],
    ["a line feed at its end", `${user}\n`, "U and 55"],
    ["an account's", `A${user.slice(1)}`, "U and 55"],
    ["padding", `${user.slice(0, -1)}=`, "U and 55"],
    ["no point of the curve", nonPoint, "no point"],
    ["a point in a second encoding", nonCanonical, "no point"],
  ];
  test.each(texts)("%s", (_, text, reason) => {
    expect(readUserKey(text)).toMatchObject({
      code: "key-invalid",
      detail: expect.stringContaining(reason),
    });
    expect(isUserId(text)).toBe(false);
  });

  test("a seed, without a word of it in the answer", () => {
    const seed = new TextDecoder().decode(createUser().getSeed());
    const answer = readUserKey(seed);
    expect(answer).toMatchObject({ code: "key-invalid" });
    expect(JSON.stringify(answer)).toContain("seed");
    expect(JSON.stringify(answer)).not.toContain(seed.slice(2, 12));
  });
});

test("the cheap look at a key judges its form alone", () => {
  const user = createUser().getPublicKey();
  expect(looksLikeUserKey(user)).toBe(true);
  expect(looksLikeUserKey(user.toLowerCase())).toBe(false);
  expect(looksLikeUserKey(`${user}A`)).toBe(false);
});

describe("a user's seed", () => {
  test("is read as the tools of NATS write it", () => {
    for (let at = 0; at < count("keys"); at++) {
      const pair = createUser();
      const read = readUserSeed(new TextDecoder().decode(pair.getSeed()));
      if ("code" in read) throw new Error(read.detail);
      expect(userKeyOf(ed25519.getPublicKey(read.bytes)) as string).toBe(pair.getPublicKey());
    }
  });

  test("is no other text, and no word of it is repeated", () => {
    const seed = new TextDecoder().decode(createUser().getSeed());
    const swapped = `${seed.slice(0, 30)}${seed[30] === "A" ? "B" : "A"}${seed.slice(31)}`;
    // The last character has two bits that say nothing, which have to be zero.
    const bits = `${seed.slice(0, -1)}${String.fromCharCode(seed.charCodeAt(57) + 1)}`;
    const account = new TextDecoder().decode(createAccount().getSeed());
    const texts = ["", swapped, bits, account, seed.toLowerCase(), `${seed}A`, seed.slice(0, -1)];
    for (const text of [...texts, createUser().getPublicKey(), ` ${seed}`, `${seed}\n`]) {
      const read = readUserSeed(text);
      expect([text, read]).toEqual([text, expect.objectContaining({ code: "key-invalid" })]);
      expect(JSON.stringify(read)).not.toContain(seed.slice(4, 12));
    }
  });
});

test("a key can be verified with if it is a point of the curve and not of small order", () => {
  expect(isUsableKey(ed25519.getPublicKey(new Uint8Array(32)))).toBe(true);
  expect(isUsableKey(new Uint8Array(32).fill(2))).toBe(false);
  for (const hex of SMALL_ORDER_KEYS) expect(isUsableKey(Uint8Array.fromHex(hex))).toBe(false);
});

function isPointToOracle(bytes: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(bytes, false).isSmallOrder();
  } catch {
    return false;
  }
}
