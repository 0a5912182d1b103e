import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { readLastMode } from "../config/judge-start.ts";
import { LOCK_WAIT_MS } from "../core/limits.ts";
import type { AuthMode } from "../core/login.ts";
import { LOCK_FILE, MODE_FILE } from "../core/node-files.ts";
import { Problem } from "../core/problems.ts";
import { wordsOf } from "../core/thrown.ts";
import { ensurePrivateFolder, folderFault, writeFileAtomically } from "../system/files.ts";
import { acquireLock } from "../system/lock.ts";

/** Refuses a start in folders where others could put files of theirs under our names. */
export function refuseUnsafeFolders(folders: readonly string[]): void {
  for (const folder of folders) {
    const fault = folderFault(folder);
    if (fault) throw new Problem("boot-refused", `Cannot start: the folder "${folder}" ${fault}`);
  }
}

/** A folder that ran without its database has lost it; a new one would be another bus. */
export function refuseLostDatabase(db: string): void {
  const modeFile = join(dirname(db), MODE_FILE);
  if (existsSync(db) || !existsSync(modeFile)) return;
  throw new Problem(
    "boot-refused",
    `Cannot start: this folder ran a node and its database "${db}" is gone; put it back; on a node of a cluster take it from the others: unibus node reset; or remove "${modeFile}" to begin a new bus`,
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
