import { closeSync } from "node:fs";
import { cString, EINVAL, openLibc } from "./libc.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
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
