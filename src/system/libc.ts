import { dlopen, FFIType, type Pointer, ptr, read } from "bun:ffi";

/*
 * The few system calls that Bun has no function for. Linux only: the numbers are its own, and calling
 * functions of variable length as if they were not is right for its processors' conventions alone.
 */

const { cstring, i32, i64, pointer, u32, u64 } = FFIType;
const SYMBOLS = {
  memfd_create: { args: [cstring, u32], returns: i32 },
  pipe2: { args: [pointer, i32], returns: i32 },
  fcntl: { args: [i32, i32, i32], returns: i32 },
  dup2: { args: [i32, i32], returns: i32 },
  flock: { args: [i32, i32], returns: i32 },
  fallocate: { args: [i32, i32, i64, i64], returns: i32 },
  socket: { args: [i32, i32, i32], returns: i32 },
  connect: { args: [i32, pointer, u32], returns: i32 },
  getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
  getppid: { args: [], returns: i32 },
  prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
  execve: { args: [cstring, pointer, pointer], returns: i32 },
  fexecve: { args: [i32, pointer, pointer], returns: i32 },
  sendto: { args: [i32, pointer, u64, i32, pointer, u32], returns: i32 },
  close: { args: [i32], returns: i32 },
  __errno_location: { args: [], returns: pointer },
} as const;

/** Error numbers, the same on all of Linux's processors that Bun runs on. */
export const EAGAIN = 11;
export const EINVAL = 22;
export const ENOSPC = 28;
export const EDQUOT = 122;

/** Opens the C library: musl takes glibc's name for its own. */
export function openLibc() {
  const { symbols } = dlopen("libc.so.6", SYMBOLS);
  return {
    ...symbols,
    /** Why the call before this one failed. */
    errno(): number {
      const place = symbols.__errno_location();
      return place === null ? 0 : read.i32(place, 0);
    },
  };
}

/** Bytes that C reads up to their zero. Whoever passes them on keeps them until the call returns. */
export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** A list of texts as C has it, ended by a null. */
export function cStrings(texts: readonly string[]): {
  readonly list: Pointer;
  /** Kept alive by whoever keeps this. */
  readonly memory: readonly (Buffer | BigUint64Array)[];
} {
  const bytes = texts.map(cString);
  const list = new BigUint64Array([...bytes.map((one) => BigInt(ptr(one))), 0n]);
  return { list: ptr(list), memory: [...bytes, list] };
}
