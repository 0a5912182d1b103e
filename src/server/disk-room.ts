import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import {
  BALLAST_BYTES,
  BALLAST_STEP_BYTES,
  DISK_FREE_BYTES_MIN,
  DISK_KEPT_OF_FREE_MAX,
  DISK_LOOK_MS,
  LOG_ROOM_BYTES,
} from "../core/limits.ts";
import { type LogRoom, openLogRoom } from "../store/log-room.ts";
import { every } from "../system/wait.ts";
import { type Ballast, openBallast } from "./ballast.ts";

/** What is kept of a disk for changes that take rights away. */
export interface DiskRoom extends Disposable {
  /** The folder that the database lies in. */
  readonly folder: string;
  readonly log: LogRoom;
  readonly ballast: Ballast;
}

/** Finds what is kept beside a database, before that is opened; it is disposed after the database. */
export function openDiskRoom(db: string): DiskRoom {
  const folder = dirname(db);
  const log = openLogRoom(db);
  const ballast = openBallast(folder);
  // To open the database takes some, and nats-server a little more.
  if (freeBytes(folder) < DISK_FREE_BYTES_MIN) ballast.giveUp();
  return { folder, log, ballast, [Symbol.dispose]: () => log[Symbol.dispose]() };
}

/** Says whether no more is left of the disk than what is kept. */
export function isFull({ folder, ballast }: Pick<DiskRoom, "folder" | "ballast">): boolean {
  const held = ballast.held();
  // What was given up is free, and still not for everybody.
  const given = held === null ? 0 : BALLAST_BYTES - held;
  return freeBytes(folder) - given < DISK_FREE_BYTES_MIN;
}

/**
 * Makes what is kept, where there is room for it, and looks after it. A nats-server of a cluster gives up
 * its streams when it finds its disk full, so there it is given up before.
 */
export function keepRoom(
  room: DiskRoom,
  { clustered }: { readonly clustered: boolean },
): AsyncDisposable {
  return every(DISK_LOOK_MS, async () => look(room, clustered));
}

function look({ folder, log, ballast }: DiskRoom, clustered: boolean): void {
  const free = freeBytes(folder);
  if (clustered && free < BALLAST_STEP_BYTES / 2) ballast.giveUp();
  // A file system that cannot do it, or another process that was quicker: health tells.
  try {
    if (!log.whole() && free * DISK_KEPT_OF_FREE_MAX >= LOG_ROOM_BYTES) log.make();
    if (mayMakeBallast(ballast.held(), freeBytes(folder))) ballast.make();
  } catch {
    return;
  }
}

function mayMakeBallast(held: number | null, free: number): boolean {
  if (held === null) return free * DISK_KEPT_OF_FREE_MAX >= BALLAST_BYTES;
  return held < BALLAST_BYTES && free >= BALLAST_BYTES - held + BALLAST_STEP_BYTES;
}

/** What an operator should know of the room that is kept. */
export function roomWarnings({ log, ballast }: DiskRoom): readonly string[] {
  const kept = (ballast.held() ?? 0) + (log.whole() ? LOG_ROOM_BYTES : 0);
  const wanted = BALLAST_BYTES + LOG_ROOM_BYTES;
  if (kept >= wanted) return [];
  return [
    `of the ${mebibytes(wanted)} MiB of disk that are kept for revocations ${mebibytes(kept)} are there: make room`,
  ];
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
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
