import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { readLastMode } from "../config/judge-start.ts";
import type { NodeSettings } from "../config/load.ts";
import { LOCK_WAIT_MS } from "../core/limits.ts";
import type { AuthMode } from "../core/login.ts";
import {
  BALLAST_FILE,
  HEAD_FILE_SUFFIX,
  KEYS_FOLDER,
  LOCK_FILE,
  LOG_ROOM_SUFFIX,
  MODE_FILE,
  RESTORE_FILE,
} from "../core/node-files.ts";
import { Problem } from "../core/problems.ts";
import { wordsOf } from "../core/thrown.ts";
import { ensurePrivateFolder, writeFileAtomically } from "../system/files.ts";
import { acquireLock } from "../system/lock.ts";
import { fileFault, folderFault } from "../system/safe-folder.ts";

/**
 * Refuses a start in folders where others could put files of theirs under our names, or with files that
 * they put there. `asked` is the database as it was named: a link is as good as the folder it lies in.
 */
export function refuseUnsafePlaces(
  { db, storeDir, natsStore }: Pick<NodeSettings, "db" | "storeDir" | "natsStore">,
  { asked }: { readonly asked: string },
): void {
  const keys = join(dirname(db), KEYS_FOLDER);
  refuseUnsafeFolders([dirname(db), dirname(asked), storeDir, natsStore, keys]);
  const fault = foreignFileFault(db);
  if (fault) throw new Problem("boot-refused", `Cannot start: ${fault}`);
}

function refuseUnsafeFolders(folders: readonly string[]): void {
  for (const folder of folders) {
    const fault = folderFault(folder);
    if (fault) throw new Problem("boot-refused", `Cannot start: the folder "${folder}" ${fault}`);
  }
}

/**
 * Says why the files beside a database, and itself, are not all this user's or root's, in words that
 * begin a reason; null when they are. Somebody else may have put them there while the folder was open.
 */
export function foreignFileFault(db: string): string | null {
  const folder = dirname(db);
  const names = [MODE_FILE, RESTORE_FILE, LOCK_FILE, BALLAST_FILE, KEYS_FOLDER];
  const ends = ["", "-wal", "-shm", "-journal", LOG_ROOM_SUFFIX, HEAD_FILE_SUFFIX];
  for (const path of [...ends.map((end) => db + end), ...names.map((name) => join(folder, name))]) {
    const fault = fileFault(path);
    if (fault) return `"${path}" ${fault}; if it is what it should be, give it to this user: chown`;
  }
  return null;
}

/** A folder that ran without its database has lost it; a new one would be another bus. */
export function refuseLostDatabase(db: string): void {
  const remembered = [join(dirname(db), MODE_FILE), `${db}${HEAD_FILE_SUFFIX}`].filter((file) =>
    existsSync(file),
  );
  if (existsSync(db) || remembered.length === 0) return;
  const files = remembered.map((file) => `"${file}"`).join(" and ");
  throw new Problem(
    "boot-refused",
    `Cannot start: this folder ran a node and its database "${db}" is gone; put it back; on a node of a cluster take it from the others: unibus node reset; or remove ${files} to begin a new bus`,
  );
}

/** Writes down the mode that now runs in the folder of a database (docs/decisions/0011). */
export function rememberMode(db: string, mode: AuthMode): void {
  // Not written again: a node that knows its users can start on a full disk.
  if (readLastMode(dirname(db)) === mode) return;
  const path = join(dirname(db), MODE_FILE);
  try {
    writeFileAtomically(path, `${mode}\n`, { mode: 0o600 });
  } catch (error) {
    throw new Problem(
      "start-failed",
      `remember the mode: the file "${path}" cannot be written: ${wordsOf(error)}`,
      { cause: error },
    );
  }
}

/** Takes a folder for this node; waits a moment for a command that may be using it. */
export async function lockFolder(folder: string, step: string): Promise<Disposable> {
  makeFolder(folder, step);
  const deadlineAt = performance.now() + LOCK_WAIT_MS / 2;
  for (;;) {
    const lock = tryLock(folder, step);
    if (lock) return lock;
    if (performance.now() > deadlineAt) throw folderInUse(folder, step);
    await Bun.sleep(25);
  }
}

/** Takes a folder for this node, at once or not at all. */
export function lockNow(folder: string, step: string): Disposable {
  makeFolder(folder, step);
  const lock = tryLock(folder, step);
  if (!lock) throw folderInUse(folder, step);
  return lock;
}

/** Makes a folder that a step of the start needs. */
export function makeFolder(folder: string, step: string): void {
  try {
    ensurePrivateFolder(folder);
  } catch (error) {
    throw new Problem(
      "start-failed",
      `${step}: the folder "${folder}" cannot be made: ${wordsOf(error)}`,
      { cause: error },
    );
  }
  // Where it was not there, others may have made it between the judging and now.
  refuseUnsafeFolders([folder]);
}

function tryLock(folder: string, step: string): Disposable | null {
  try {
    return acquireLock(folder, LOCK_FILE);
  } catch (error) {
    throw new Problem(
      "start-failed",
      `${step}: the folder "${folder}" cannot be locked: ${wordsOf(error)}`,
      { cause: error },
    );
  }
}

function folderInUse(folder: string, step: string): Problem {
  return new Problem(
    "folder-in-use",
    `${step}: another unibus uses the folder "${folder}"; stop it, or name another folder`,
  );
}
