import {
  type InviteId,
  isInviteId,
  isRoomId,
  isTokenId,
  type RoomId,
  type TokenId,
  type UserId,
} from "../core/ids.ts";
import { looksLikeUserKey, readEncodedUserKey } from "../core/nkey.ts";
import { Problem } from "../core/problems.ts";
import { refuseLabel, refuseName } from "../core/rules/names.ts";

/**
 * Reads a user's key. Whether it is a point of the curve is judged when it is admitted: that
 * arithmetic is dear, and anybody may ask for a user.
 * Throws "key-invalid" with the reason; the text itself is never repeated.
 */
export function readUserId(text: string): UserId {
  const key = readEncodedUserKey(text);
  if ("code" in key) throw new Problem(key.code, key.detail);
  if (!looksLikeUserKey(text)) throw new Error("A key that was read is a user id");
  return text;
}

/** Reads a token's id. Throws "token-not-found": what is no id belongs to no token. */
export function readTokenId(text: string): TokenId {
  if (isTokenId(text)) return text;
  throw new Problem("token-not-found", "Cannot find the token: this is no token's id");
}

/** Reads an invite's id. Throws "invite-not-found": what is no id belongs to no invite. */
export function readInviteId(text: string): InviteId {
  if (isInviteId(text)) return text;
  throw new Problem("invite-not-found", "Cannot find the invite: this is no invite's id");
}

/** Reads what somebody calls a token or invite; nothing is a label too. Throws "request-invalid". */
export function readLabel(text = ""): string {
  const refusal = refuseLabel(text);
  if (refusal) throw new Problem(refusal.code, refusal.detail);
  return text;
}

/** Reads a room's id. Throws "room-not-found": what is no id belongs to no room. */
export function readRoomId(text: string): RoomId {
  if (isRoomId(text)) return text;
  throw new Problem("room-not-found", "Cannot find the room: this is no room id");
}

/** Reads the name of a new user or room. Throws "request-invalid" with the reason. */
export function readName(text: string): string {
  const refusal = refuseName(text);
  if (refusal) throw new Problem(refusal.code, refusal.detail);
  return text;
}

/** Renders a time for the wire. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
