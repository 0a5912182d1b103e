import type { Commit, Committed, Operation } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { invalid } from "../core/rules/changes.ts";
import { refuseOperation } from "../core/rules/operations.ts";
import { type Journal, openLocalJournal } from "../journal/local.ts";
import { apply } from "../store/apply.ts";
import { getBus } from "../store/journal.ts";
import type { Store } from "../store/open.ts";

/** Hears of a new entry, applied or refused, once it is on disk. Must not throw. */
export type AppliedListener = (committed: Committed, operation: Operation) => void;

export interface WritePath {
  /**
   * Gives an operation its place and answers its outcome.
   * Throws "request-invalid", "request-too-large" or "key-invalid" for what may not enter the journal,
   * "journal-unavailable" when nothing could be written, and in a cluster "outcome-unknown" when nobody
   * can say in time.
   */
  readonly commit: Commit;
  /** Listeners hear entries in their order; a repeat is no new entry. */
  onApplied(listener: AppliedListener): void;
  /** Why no more entries are taken until a restart, or null. */
  stopped(): Error | null;
}

/** Joins the journal of one node with the store that applies its entries. */
export function openWritePath(store: Store): WritePath {
  const { path } = joinWritePath((onApplied) =>
    openLocalJournal({
      apply: (entry) => apply(store, entry),
      lastSeq: () => getBus(store).lastSeq,
      onApplied,
    }),
  );
  return path;
}

/** Puts a journal behind the last look at what enters it, and before those who hear of it. */
export function joinWritePath<Opened extends Journal>(
  openJournal: (onApplied: AppliedListener) => Opened,
): { readonly path: WritePath; readonly open: Opened } {
  const listeners: AppliedListener[] = [];
  const open = openJournal((committed, operation) => {
    for (const listener of listeners) listener(committed, operation);
  });
  const path: WritePath = {
    commit: async (operation) => {
      const refusal = refuseOperation(operation) ?? refuseBeginning(operation);
      if (refusal) throw new Problem(refusal.code, refusal.detail);
      return open.commit(operation);
    },
    onApplied: (listener) => {
      listeners.push(listener);
    },
    stopped: open.stopped,
  };
  return { path, open };
}

/** Nobody asks for these: a cluster's journal begins with one, before there is anybody to ask. */
function refuseBeginning({ change: { kind } }: Operation): ReturnType<typeof refuseOperation> {
  const begins = kind === "bus.found" || kind === "bus.continued";
  return begins ? invalid("change", "is not for anybody to ask for") : null;
}
