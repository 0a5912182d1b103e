import {
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder that only its owner may enter, with the folders above it. An existing one is left as
 * it is: it may be a folder of somebody else's, such as the one a user works in.
 */
export function ensurePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/**
 * Says why a folder is no safe place for files of ours, in words that follow "it"; null when it is one,
 * or is not there yet. Whoever may write there can put a link or a socket under a name that we use.
 * Root's folders are safe: root can do anything, and the volume of a container is often root's.
 */
export function folderFault(path: string): string | null {
  const about = statIfPresent(path);
  if (!about) return null;
  if (about.uid !== 0 && about.uid !== process.geteuid?.()) {
    return `belongs to another user (uid ${about.uid}); run this as that user`;
  }
  return (about.mode & 0o002) === 0 ? null : "may be written to by everybody; run: chmod o-w on it";
}

/** Replaces a file at once: readers see the old bytes or the new, also after a power cut. */
export function writeFileAtomically(
  path: string,
  bytes: string | Uint8Array,
  options: { readonly mode: number },
): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    fill(openSync(temporary, "w", options.mode), bytes, options.mode);
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
  syncFolder(dirname(path));
}

/** Writes a file that must not exist yet. Throws `EEXIST` when it does; nothing is changed then. */
export function writeNewFile(
  path: string,
  bytes: string | Uint8Array,
  options: { readonly mode: number },
): void {
  // Nothing is removed when this fails, for want of descriptors too: the file may be somebody's.
  const file = openSync(path, "wx", options.mode);
  try {
    fill(file, bytes, options.mode);
  } catch (error) {
    removeQuietly(path);
    throw error;
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

/** Writes all bytes to an open file, on disk, and closes it. */
function fill(file: number, bytes: string | Uint8Array, mode: number): void {
  try {
    fchmodSync(file, mode);
    const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    for (let at = 0; at < data.length; ) at += writeSync(file, data, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** What cannot be looked at cannot be used either, and whoever tries to will tell why. */
function statIfPresent(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
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
