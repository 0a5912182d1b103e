import type { UserId } from "../../src/core/ids.ts";

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const PREFIX = { account: 0, server: 13 << 3, user: 20 << 3 } as const;

/**
 * Renders 32 key bytes as a public nkey, apart from the sources: prefix byte, key, CRC-16, in base32.
 * Source: nats-io/nkeys, `strkey.go`, `crc16.go`.
 */
export function encodeNkey(kind: keyof typeof PREFIX, bytes: Uint8Array): string {
  return encode(Buffer.concat([Buffer.of(PREFIX[kind]), bytes.subarray(0, 32)]));
}

/** Renders 32 seed bytes as the secret seed of a user (`SU…`), or of another kind of key. */
export function encodeSeed(bytes: Uint8Array, kind: keyof typeof PREFIX = "user"): string {
  const prefix = Buffer.of((18 << 3) | (PREFIX[kind] >> 5), (PREFIX[kind] & 31) << 3);
  return encode(Buffer.concat([prefix, bytes.subarray(0, 32)]));
}

/** The bytes and their checksum in base32. */
function encode(body: Buffer): string {
  const checksum = Buffer.alloc(2);
  checksum.writeUInt16LE(crc16(body));
  const bits = [...body, ...checksum].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const fives = bits.match(/.{1,5}/g) ?? [];
  return fives.map((five) => BASE32.charAt(Number.parseInt(five.padEnd(5, "0"), 2))).join("");
}

export function userKeyOf(bytes: Uint8Array): UserId {
  // The encoding just made.
  return encodeNkey("user", bytes) as UserId;
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc;
}
