import type { Database } from "bun:sqlite";
import { type Beginning, OPERATION_FORMAT } from "../core/operations.ts";
import { firstChain } from "./chain.ts";
import { applied, type Decision } from "./decision.ts";
import { findBus, getBus } from "./journal.ts";
import { listNodes } from "./nodes.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";

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
 * The entry that a cluster's journal begins with is there to be chained. Where a bus goes on, the nodes
 * that it had are none until they tell of themselves again: some may be gone for good. Throws when it
 * does not follow what is here, because nothing after it would.
 */
export function decideBeginning(store: Store, beginning: Beginning): Decision {
  const bus = getBus(store);
  const follows =
    beginning.busId === bus.busId &&
    beginning.generation === bus.generation &&
    (beginning.kind === "bus.found"
      ? bus.lastSeq === 0
      : beginning.lastSeq === bus.lastSeq && beginning.chain === bus.chain.toHex());
  if (follows) {
    const before = listNodes(store).filter(({ removedAt }) => removedAt === null);
    return applied(before.map(({ node }): RowWrite => ({ table: "nodes", key: node, row: null })));
  }
  throw new Error(
    `Cannot begin the journal of a cluster here: it does not follow entry ${bus.lastSeq}`,
  );
}
