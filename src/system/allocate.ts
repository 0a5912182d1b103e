import { writeSync } from "node:fs";
import { EDQUOT, ENOSPC, openLibc } from "./libc.ts";

const ZEROS = new Uint8Array(64 * 1024);

/**
 * Gives an open file blocks of the disk up to a size, so that bytes written there later need no more room.
 * Throws where there is no room; then it may have some of them.
 */
export function allocate(file: number, from: number, to: number): void {
  if (to <= from) return;
  const libc = openLibc();
  if (libc.fallocate(file, 0, BigInt(from), BigInt(to - from)) === 0) return;
  const error = libc.errno();
  if (error === ENOSPC || error === EDQUOT) throw new Error(`fallocate: error ${error}`);
  // Not every file system can: written bytes have their blocks too.
  for (let at = from; at < to; )
    at += writeSync(file, ZEROS, 0, Math.min(ZEROS.length, to - at), at);
}
