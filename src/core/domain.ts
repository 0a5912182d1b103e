import { joinBytes } from "./bytes.ts";
import type { InviteId } from "./ids.ts";

/** What a key of an identity signs, each for one purpose alone. */
export type DomainKind = "api-key" | "encryption-key" | "invite" | "key-replacement" | "record";

const TEXT = new TextEncoder();

/**
 * The bytes that are signed for a purpose on one bus: 0xFF, `unibus/1 `, the kind, a zero byte, the
 * bus id, and what is said. A NATS client signs whatever text a server sends as a nonce; 0xFF is in no
 * text, so no login is ever a certificate, an acceptance or a record, nor is one of another bus.
 */
export function domainBytes(kind: DomainKind, busId: string, bytes: Uint8Array): Uint8Array {
  return joinBytes([Uint8Array.of(0xff), TEXT.encode(`unibus/1 ${kind}\0${busId}`), bytes]);
}

/** What certifies an encryption key: its generation, four bytes big-endian, and its 32 bytes. */
export function encryptionKeyBytes(generation: number, publicKey: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, generation);
  return joinBytes([head, publicKey]);
}

/** What accepts an invite: its id, and the 32 bytes of the newcomer's nkey. */
export function inviteBytes(invite: InviteId, newcomer: Uint8Array): Uint8Array {
  return joinBytes([TEXT.encode(invite), newcomer]);
}

/**
 * What hands a user's place over: the new key's number, four bytes big-endian, and the 32 bytes of the old
 * key and of the new one. Both keys sign it.
 */
export function keyReplacementBytes(replacement: {
  readonly number: number;
  readonly old: Uint8Array;
  readonly by: Uint8Array;
}): Uint8Array {
  const { number, old, by } = replacement;
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, number);
  return joinBytes([head, old, by]);
}
