import { Database } from "bun:sqlite";
import { chmodSync } from "node:fs";
import { join } from "node:path";

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
