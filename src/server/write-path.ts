import type { Commit, Committed, Operation } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { invalid } from "../core/rules/changes.ts";
import { refuseOperation } from "../core/rules/operations.ts";
import { type Journal, openLocalJournal } from "../journal/local.ts";
import { apply, findSettled } from "../store/apply.ts";
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
  /**
   * Answers what is settled about an operation without an entry, or null: a refusal by the rules as things
   * stand here, or the outcome of a repeat. It has the number of the last entry that it takes into account.
   * Throws as `commit` does; in a cluster "journal-unavailable" where this node may not know the latest changes.
   */
  readonly settled: (operation: Operation) => Promise<Committed | null>;
  /** Listeners hear entries in their order; a repeat is no new entry. */
  onApplied(listener: AppliedListener): void;
  /** Why no more entries are taken until a restart, or null. */
  stopped(): Error | null;
  /** Nodes of a cluster whose disks are full, where too few have room; [] while there are enough. */
  withoutRoom?(): readonly string[];
}

/** Joins the journal of one node with the store that applies its entries. */
export function openWritePath(store: Store): WritePath {
  const { path } = joinWritePath(
    (onApplied) =>
      openLocalJournal({
        apply: (entry) => apply(store, entry),
        lastSeq: () => getBus(store).lastSeq,
        onApplied,
      }),
    async (_, operation) => findSettled(store, operation)?.committed ?? null,
  );
  return path;
}

/**
 * Puts a journal behind the last look at what enters it, and before those who hear of it. `settled`
 * answers what needs no entry, or null.
 */
export function joinWritePath<Opened extends Journal>(
  openJournal: (onApplied: AppliedListener) => Opened,
  settled: (open: Opened, operation: Operation) => Promise<Committed | null>,
): { readonly path: WritePath; readonly open: Opened } {
  const listeners: AppliedListener[] = [];
  const open = openJournal((committed, operation) => {
    for (const listener of listeners) listener(committed, operation);
  });
  const path: WritePath = {
    commit: async (operation) => {
      admit(operation);
      return open.commit(operation);
    },
    settled: async (operation) => {
      admit(operation);
      return settled(open, operation);
    },
    onApplied: (listener) => {
      listeners.push(listener);
    },
    stopped: open.stopped,
  };
  return { path, open };
}

/** Makes the commit of what anybody may ask for: what is settled already takes no number. */
export function commitUnsettled({
  settled,
  commit,
}: Pick<WritePath, "settled" | "commit">): Commit {
  return async (operation) => (await settled(operation)) ?? commit(operation);
}

/** Throws the problem of what may not enter the journal. */
function admit(operation: Operation): void {
  const refusal = refuseOperation(operation) ?? refuseBeginning(operation);
  if (refusal) throw new Problem(refusal.code, refusal.detail);
}

/** Nobody asks for these: a cluster's journal begins with one, before there is anybody to ask. */
function refuseBeginning({ change: { kind } }: Operation): ReturnType<typeof refuseOperation> {
  const begins = kind === "bus.found" || kind === "bus.continued";
  return begins ? invalid("change", "is not for anybody to ask for") : null;
}
