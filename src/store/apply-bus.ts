import type { Database } from "bun:sqlite";
import { LEVEL_FIRST, LEVEL_NEWEST, levelTooOld } from "../core/level.ts";
import type { Beginning, ChangeOf } from "../core/operations.ts";
import { refuseRaise } from "../core/rules/levels.ts";
import { firstChain } from "./chain.ts";
import { applied, type Circumstances, type Decision, refused } from "./decision.ts";
import { findBus, getBus } from "./journal.ts";
import { listNodes } from "./nodes.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";

/** Makes the one row that says which bus this is, and at which level it begins, before its first entry. */
export function createBus(
  database: Database,
  bus: { readonly busId: string; readonly generation: string; readonly level: number },
): void {
  const { busId, generation, level } = bus;
  database
    .query(
      `INSERT INTO bus (one, bus_id, generation, format, first_level, last_seq, chain, latest_at)
       VALUES (1, $busId, $generation, $level, $level, 0, $chain, 0)`,
    )
    .run({ busId, generation, level, chain: firstChain(bus) });
}

/** An empty database takes the bus that the first entry names. */
export function takeBus(store: Store, beginning: Beginning): void {
  if (beginning.kind !== "bus.found" || findBus(store)) return;
  createBus(store.database, { ...beginning, level: beginning.level ?? LEVEL_FIRST });
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

/** Raises the level of the bus by one. Throws "level-too-old" where this unibus does not know the next. */
export function decideRaise(
  store: Store,
  { level: next }: ChangeOf<"bus.raise">,
  { actor, level }: Circumstances,
): Decision {
  const refusal = refuseRaise({ actor, level, next, nodes: listNodes(store) });
  if (refusal) return refused(refusal);
  if (next > LEVEL_NEWEST) throw levelTooOld("the bus", next);
  return applied();
}
