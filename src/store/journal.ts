import { parseOutcome, type StoredEntry } from "../core/entry.ts";
import type { OperationId } from "../core/ids.ts";
import type { Outcome } from "../core/operations.ts";
import { journalDamaged } from "./faults.ts";
import type { Store } from "./open.ts";

/** What a bus is, and how far its journal goes. */
export interface BusRecord {
  readonly busId: string;
  readonly generation: string;
  /** The level that it has, and the one that it began at. */
  readonly level: number;
  readonly firstLevel: number;
  readonly lastSeq: number;
  readonly chain: Uint8Array;
  /** The latest time that any entry named. */
  readonly latestAt: number;
}

/** Finds the one row of the bus; there is none where a new node of a cluster waits for its first entry. */
export function findBus({ database }: Store): BusRecord | null {
  return database
    .query<BusRecord, []>(
      `SELECT bus_id AS busId, generation, format AS level, first_level AS firstLevel,
         last_seq AS lastSeq, chain, latest_at AS latestAt
       FROM bus`,
    )
    .get();
}

/** Reads the one row of the bus. Throws "journal-damaged" when it is gone. */
export function getBus(store: Store): BusRecord {
  const bus = findBus(store);
  if (!bus) throw journalDamaged("the row that says which bus this is is gone");
  return bus;
}

/** Finds an operation by its id: as it was recorded, with its number and outcome. */
export function findRecorded(
  { database }: Store,
  id: OperationId,
): (StoredEntry & { readonly outcome: Outcome }) | null {
  const row = database
    .query<{ seq: number; entry: string; outcome: string; detail: string | null }, { id: string }>(
      "SELECT seq, entry, outcome, detail FROM journal WHERE operation_id = $id",
    )
    .get({ id });
  if (!row) return null;
  // Rendered by apply, and the chain was checked when the node started.
  const { operation } = JSON.parse(row.entry) as StoredEntry;
  const outcome = parseOutcome(row.outcome, row.detail);
  if (outcome.status === "repeated") throw journalDamaged(`entry ${row.seq} repeats itself`);
  return { seq: row.seq, operation, outcome };
}

/** Finds an entry by its number: its operation, and the chain after it. */
export function findEntry(
  { database }: Store,
  seq: number,
): (Pick<StoredEntry, "operation"> & { readonly chain: Uint8Array }) | null {
  const row = database
    .query<{ entry: string; chain: Uint8Array }, { seq: number }>(
      "SELECT entry, chain FROM journal WHERE seq = $seq",
    )
    .get({ seq });
  // As above.
  return row
    ? { operation: (JSON.parse(row.entry) as StoredEntry).operation, chain: row.chain }
    : null;
}

export function isSignatureUsed({ database }: Store, signatureId: string): boolean {
  return (
    database
      .query("SELECT 1 FROM journal WHERE signature_id = $signatureId")
      .get({ signatureId }) !== null
  );
}
