import { alphabetOf, parseBits, renderBits } from "./bit-text.ts";
import type { UserId } from "./ids.ts";
import { type Refusal, refusal } from "./problems.ts";

const BASE32 = alphabetOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
/** The byte in front of the 32 key bytes, by what the key is for. Source: nats-io/nkeys, `strkey.go`. */
const PREFIX = { account: 0, server: 13 << 3, user: 20 << 3 } as const;
export type NkeyKind = keyof typeof PREFIX;
const USER_KEY = /^U[A-Z2-7]{55}$/;
const SEED = /^S[ACNOUX][A-Z2-7]{56}$/;
const USER_SEED = /^SU[A-Z2-7]{56}$/;
/** The two bytes in front of a user's seed: that it is one, and whose kind of key it makes. */
const USER_SEED_PREFIX = [(18 << 3) | (PREFIX.user >> 5), (PREFIX.user & 31) << 3] as const;

/**
 * Reads a public user nkey: `U…`, 56 characters of base32, prefix byte, 32 key bytes, CRC-16.
 * Returns the 32 bytes of the Ed25519 key, or why it is none. A seed is never echoed.
 * Source: nats-io/nkeys, `strkey.go`; NATS ADR-1.
 */
export function readUserKey(text: string): { readonly bytes: Uint8Array } | Refusal {
  const read = readEncodedUserKey(text);
  if ("code" in read || isCurvePoint(read.bytes)) return read;
  return refusal("key-invalid", "Cannot use this key: it is no point of the curve Ed25519");
}

/**
 * As `readUserKey`, but whether the bytes are a point of the curve is left to whoever verifies with
 * them: that arithmetic takes 20 times as long as all the rest, and strangers could ask for it at will.
 */
export function readEncodedUserKey(text: string): { readonly bytes: Uint8Array } | Refusal {
  if (SEED.test(text)) {
    return refusal(
      "key-invalid",
      "Cannot use this key: it is a secret seed, and a public key begins with U",
    );
  }
  if (!USER_KEY.test(text)) {
    return refusal(
      "key-invalid",
      "Cannot use this key: a public user key is U and 55 more characters A to Z, 2 to 7",
    );
  }
  const bytes = findNkeyBytes("user", text);
  if (bytes === null) {
    return refusal(
      "key-invalid",
      "Cannot use this key: its checksum is wrong, so a character was changed or lost",
    );
  }
  if (isSmallOrder(bytes)) {
    return refusal(
      "key-invalid",
      "Cannot use this key: it is a point of small order, which anyone can sign for",
    );
  }
  return { bytes };
}

/**
 * Reads the secret seed of a user's nkey: `SU…`, 58 characters of base32, two prefix bytes, 32 bytes,
 * CRC-16. Returns the 32 bytes, or why it is none; the text itself is never repeated.
 * Source: nats-io/nkeys, `strkey.go`.
 */
export function readUserSeed(text: string): { readonly bytes: Uint8Array } | Refusal {
  if (!USER_SEED.test(text)) {
    return refusal(
      "key-invalid",
      "Cannot use this seed: the seed of a user is SU and 56 more characters A to Z, 2 to 7",
    );
  }
  const raw = parseBits(text, BASE32);
  const isWhole =
    raw !== null &&
    raw[0] === USER_SEED_PREFIX[0] &&
    raw[1] === USER_SEED_PREFIX[1] &&
    hasChecksum(raw);
  if (isWhole) return { bytes: raw.slice(2, 34) };
  return refusal(
    "key-invalid",
    "Cannot use this seed: its checksum is wrong, so a character was changed or lost",
  );
}

/** Narrows a text to a user id. Use `readUserKey` where the reason matters. */
export function isUserId(text: string): text is UserId {
  return "bytes" in readUserKey(text);
}

/** Says whether a text has the form of a user key, without judging it: cheap, for hot paths. */
export function looksLikeUserKey(text: string): text is UserId {
  return USER_KEY.test(text);
}

/** The 32 bytes inside a user id that was checked before; no arithmetic, for hot paths. */
export function userKeyBytes(user: UserId): Uint8Array {
  const raw = parseBits(user, BASE32);
  if (raw === null) throw new Error("A user id is base32");
  return raw.slice(1, 33);
}

/** Renders 32 key bytes as a public user nkey. */
export function userKeyOf(bytes: Uint8Array): UserId {
  // The encoding just made.
  return encodeNkey("user", bytes) as UserId;
}

/** Renders 32 key bytes as a public nkey: prefix byte, key, CRC-16, in base32. */
export function encodeNkey(kind: NkeyKind, bytes: Uint8Array): string {
  const raw = new Uint8Array(35);
  raw[0] = PREFIX[kind];
  raw.set(bytes.subarray(0, 32), 1);
  const checksum = crc16(raw.subarray(0, 33));
  raw[33] = checksum & 0xff;
  raw[34] = checksum >>> 8;
  return renderBits(raw, BASE32);
}

/** The 32 bytes of a public nkey of the given kind, or null when prefix or checksum are wrong. */
export function findNkeyBytes(kind: NkeyKind, text: string): Uint8Array | null {
  const raw = text.length === 56 ? parseBits(text, BASE32) : null;
  if (raw === null || raw[0] !== PREFIX[kind] || !hasChecksum(raw)) return null;
  return raw.slice(1, 33);
}

/** Says whether the last two bytes are the checksum of those before them, the low one first. */
function hasChecksum(raw: Uint8Array): boolean {
  const at = raw.length - 2;
  return crc16(raw.subarray(0, at)) === ((raw[at] ?? 0) | ((raw[at + 1] ?? 0) << 8));
}

/** CRC-16/XMODEM, as nkeys use it. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}

const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
/** The y coordinates of the eight points of small order; 14 encodings reduce to them. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
]);

/**
 * Says whether 32 key bytes encode a point of small order, in any of its 14 encodings: one constant
 * signature verifies for everybody under such a key. Source: IACR eprint 2020/1244, table 1.
 */
export function isSmallOrder(bytes: Uint8Array): boolean {
  return SMALL_ORDER_Y.has(yOf(bytes) % P);
}

/**
 * Says whether 32 bytes are a key that can be verified with: a point of the curve in its one encoding,
 * and not of small order. It is arithmetic, as dear as a verification.
 */
export function isUsableKey(bytes: Uint8Array): boolean {
  return !isSmallOrder(bytes) && isCurvePoint(bytes);
}

/** Says whether 32 key bytes are a canonical encoding of a point. Source: RFC 8032 §5.1.3. */
function isCurvePoint(bytes: Uint8Array): boolean {
  const y = yOf(bytes);
  if (y >= P) return false;
  const numerator = mod(y * y - 1n);
  const denominator = mod(D * y * y + 1n);
  const square = mod(numerator * power(denominator, P - 2n));
  return square === 0n || power(square, (P - 1n) / 2n) === 1n;
}

function yOf(bytes: Uint8Array): bigint {
  let y = 0n;
  for (let at = 31; at >= 0; at--)
    y = (y << 8n) | BigInt((bytes[at] ?? 0) & (at === 31 ? 0x7f : 0xff));
  return y;
}

function mod(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = mod(base);
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}
