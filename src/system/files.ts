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

/** Replaces a file at once: readers see the old bytes or the new, also after a power cut. */
export function writeFileAtomically(
  path: string,
  bytes: string | Uint8Array,
  options: { readonly mode: number },
): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeAndSync(temporary, bytes, { ...options, flags: "w" });
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
  try {
    writeAndSync(path, bytes, { ...options, flags: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST"))
      removeQuietly(path);
    throw error;
  }
  syncFolder(dirname(path));
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

function writeAndSync(
  path: string,
  bytes: string | Uint8Array,
  options: { readonly mode: number; readonly flags: string },
): void {
  const file = openSync(path, options.flags, options.mode);
  try {
    fchmodSync(file, options.mode);
    const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    for (let at = 0; at < data.length; ) at += writeSync(file, data, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, and the first error is the one to tell.
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
