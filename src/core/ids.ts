import { alphabetOf, renderBits } from "./bit-text.ts";
import { NAME_CHARS_MAX } from "./limits.ts";

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

/** A user: the public nkey, `U` and 55 characters of base32. Its checksum is checked in `nkey.ts`. */
export type UserId = Id<"user">;
/** A room: 26 random characters `[a-z2-7]`, never text of a user. */
export type RoomId = Id<"room">;
/** A bearer token: 26 random characters `[a-z2-7]`; what proves it is its secret. */
export type TokenId = Id<"token">;
/** An invite: 26 random characters `[a-z2-7]`. */
export type InviteId = Id<"invite">;
/** A way into the cluster for one new node: 26 characters `[a-z2-7]`, made from its secret. */
export type NodeTokenId = Id<"node-token">;
/** An operation: 64 hex digits (a digest, or random). */
export type OperationId = Id<"operation">;

const RANDOM_ID = /^[a-z2-7]{26}$/;
const OPERATION_ID = /^[0-9a-f]{64}$/;
const BASE32 = alphabetOf("abcdefghijklmnopqrstuvwxyz234567");
const ID_CHARS = 26;

export function isRoomId(text: string): text is RoomId {
  return RANDOM_ID.test(text);
}

export function isTokenId(text: string): text is TokenId {
  return RANDOM_ID.test(text);
}

export function isInviteId(text: string): text is InviteId {
  return RANDOM_ID.test(text);
}

export function isNodeTokenId(text: string): text is NodeTokenId {
  return RANDOM_ID.test(text);
}

export function isOperationId(text: string): text is OperationId {
  return OPERATION_ID.test(text);
}

/** Takes a SHA-256 digest, or 32 random bytes, in hex for the id of an operation. */
export function operationIdOfDigest(hex: string): OperationId {
  if (!isOperationId(hex)) throw new Error("A digest has 64 hex digits");
  return hex;
}

/** Renders random bytes as a room id. Takes 17 bytes or more: 26 characters are 130 bits. */
export function roomIdOf(random: Uint8Array): RoomId {
  // 26 characters of the alphabet, by the function below.
  return randomIdOf(random) as RoomId;
}

/** Renders random bytes as a token's id, as `roomIdOf`. */
export function tokenIdOf(random: Uint8Array): TokenId {
  // As above.
  return randomIdOf(random) as TokenId;
}

/** Renders random bytes as an invite's id, as `roomIdOf`. */
export function inviteIdOf(random: Uint8Array): InviteId {
  // As above.
  return randomIdOf(random) as InviteId;
}

/** Renders bytes that the secret of a node token was made into as its id, as `roomIdOf`. */
export function nodeTokenIdOf(bytes: Uint8Array): NodeTokenId {
  // As above.
  return randomIdOf(bytes) as NodeTokenId;
}

function randomIdOf(random: Uint8Array): string {
  return renderBits(random, BASE32).slice(0, ID_CHARS);
}

// Letters, marks, numbers, punctuation, symbols and single spaces. No control or format characters,
// which could hide or reorder what a list shows, nor others that show nothing: two names that look
// alike would be two users. An emoji may ask for its coloured form, as keyboards make it.
const SEEN = String.raw`[[\p{L}\p{M}\p{N}\p{P}\p{S}]--[\p{Default_Ignorable_Code_Point}\u2800]]`;
const WORD = String.raw`(?:${SEEN}(?:(?<=\p{Extended_Pictographic})\ufe0f)?)+`;
const NAME = new RegExp(String.raw`^(?!\p{M})${WORD}(?: ${WORD})*$`, "v");

/** Says whether a text can name a user or a room: one line, printable, not empty, no odd spaces. */
export function isName(text: string): boolean {
  return text.length <= NAME_CHARS_MAX && NAME.test(text);
}
