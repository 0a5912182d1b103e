import type { Commit, Committed, Operation } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { refuseOperation } from "../core/rules/operations.ts";
import { openLocalJournal } from "../journal/local.ts";
import { apply } from "../store/apply.ts";
import { getBus } from "../store/journal.ts";
import type { Store } from "../store/open.ts";

/** Hears of a new entry, applied or refused, once it is on disk. Must not throw. */
export type AppliedListener = (committed: Committed, operation: Operation) => void;

export interface WritePath {
  /**
   * Gives an operation its place and answers its outcome.
   * Throws "request-invalid", "request-too-large" or "key-invalid" for what may not enter the journal, and
   * "journal-unavailable" when nothing could be written.
   */
  readonly commit: Commit;
  /** Listeners hear entries in their order; a repeat is no new entry. */
  onApplied(listener: AppliedListener): void;
  /** Why no more entries are taken until a restart, or null. */
  stopped(): Error | null;
}

/** Joins the journal of one node with the store that applies its entries. */
export function openWritePath(store: Store): WritePath {
  const listeners: AppliedListener[] = [];
  const journal = openLocalJournal({
    apply: (entry) => apply(store, entry),
    lastSeq: () => getBus(store).lastSeq,
    onApplied: (committed, operation) => {
      for (const listener of listeners) listener(committed, operation);
    },
  });
  return {
    commit: async (operation) => {
      const refusal = refuseOperation(operation);
      if (refusal) throw new Problem(refusal.code, refusal.detail);
      return journal.commit(operation);
    },
    onApplied: (listener) => {
      listeners.push(listener);
    },
    stopped: journal.stopped,
  };
}
