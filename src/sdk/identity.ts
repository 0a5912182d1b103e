import { fromBase64url, toBase64url } from "../core/base64url.ts";
import {
  type DomainKind,
  domainBytes,
  encryptionKeyBytes,
  inviteBytes,
  keyReplacementBytes,
} from "../core/domain.ts";
import type { InviteId, UserId } from "../core/ids.ts";
import { readUserKey, readUserSeed, userKeyBytes, userKeyOf } from "../core/nkey.ts";
import { Problem } from "../core/problems.ts";
import { parseInviteText } from "../core/secrets.ts";
import { type RequestToSign, signRequest } from "./sign-request.ts";

/** A key and what vouches for it: `<nkey>.<signature of the nkey in base64url>`. */
export interface CertifiedKey {
  readonly publicKey: Uint8Array;
  readonly certificate: string;
}

/** One user, as far as its secret seed reaches. No key of it can be taken out again. */
export interface Identity {
  readonly user: UserId;
  /** The key that signs requests, in base64url, and what vouches for it on one bus. */
  certify(busId: string): Promise<{ readonly keyid: string; readonly certificate: string }>;
  /** Signs a request for one bus. Returns the headers to add. */
  signRequest(request: RequestToSign & { readonly busId: string }): Promise<Record<string, string>>;
  /** Signs a record for one bus, by the nkey. */
  signRecord(busId: string, bytes: Uint8Array): Promise<Uint8Array>;
  /** Signs that a key takes the place of another, as either of them; in base64url. */
  signReplacement(replacement: {
    /** Id of the bus. */
    readonly bus: string;
    readonly old: string;
    readonly by: string;
    /** Number of the new key among the keys of its user. */
    readonly number: number;
  }): Promise<string>;
  /** The key of a generation that others encrypt to, and what vouches for it on one bus. */
  encryptionKey(busId: string, generation: number): Promise<CertifiedKey>;
}

/**
 * Opens the identity of a user's seed (`SU…`). The key for requests and those for encryption are
 * derived from it, so that there is one secret to keep; the nkey vouches for them, and signs nothing
 * without saying what for (`core/domain.ts`). Throws "key-invalid".
 */
export async function openIdentity(seedText: string): Promise<Identity> {
  const seed = readUserSeed(seedText);
  if ("code" in seed) throw new Problem(seed.code, seed.detail);
  const source = await crypto.subtle.importKey("raw", own(seed.bytes), "HKDF", false, [
    "deriveBits",
  ]);
  const [nkey, api] = await Promise.all([
    openSigner(seed.bytes),
    derive(source, "api-key").then(openSigner),
  ]);
  const user = userKeyOf(nkey.publicKey);
  const keyid = toBase64url(api.publicKey);
  const sign = (kind: DomainKind, busId: string, bytes: Uint8Array) =>
    nkey.sign(domainBytes(kind, busId, bytes));
  const vouch = async (kind: DomainKind, busId: string, bytes: Uint8Array) =>
    `${user}.${toBase64url(await sign(kind, busId, bytes))}`;

  // A bus has one certificate for ever: signatures of Ed25519 are all alike.
  const certificates = new Map<string, Promise<string>>();
  const certificateFor = (busId: string): Promise<string> => {
    const known = certificates.get(busId) ?? vouch("api-key", busId, api.publicKey);
    certificates.set(busId, known);
    return known;
  };
  return {
    user,
    certify: async (busId) => ({ keyid, certificate: await certificateFor(busId) }),
    async signRequest({ busId, ...request }) {
      const certificate = await certificateFor(busId);
      return signRequest({ ...request, keyid, certificate }, api.sign);
    },
    signRecord: (busId, bytes) => sign("record", busId, bytes),
    async signReplacement({ bus, old, by, number }) {
      const bytes = keyReplacementBytes({ number, old: keyBytes(old), by: keyBytes(by) });
      return toBase64url(await sign("key-replacement", bus, bytes));
    },
    async encryptionKey(busId, generation) {
      const publicKey = await x25519PublicKey(await derive(source, `encryption-key ${generation}`));
      const signed = encryptionKeyBytes(generation, publicKey);
      return { publicKey, certificate: await vouch("encryption-key", busId, signed) };
    },
  };
}

/**
 * Proves that whoever redeems an invite holds it: a signature by the invite's own key over the
 * newcomer's. Throws "request-invalid" when the text is no invite.
 */
export async function proveInvite(redeemed: {
  readonly inviteText: string;
  readonly busId: string;
  readonly user: UserId;
}): Promise<{ readonly invite: InviteId; readonly proof: string }> {
  const parsed = parseInviteText(redeemed.inviteText);
  const seed = parsed && fromBase64url(parsed.secret);
  if (!seed) throw new Problem("request-invalid", "Cannot redeem the invite: this is no invite");
  const { invite } = parsed;
  const key = await openSigner(seed);
  const signed = inviteBytes(invite, userKeyBytes(redeemed.user));
  return {
    invite,
    proof: toBase64url(await key.sign(domainBytes("invite", redeemed.busId, signed))),
  };
}

function keyBytes(user: string): Uint8Array {
  const read = readUserKey(user);
  if ("code" in read) throw new Problem(read.code, read.detail);
  return read.bytes;
}

interface Signer {
  readonly publicKey: Uint8Array;
  readonly sign: (bytes: Uint8Array) => Promise<Uint8Array>;
}

/** What WebCrypto takes a secret in: PKCS #8 with 32 bytes behind. Source: RFC 8410, section 7. */
const PKCS8 = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101] as const;
const ED25519 = 112;
const X25519 = 110;

async function openSigner(seed: Uint8Array): Promise<Signer> {
  const der = pkcs8(ED25519, seed);
  const key = await crypto.subtle.importKey("pkcs8", der, "Ed25519", false, ["sign"]);
  // Only what may be taken out tells its public half; this copy is gone at once.
  const open = await crypto.subtle.importKey("pkcs8", der, "Ed25519", true, ["sign"]);
  return {
    publicKey: await publicHalf(open),
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, own(bytes))),
  };
}

async function x25519PublicKey(secret: Uint8Array): Promise<Uint8Array> {
  const der = pkcs8(X25519, secret);
  return publicHalf(await crypto.subtle.importKey("pkcs8", der, "X25519", true, ["deriveBits"]));
}

async function publicHalf(key: CryptoKey): Promise<Uint8Array> {
  const { x = "" } = await crypto.subtle.exportKey("jwk", key);
  const bytes = fromBase64url(x);
  if (bytes?.length !== 32) throw new Error("A key of this kind has 32 public bytes");
  return bytes;
}

async function derive(source: CryptoKey, purpose: string): Promise<Uint8Array> {
  const info = new TextEncoder().encode(`unibus/1 ${purpose}`);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  return new Uint8Array(await crypto.subtle.deriveBits(how, source, 256));
}

function pkcs8(algorithm: number, secret: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(...PKCS8, algorithm, 4, 34, 4, 32, ...secret);
}

/** The bytes with memory of their own, as WebCrypto asks for it. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
