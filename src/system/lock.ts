import { Database } from "bun:sqlite";
import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { EAGAIN, openLibc } from "./libc.ts";

const LOCK_EX_NB = 2 | 4;

/**
 * Takes the lock that a guarded program holds as long as it lives; null while one does.
 * Throws what the file system throws when the file cannot be made.
 */
export function acquireGuardLock(path: string): Disposable | null {
  const libc = openLibc();
  const file = openSync(path, "a", 0o600);
  if (libc.flock(file, LOCK_EX_NB) === 0) return { [Symbol.dispose]: () => closeSync(file) };
  const error = libc.errno();
  closeSync(file);
  if (error === EAGAIN) return null;
  throw new Error(`cannot lock ${path}: error ${error}`);
}

/**
 * Takes an exclusive lock on `<folder>/<name>`, or answers null when another process has it.
 * SQLite's own file lock does the work: it is tied to the file, not to its path, so a symlink does
 * not fool it; it needs no native code of ours; and the kernel frees it when the process dies.
 * Throws what the file system throws when the folder is missing or not writable.
 */
export function acquireLock(folder: string, name: string): Disposable | null {
  const path = join(folder, name);
  const database = new Database(path, { create: true });
  try {
    chmodSync(path, 0o600);
    database.run("PRAGMA busy_timeout = 0");
    // Otherwise SQLite makes a second file, which fails on a full disk and outlives a killed process.
    database.run("PRAGMA journal_mode = MEMORY");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) return null;
    throw error;
  }
  return { [Symbol.dispose]: () => database.close() };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}
