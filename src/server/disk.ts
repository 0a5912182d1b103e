import { statfsSync } from "node:fs";
import { DISK_FREE_BYTES_MIN, DISK_REFUSED_MS } from "../core/limits.ts";
import type { Commit } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { WritePath } from "./write-path.ts";

/** A write path of which it is known whether the disk would take another entry. */
export interface WatchedWritePath extends WritePath {
  /** Why an entry would be refused now, in words that follow "it"; null while none would be. */
  diskFault(): string | null;
}

/**
 * Remembers entries that could not be written, and looks at the free space of the folder that the
 * database lies in, so that a node does not call itself ready that refuses every change.
 */
export function watchDisk(
  writePath: WritePath,
  { folder, now }: { readonly folder: string; readonly now: () => number },
): WatchedWritePath {
  let refusedAt = Number.NEGATIVE_INFINITY;
  const commit: Commit = async (operation) => {
    try {
      const committed = await writePath.commit(operation);
      refusedAt = Number.NEGATIVE_INFINITY;
      return committed;
    } catch (error) {
      if (error instanceof Problem && error.code === "journal-unavailable") refusedAt = now();
      throw error;
    }
  };
  return {
    ...writePath,
    commit,
    diskFault() {
      if (freeBytes(folder) < DISK_FREE_BYTES_MIN) return "has no room on its disk; free some";
      // A quota, or another process at the database: only the next try can tell that it is over.
      return now() < refusedAt + DISK_REFUSED_MS ? "could not be written a moment ago" : null;
    },
  };
}

/** What this user may still write; infinite where the file system does not tell. */
export function freeBytes(folder: string): number {
  try {
    const { blocks, bfree, bavail, bsize } = statfsSync(folder);
    if (blocks === 0) return Number.POSITIVE_INFINITY;
    return (process.geteuid?.() === 0 ? bfree : bavail) * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
