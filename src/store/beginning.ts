import type { Entry } from "../core/entry.ts";
import type { Operation } from "../core/operations.ts";
import type { Store } from "./open.ts";

/**
 * Finds the last entry that began the journal of a cluster; null where this bus was never part of one.
 * Text that a user chose cannot look like it: its quotes are escaped.
 */
export function findBeginning({
  database,
}: Store): { readonly seq: number; readonly operation: Operation } | null {
  const row = database
    .query<{ seq: number; entry: string }, []>(
      `SELECT seq, entry FROM journal
       WHERE instr(entry, '"kind":"bus.') > 0 AND instr(entry, '"kind":"bus.raise"') = 0
       ORDER BY seq DESC LIMIT 1`,
    )
    .get();
  // Rendered by apply, and the chain was checked when the node started.
  return row ? { seq: row.seq, operation: (JSON.parse(row.entry) as Entry).operation } : null;
}
