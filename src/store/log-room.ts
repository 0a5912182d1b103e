import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
import { LOG_ROOM_BYTES } from "../core/limits.ts";
import { LOG_ROOM_SUFFIX } from "../core/node-files.ts";
import { allocate } from "../system/allocate.ts";

/** What SQLite reads first in its log; with zeros there the log is empty to it. */
const LOG_HEADER = new Uint8Array(32);

/**
 * The room that SQLite's log (`-wal`) has on the disk. SQLite overwrites its log from the start again and
 * again and never makes it shorter, so what it has once been given is there on a full disk too; and a
 * commit writes nowhere else. Only at the end SQLite removes it: a second name of the file keeps its
 * blocks until the next start gives them back.
 * Source: https://sqlite.org/fileformat2.html#the_write_ahead_log (a header that is none ends it).
 */
export interface LogRoom extends Disposable {
  /** Whether the log has all of its room. */
  whole(): boolean;
  /** Gives it that. Throws where the disk has not so much. */
  make(): void;
}

/** Open it before the database, and dispose it after. Nobody else may have the database meanwhile. */
export function openLogRoom(db: string): LogRoom {
  const log = `${db}-wal`;
  const kept = `${db}${LOG_ROOM_SUFFIX}`;
  try {
    giveBack(log, kept);
  } catch {
    // A disk that cannot be written to; whoever opens the database tells it.
  }
  return {
    whole: () => (fileAt(log)?.size ?? 0) >= LOG_ROOM_BYTES,
    make() {
      // To close a handle drops no lock: SQLite locks the database and its index of the log, not the log.
      const file = openSync(log, "r+");
      try {
        allocate(file, fstatSync(file).size, LOG_ROOM_BYTES);
      } finally {
        closeSync(file);
      }
      nameTwice(log, kept);
    },
    [Symbol.dispose]() {
      // SQLite removes its log when all of it is in the database; otherwise it is still needed.
      if (!existsSync(log) && fileAt(kept)?.nlink === 1) empty(kept);
    },
  };
}

/** What is kept becomes the log of a database that has none. */
function giveBack(log: string, kept: string): void {
  const found = fileAt(kept);
  if (!found || existsSync(log)) return;
  // Under its other name it may be the log of a database that was moved away or copied.
  if (found.nlink === 1) {
    empty(kept);
    linkSync(kept, log);
  } else {
    rmSync(kept);
  }
}

function nameTwice(log: string, kept: string): void {
  if (fileAt(kept)?.ino === fileAt(log)?.ino) return;
  rmSync(kept, { force: true });
  try {
    linkSync(log, kept);
  } catch {
    // Without second names the room is there from a start to the next stop.
  }
}

/** What is still in it would be read into the database again, which has gone on since. */
function empty(kept: string): void {
  const file = openSync(kept, "r+");
  try {
    writeSync(file, LOG_HEADER, 0, LOG_HEADER.length, 0);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function fileAt(path: string): Stats | null {
  const about = lstatSync(path, { throwIfNoEntry: false });
  return about?.isFile() ? about : null;
}
