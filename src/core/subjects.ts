import type { RoomId, UserId } from "./ids.ts";
import type { HistoryClass } from "./operations.ts";

/** What a room's subjects are made of. */
export interface RoomSubject {
  readonly id: RoomId;
  readonly history: HistoryClass;
  readonly shard: string;
}

/** `rm.<class>.<shard>.<room>`: everything said in a room lies below. */
export function roomPrefix(room: RoomSubject): string {
  return `rm.${room.history}.${room.shard}.${room.id}`;
}

/** Where a sender speaks in a room: `rm.<class>.<shard>.<room>.<sender>.<topic…>`. */
export function senderPrefix(room: RoomSubject, sender: UserId): string {
  return `${roomPrefix(room)}.${sender}`;
}

/** The inbox prefix that a stock client sets to make requests in a room. */
export function roomInbox(room: RoomId, user: UserId): string {
  return `_INBOX.${user}.${room}`;
}

/** Where unibus tells a user something. */
export function meSubject(user: UserId, event: string): string {
  return `me.${user}.${event}`;
}

/** The parts of a subject of a room, or null when it is none. */
export function readRoomSubject(subject: string): {
  readonly history: string;
  readonly shard: string;
  readonly room: string;
  readonly sender: string;
} | null {
  const [rm, history, shard, room, sender, topic] = subject.split(".", 6);
  if (rm !== "rm" || !history || !shard || !room || !sender || topic === undefined) return null;
  return { history, shard, room, sender };
}

/**
 * Says whether everything that `subject` can match is matched by `pattern`, by NATS's wildcards:
 * `*` for one token, `>` for one or more at the end.
 */
export function coversSubject(pattern: string, subject: string): boolean {
  const want = pattern.split(".");
  const have = subject.split(".");
  for (const [at, token] of want.entries()) {
    const given = have[at];
    if (given === undefined) return false;
    if (token === ">") return true;
    if (given === ">" || (token !== "*" && token !== given)) return false;
  }
  return want.length === have.length;
}
