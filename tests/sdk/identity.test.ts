import { describe, expect, test } from "bun:test";
import { hkdfSync } from "node:crypto";
import { createUser, fromSeed } from "@nats-io/nkeys";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { openIdentity, proveInvite } from "../../src/sdk/identity.ts";
import { anInvite } from "../harness/builders.ts";
import { expectGolden } from "../harness/golden.ts";
import { anIdentity, aSeed } from "../harness/identity.ts";
import { encodeNkey, encodeSeed } from "../harness/nkey.ts";

const BUS = "0123456789abcdef0123456789abcdef";
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** What is signed for a purpose, written out once more. */
function said(kind: string, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(0xff), Buffer.from(`unibus/1 ${kind}\0${BUS}`), bytes]);
}

/** The same identity, made by other people's code. */
function independent(seed: Uint8Array) {
  const derive = (info: string) =>
    new Uint8Array(hkdfSync("sha256", seed, new Uint8Array(), `unibus/1 ${info}`, 32));
  const user = encodeNkey("user", ed25519.getPublicKey(seed));
  const sign = (kind: string, bytes: Uint8Array) => ed25519.sign(said(kind, bytes), seed);
  const vouch = (kind: string, bytes: Uint8Array) =>
    `${user}.${Buffer.from(sign(kind, bytes)).toString("base64url")}`;
  const apiKey = ed25519.getPublicKey(derive("api-key"));
  return {
    user,
    apiKey,
    apiCertificate: vouch("api-key", apiKey),
    recordSignature: sign("record", Buffer.from("a record")),
    encryption: (generation: number) => {
      const publicKey = x25519.getPublicKey(derive(`encryption-key ${generation}`));
      const number = Buffer.alloc(4);
      number.writeUInt32BE(generation);
      const certificate = vouch("encryption-key", Buffer.concat([number, publicKey]));
      return { publicKey, certificate };
    },
  };
}

describe("an identity", () => {
  test("has the keys and certificates of the golden file, which other people's code makes too", async () => {
    const rows = [];
    for (const byte of [0, 1, 255]) {
      const raw = new Uint8Array(32).fill(byte);
      const seed = encodeSeed(raw);
      const identity = await openIdentity(seed);
      const { keyid, certificate } = await identity.certify(BUS);
      const [first, second] = [
        await identity.encryptionKey(BUS, 1),
        await identity.encryptionKey(BUS, 2),
      ];
      const record = await identity.signRecord(BUS, Buffer.from("a record"));
      const other = independent(raw);
      expect({ user: identity.user, keyid, certificate, first, second, record }).toEqual({
        user: other.user as typeof identity.user,
        keyid: Buffer.from(other.apiKey).toString("base64url"),
        certificate: other.apiCertificate,
        first: other.encryption(1),
        second: other.encryption(2),
        record: other.recordSignature,
      });
      rows.push({
        seed,
        user: identity.user,
        bus: BUS,
        apiKey: hex(other.apiKey),
        apiKeyCertified: hex(said("api-key", other.apiKey)),
        apiKeyCertificate: certificate,
        encryptionKeys: [first, second].map((key, at) => ({
          generation: at + 1,
          publicKey: hex(key.publicKey),
          certificate: key.certificate,
        })),
        record: { bytes: hex(Buffer.from("a record")), signature: hex(record) },
      });
    }
    expectGolden("identity.json", rows);
  });

  test("is of the seeds that NATS tools make", async () => {
    for (let at = 0; at < 20; at++) {
      const pair = createUser();
      const seed = new TextDecoder().decode(pair.getSeed());
      expect((await openIdentity(seed)).user as string).toBe(pair.getPublicKey());
      expect(fromSeed(new TextEncoder().encode(aSeed())).getPublicKey()).toStartWith("U");
    }
  });

  test("is not made of what is no user's seed, which is not repeated", async () => {
    const seed = aSeed("one");
    const changed = `${seed.slice(0, 20)}${seed[20] === "A" ? "B" : "A"}${seed.slice(21)}`;
    for (const wrong of [
      "",
      changed,
      seed.toLowerCase(),
      seed.slice(0, -1),
      `${seed}A`,
      ` ${seed}`,
      encodeSeed(new Uint8Array(32), "account"),
      (await anIdentity("one")).user,
    ]) {
      const refused = await openIdentity(wrong).then(
        () => "opened",
        (error: Error) => error.message,
      );
      expect(refused).toStartWith("Cannot use this seed: ");
      expect(refused).not.toContain(seed.slice(2, 10));
    }
  });

  test("gives none of its keys away", async () => {
    const identity = await anIdentity("one");
    const text = JSON.stringify(identity) + Bun.inspect(identity);
    expect(text).not.toContain("S".concat("U"));
    expect(Object.keys(identity).sort()).toEqual([
      "certify",
      "encryptionKey",
      "signRecord",
      "signReplacement",
      "signRequest",
      "user",
    ]);
  });
});

describe("the proof of an invite", () => {
  test("is a signature by the invite's key over the newcomer's, for one bus", async () => {
    const [invite, secret] = [anInvite("one"), new Uint8Array(32).fill(9)];
    const { user } = await anIdentity("newcomer");
    const inviteText = `ubi_${invite}_${Buffer.from(secret).toString("base64url")}`;
    const proved = await proveInvite({ inviteText, busId: BUS, user });
    const newcomer = independent(rawSeedOf("newcomer"));
    expect(newcomer.user).toBe(user);
    const signed = said(
      "invite",
      Buffer.concat([Buffer.from(invite), ed25519.getPublicKey(rawSeedOf("newcomer"))]),
    );
    expect(proved).toEqual({
      invite,
      proof: Buffer.from(ed25519.sign(signed, secret)).toString("base64url"),
    });
  });

  test("is not made of what is no invite", async () => {
    const { user } = await anIdentity("newcomer");
    const inviteText = `ubi_${anInvite("one")}_${"_".repeat(43)}`;
    for (const text of ["", "x", inviteText]) {
      await expect(proveInvite({ inviteText: text, busId: BUS, user })).rejects.toThrow(
        "no invite",
      );
    }
  });
});

function rawSeedOf(label: string): Uint8Array {
  return new Uint8Array(new Bun.CryptoHasher("sha256").update(label).digest());
}
