import type { Database } from "bun:sqlite";
import { type Beginning, OPERATION_FORMAT } from "../core/operations.ts";
import { firstChain } from "./chain.ts";
import { applied, type Decision } from "./decision.ts";
import { findBus, getBus } from "./journal.ts";
import type { Store } from "./open.ts";

/** Makes the one row that says which bus this is, before its first entry. */
export function createBus(
  database: Database,
  bus: { readonly busId: string; readonly generation: string },
): void {
  const { busId, generation } = bus;
  database
    .query(
      `INSERT INTO bus (one, bus_id, generation, format, last_seq, chain, latest_at)
       VALUES (1, $busId, $generation, $format, 0, $chain, 0)`,
    )
    .run({ busId, generation, format: OPERATION_FORMAT, chain: firstChain(bus) });
}

/** An empty database takes the bus that the first entry names. */
export function takeBus(store: Store, beginning: Beginning): void {
  if (beginning.kind === "bus.found" && !findBus(store)) createBus(store.database, beginning);
}

/**
 * The entry that a cluster's journal begins with changes no row: it is there to be chained. Throws when
 * it does not follow what is here, because nothing after it would.
 */
export function decideBeginning(store: Store, beginning: Beginning): Decision {
  const bus = getBus(store);
  const follows =
    beginning.busId === bus.busId &&
    beginning.generation === bus.generation &&
    (beginning.kind === "bus.found"
      ? bus.lastSeq === 0
      : beginning.lastSeq === bus.lastSeq && beginning.chain === bus.chain.toHex());
  if (follows) return applied();
  throw new Error(
    `Cannot begin the journal of a cluster here: it does not follow entry ${bus.lastSeq}`,
  );
}
