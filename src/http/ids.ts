import { isRoomId, type RoomId, type UserId } from "../core/ids.ts";
import { isUserId, readUserKey } from "../core/nkey.ts";
import { Problem } from "../core/problems.ts";
import { refuseName } from "../core/rules/names.ts";

/** Reads a user's key. Throws "key-invalid" with the reason; the text itself is never repeated. */
export function readUserId(text: string): UserId {
  const key = readUserKey(text);
  if ("code" in key) throw new Problem(key.code, key.detail);
  if (!isUserId(text)) throw new Error("A key that was read is a user id");
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
