import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";

/** PKCS #8 in front of the 32 bytes of a seed. Source: RFC 8410, section 7. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** 32 bytes: random ones, or always the same ones for a label. */
export function bytesOf(label?: string): Buffer {
  return label === undefined ? randomBytes(32) : createHash("sha256").update(label).digest();
}

export function privateKeyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
}

/** The 32 bytes of the public half of a private key. */
export function publicBytesOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
}
