import { DISK_FREE_BYTES_MIN, DISK_REFUSED_MS } from "../core/limits.ts";
import type { Change, Commit } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { takesRights } from "../core/rules/taking.ts";
import { isDiskFull } from "../store/faults.ts";
import { findMember } from "../store/members.ts";
import type { Store } from "../store/open.ts";
import { findUser } from "../store/users.ts";
import { type DiskRoom, freeBytes, isFull, roomWarnings } from "./disk-room.ts";
import type { WritePath } from "./write-path.ts";

/** A write path of which it is known whether the disk would take another entry. */
export interface WatchedWritePath extends WritePath {
  /** Why an entry would be refused now, in words that follow "it"; null while none would be. */
  diskFault(): string | null;
  /** What an operator should know of the room that is kept. */
  diskWarnings(): readonly string[];
}

/**
 * Keeps the last room of a disk for changes that take rights away, and refuses the others then. Remembers
 * entries that could not be written, so that a node does not call itself ready that refuses every change.
 */
export function watchDisk(
  writePath: WritePath,
  parts: {
    readonly store: Store;
    readonly room: DiskRoom;
    readonly now: () => number;
  },
): WatchedWritePath {
  const { store, room, now } = parts;
  const { ballast } = room;
  let refusedAt = Number.NEGATIVE_INFINITY;
  const commit: Commit = async (operation) => {
    const isShort = isFull(room);
    const isServed = takesRightsIn(store, operation.change);
    try {
      if (!isServed) refuseOthers(isShort, writePath.withoutRoom?.() ?? []);
      if (isShort && freeBytes(room.folder) < DISK_FREE_BYTES_MIN) ballast.giveUp();
      const committed = await writePath.commit(operation);
      if (!isShort) refusedAt = Number.NEGATIVE_INFINITY;
      return committed;
    } catch (error) {
      if (error instanceof Problem && error.code === "journal-unavailable") refusedAt = now();
      // A quota is seen only by what it refuses.
      if (isServed && isDiskFull(error) && ballast.giveUp())
        return await writePath.commit(operation);
      throw error;
    }
  };
  return {
    ...writePath,
    commit,
    diskWarnings: () => roomWarnings(room),
    diskFault() {
      if (isFull(room)) return "has no room on its disk; free some";
      // A quota, or another process at the database: only the next try can tell that it is over.
      return now() < refusedAt + DISK_REFUSED_MS ? "could not be written a moment ago" : null;
    },
  };
}

/** Refuses a change that takes no rights away: here, and where a majority of a cluster has no room. */
function refuseOthers(isShort: boolean, withoutRoom: readonly string[]): void {
  if (!isShort && withoutRoom.length === 0) return;
  const where = isShort ? "the disk is full" : `the disks of ${withoutRoom.join(", ")} are full`;
  throw new Problem(
    "journal-unavailable",
    `Cannot record the operation: ${where}, free some of it; what is left is kept for taking rights away`,
  );
}

function takesRightsIn(store: Store, change: Change): boolean {
  const user = change.kind === "user.update" ? findUser(store, change.user) : null;
  const member = change.kind === "member.add" ? findMember(store, change) : null;
  const roomRole = member?.state === "active" ? member.role : null;
  return takesRights(change, { busRole: user?.role ?? null, roomRole });
}
