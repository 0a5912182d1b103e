import { type Entry, parseOutcome } from "../core/entry.ts";
import type { OperationId } from "../core/ids.ts";
import type { Operation, Outcome } from "../core/operations.ts";
import { journalDamaged } from "./faults.ts";
import type { Store } from "./open.ts";

/** What a bus is, and how far its journal goes. */
export interface BusRecord {
  readonly busId: string;
  readonly generation: string;
  readonly format: number;
  readonly lastSeq: number;
  readonly chain: Uint8Array;
  /** The latest time that any entry named. */
  readonly latestAt: number;
}

/** Reads the one row of the bus. Throws "journal-damaged" when it is gone. */
export function getBus({ database }: Store): BusRecord {
  const bus = database
    .query<BusRecord, []>(
      `SELECT bus_id AS busId, generation, format, last_seq AS lastSeq, chain,
         latest_at AS latestAt
       FROM bus`,
    )
    .get();
  if (!bus) throw journalDamaged("the row that says which bus this is is gone");
  return bus;
}

/** Finds an operation by its id: as it was recorded, with its number and outcome. */
export function findRecorded(
  { database }: Store,
  id: OperationId,
): { readonly seq: number; readonly operation: Operation; readonly outcome: Outcome } | null {
  const row = database
    .query<{ seq: number; entry: string; outcome: string; detail: string | null }, { id: string }>(
      "SELECT seq, entry, outcome, detail FROM journal WHERE operation_id = $id",
    )
    .get({ id });
  if (!row) return null;
  // Rendered by apply, and the chain was checked when the node started.
  const { operation } = JSON.parse(row.entry) as Entry;
  return { seq: row.seq, operation, outcome: parseOutcome(row.outcome, row.detail) };
}

export function isSignatureUsed({ database }: Store, signatureId: string): boolean {
  return (
    database
      .query("SELECT 1 FROM journal WHERE signature_id = $signatureId")
      .get({ signatureId }) !== null
  );
}
