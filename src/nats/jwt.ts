import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { findNkeyBytes, type NkeyKind } from "../core/nkey.ts";
import type { ServiceKey } from "./service-key.ts";

/** SPKI around a raw Ed25519 public key. Source: RFC 8410 §4. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const HEADER = Buffer.from('{"typ":"JWT","alg":"ed25519-nkey"}').toString("base64url");

/** A key that verifies Ed25519 signatures, from 32 raw bytes. */
export function verifyingKey(bytes: Uint8Array): KeyObject {
  return createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, bytes]),
    format: "der",
    type: "spki",
  });
}

/** Says whether a signature over the data is this key's. Strict: S below the order, no other form. */
export function isSignatureOf(input: {
  readonly key: Uint8Array;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}): boolean {
  if (input.signature.length !== 64) return false;
  return verify(null, input.data, verifyingKey(input.key), input.signature);
}

/** Renders and signs a NATS JWT. Source: nats-io/jwt v2, `claims.go`. */
export function signJwt(claims: object, key: ServiceKey): string {
  const body = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${body}.${key.sign(Buffer.from(body)).toString("base64url")}`;
}

/** Reads what a NATS JWT says and who is said to have issued it; no signature is verified. */
export function readJwt(
  token: string,
): { readonly issuer: string; readonly claims: object } | null {
  const [, body, signature, surplus] = token.split(".");
  if (body === undefined || signature === undefined || surplus !== undefined) return null;
  const claims = parseJson(Buffer.from(body, "base64url").toString());
  if (typeof claims !== "object" || claims === null || !("iss" in claims)) return null;
  return typeof claims.iss === "string" ? { issuer: claims.iss, claims } : null;
}

/**
 * Opens a NATS JWT whose issuer is of the given kind, and checks the issuer's signature.
 * Returns the claims, unparsed, and the issuer; null when anything is wrong.
 */
export function openJwt(
  token: string,
  issuerKind: NkeyKind,
): { readonly issuer: string; readonly claims: unknown } | null {
  const read = readJwt(token);
  const key = read === null ? null : findNkeyBytes(issuerKind, read.issuer);
  if (read === null || key === null) return null;
  const end = token.lastIndexOf(".");
  const signed = isSignatureOf({
    key,
    data: Buffer.from(token.slice(0, end)),
    signature: Buffer.from(token.slice(end + 1), "base64url"),
  });
  return signed ? read : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
