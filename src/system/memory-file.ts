import { closeSync, fchmodSync, ftruncateSync, writeSync } from "node:fs";
import { cString, EINVAL, openLibc } from "./libc.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
/** It can never be run; kernels before Linux 6.3 know no such word. */
const MFD_NOEXEC_SEAL = 8;
/** Linux 6.3 and newer want it to be said that a file may be run; older ones know no such word. */
const MFD_EXEC = 16;
const F_ADD_SEALS = 1033;
/** No seal may be added, and the size and the bytes stay what they are. */
const ALL_SEALS = 1 | 2 | 4 | 8;

/**
 * Makes a file in memory that can be run and never changed, not even by this user's other processes.
 * Returns its descriptor; the memory is freed when the last descriptor or process of it is gone.
 * Throws when this system does not allow that.
 */
export async function makeMemoryFile(name: string, content: Blob): Promise<number> {
  const libc = openLibc();
  const make = (flags: number): number => libc.memfd_create(cString(name), flags);
  let file = make(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (file < 0 && libc.errno() === EINVAL) file = make(MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) throw new Error(`memfd_create: error ${libc.errno()}`);
  try {
    await Bun.write(Bun.file(file), content);
    if (libc.fcntl(file, F_ADD_SEALS, ALL_SEALS) === 0) return file;
    throw new Error(`F_ADD_SEALS: error ${libc.errno()}`);
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** A text in memory that a child may read as often as it likes, and that only its owner may open. */
export interface MemoryText extends Disposable {
  /** What a child is given among its descriptors; there it is `/proc/self/fd/<number>`. */
  readonly descriptor: number;
  /** Puts another text in its place, for whoever opens it from now on; after its end, nothing. */
  replace(text: string): void;
}

/**
 * Puts a text into a file in memory: a secret that a child reads by a path, and that lies on no disk.
 * Throws when this system does not allow that.
 */
export function makeMemoryText(name: string, text: string): MemoryText {
  const libc = openLibc();
  const make = (flags: number): number => libc.memfd_create(cString(name), flags);
  let descriptor = make(MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  if (descriptor < 0 && libc.errno() === EINVAL) descriptor = make(MFD_CLOEXEC);
  if (descriptor < 0) throw new Error(`memfd_create: error ${libc.errno()}`);
  let open = true;
  function replace(next: string): void {
    // By then the number may be another file's, and the text is a secret.
    if (!open) return;
    const bytes = new TextEncoder().encode(next);
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(descriptor, bytes, at, bytes.length - at, at);
    }
    ftruncateSync(descriptor, bytes.length);
  }
  try {
    fchmodSync(descriptor, 0o600);
    replace(text);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  function end(): void {
    if (open) closeSync(descriptor);
    open = false;
  }
  return { descriptor, replace, [Symbol.dispose]: end };
}
