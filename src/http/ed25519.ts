import { createPrivateKey, createPublicKey, type KeyObject, verify } from "node:crypto";

/** DER in front of 32 key bytes: of a public key, and of a secret seed. Source: RFC 8410, §4 and §7. */
const SPKI = Uint8Array.fromHex("302a300506032b6570032100");
const PKCS8 = Uint8Array.fromHex("302e020100300506032b657004220420");
const SIGNATURE = /^[A-Za-z0-9_-]{86}$/;

/**
 * Says whether a signature, in base64url, over the data is that of the key. The 32 key bytes must be
 * no point of small order: anybody could sign for those.
 */
export function verifyEd25519(signed: {
  readonly publicKey: Uint8Array;
  readonly data: Uint8Array;
  readonly signature: string;
}): boolean {
  const { publicKey, data, signature } = signed;
  if (!SIGNATURE.test(signature)) return false;
  try {
    return verify(null, data, keyObjectOf(publicKey), Buffer.from(signature, "base64url"));
  } catch {
    // The bytes are no point of the curve.
    return false;
  }
}

/** The key of 32 bytes as `verify` takes it: worth keeping where one key signs often. */
export function keyObjectOf(publicKey: Uint8Array): KeyObject {
  const der = Buffer.concat([SPKI, publicKey]);
  return createPublicKey({ key: der, format: "der", type: "spki" });
}

/** The 32 bytes of the public key of a seed of 32 bytes. */
export function publicKeyOf(seed: Uint8Array): Uint8Array {
  const der = Buffer.concat([PKCS8, seed]);
  const secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(secret).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(-32));
}
