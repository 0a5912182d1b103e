import { renderOutcome } from "../../src/core/entry.ts";
import type { Committed, Operation } from "../../src/core/operations.ts";
import { findRecorded } from "../../src/store/journal.ts";
import type { Store } from "../../src/store/open.ts";

/** One operation as whoever asked for it saw it. */
export interface Asked {
  readonly operation: Operation;
  /** What was answered; null when nobody could say, or it was surely not taken. */
  readonly committed: Committed | null;
  /** True when the answer was that it is surely not recorded. */
  readonly refused: boolean;
}

/** Says what a database has made of what was acknowledged that it may not have; nothing when all is well. */
export function faultsOf(history: readonly Asked[], store: Store): readonly string[] {
  const faults: string[] = [];
  for (const { operation, committed, refused } of history) {
    const recorded = findRecorded(store, operation.id);
    if (committed && !recorded) faults.push(`${operation.id}: acknowledged, and not there`);
    if (committed && recorded && recorded.seq !== committed.seq) {
      faults.push(
        `${operation.id}: acknowledged as ${committed.seq}, and there as ${recorded.seq}`,
      );
    }
    if (
      committed &&
      recorded &&
      renderOutcome(recorded.outcome) !== renderOutcome(committed.outcome)
    ) {
      faults.push(`${operation.id}: has another outcome than was acknowledged`);
    }
    if (refused && recorded) faults.push(`${operation.id}: surely not recorded, and there`);
  }
  return faults;
}
