import { Problem } from "../core/problems.ts";

/** The code of an error of SQLite or of the system (`SQLITE_FULL`, `ENOENT`), or its message. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

/** As `codeOf`, with what an operator makes of a full disk, which SQLite tells in two ways. */
export function faultWords(error: unknown): string {
  const code = codeOf(error);
  return FULL.includes(code) ? `the disk is full (${code})` : code;
}

const FULL = ["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"];

/** Says whether an operation could not be recorded because the disk is full. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Problem && FULL.includes(codeOf(error.cause));
}

/** Says that stored data is not what was written, and what an operator does about it. */
export function journalDamaged(fault: string, cause?: unknown): Problem {
  return new Problem(
    "journal-damaged",
    `Cannot trust the journal: ${fault}; keep the damaged files and restore the last good backup, or, on a node of a cluster, take it from the others: unibus node reset`,
    { cause },
  );
}
