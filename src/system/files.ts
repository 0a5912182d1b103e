import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileFault, requireSpot, spotFault, UnsafeFolder } from "./safe-folder.ts";

/** A file that is not there yet; nobody else's, and no link that somebody left under its name. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Makes a folder that only its owner may enter, with the folders above it. An existing one is left as
 * it is: it may be a folder of somebody else's, such as the one a user works in.
 * Throws `UnsafeFolder` where others could exchange it.
 */
export function ensurePrivateFolder(path: string): void {
  makeFolder(path, 0o700);
}

/** The same for what is not secret, such as certificates; others than its owner may look into it. */
export function ensureFolder(path: string): void {
  makeFolder(path, 0o755);
}

function makeFolder(path: string, mode: number): void {
  const fault = spotFault(path);
  if (fault) throw new UnsafeFolder(path, fault);
  mkdirSync(path, { recursive: true, mode });
  // Where others may make folders as well, one of theirs may have been faster.
  requireSpot(path);
}

/**
 * Replaces a file at once: readers see the old bytes or the new, also after a power cut.
 * Throws `UnsafeFolder` where others could take or exchange it; nothing is written then.
 */
export function writeFileAtomically(
  path: string,
  bytes: string | Uint8Array,
  options: { readonly mode: number },
): void {
  using staged = stageFile(path, options);
  staged.replace(bytes);
}

/** Bytes that wait for their file's name. */
interface StagedFile extends Disposable {
  /** Writes the bytes and gives them the file's name. */
  replace(bytes: string | Uint8Array): void;
}

/**
 * Prepares the replacing of a file: under a name of its own, that nobody can foresee, with room on the
 * disk for `roomBytes`. Throws as `writeFileAtomically` does.
 */
export function stageFile(
  path: string,
  { mode, roomBytes = 0 }: { readonly mode: number; readonly roomBytes?: number },
): StagedFile {
  const folder = dirname(path);
  requireSpot(folder);
  const fault = fileFault(path);
  if (fault) throw new Error(`"${path}" ${fault}; choose another name`);
  const temporary = join(folder, `.${crypto.randomUUID()}.tmp`);
  const file = openSync(temporary, NEW_FILE, mode);
  let isThere = true;
  function remove(): void {
    closeSync(file);
    if (isThere) removeQuietly(temporary);
  }
  try {
    fill(file, new Uint8Array(roomBytes), mode);
    fsyncSync(file);
  } catch (error) {
    remove();
    throw error;
  }
  return {
    replace(bytes) {
      ftruncateSync(file, fill(file, bytes, mode));
      fsyncSync(file);
      renameSync(temporary, path);
      isThere = false;
      syncFolder(folder);
    },
    [Symbol.dispose]: remove,
  };
}

/**
 * Writes a file that must not exist yet. Throws `EEXIST` when it does, and `UnsafeFolder` where others
 * could exchange it; nothing is changed then.
 */
export function writeNewFile(
  path: string,
  bytes: string | Uint8Array,
  options: { readonly mode: number },
): void {
  requireSpot(dirname(path));
  // Nothing is removed when this fails, for want of descriptors too: the file may be somebody's.
  const file = openSync(path, NEW_FILE, options.mode);
  try {
    fill(file, bytes, options.mode);
    fsyncSync(file);
  } catch (error) {
    removeQuietly(path);
    throw error;
  } finally {
    closeSync(file);
  }
  syncFolder(dirname(path));
}

/** Gives a file or folder another name, on disk. Throws when something has that name. */
export function renameDurably(from: string, to: string): void {
  // The kernel would replace an empty folder, or a file.
  if (lstatSync(to, { throwIfNoEntry: false })) throw new Error(`"${to}" is there already`);
  renameSync(from, to);
  syncFolder(dirname(to));
  if (dirname(from) !== dirname(to)) syncFolder(dirname(from));
}

/** Symlinks that one path may pass through, as the kernel counts them. */
const LINKS_MAX = 40;

/**
 * The file behind a path that may be a symlink, so that two names of one file are one place; also the
 * file that a link names before it exists, since whoever opens the link then makes that one.
 */
export function realFile(path: string): string {
  let place = path;
  for (let links = 0; links < LINKS_MAX; links++) {
    try {
      if (!lstatSync(place).isSymbolicLink()) break;
      place = resolve(realpathSync(dirname(place)), readlinkSync(place));
    } catch {
      // Nothing is there yet: this is where it would be made.
      break;
    }
  }
  return place;
}

/** Writes all bytes to the beginning of an open file. Returns how many they are. */
function fill(file: number, bytes: string | Uint8Array, mode: number): number {
  fchmodSync(file, mode);
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  for (let at = 0; at < data.length; ) at += writeSync(file, data, at, data.length - at, at);
  return data.length;
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, and the first error is the one to tell.
  }
}

/** Makes what was renamed or removed in a folder last over a power cut. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
