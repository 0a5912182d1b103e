import { ptr } from "bun:ffi";
import { openLibc } from "./libc.ts";

const O_CLOEXEC = 0o2000000;

/**
 * Makes a pipe: what a child writes to one end, any thread of this process can read at the other.
 * (What Bun pipes by itself can be read on the thread alone that spawned.) Neither end is inherited
 * but by a child that is given it. Throws when the process has no descriptor left.
 */
export function makePipe(): { readonly read: number; readonly write: number } {
  const libc = openLibc();
  const ends = new Int32Array(2);
  const [read = -1, write = -1] = libc.pipe2(ptr(ends), O_CLOEXEC) === 0 ? ends : [];
  if (read < 0 || write < 0) throw new Error(`pipe2: error ${libc.errno()}`);
  return { read, write };
}
