import type { Entry } from "../core/entry.ts";
import type { Commit, Committed, Operation } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";

export interface Journal {
  readonly commit: Commit;
  /** Why no more entries are taken, or null while they are. */
  stopped(): Error | null;
}

/**
 * The order of operations on one node: the next number goes to whoever asks next. An entry is applied
 * before `commit` returns, so there is nothing to wait for and nothing to interleave.
 * `onApplied` hears of every new entry after it is on disk, and must not throw.
 * Throws "journal-unavailable" when an entry could not be written. After any unforeseen error it takes
 * no more entries at all: to stop is better than to diverge.
 */
export function openLocalJournal(parts: {
  readonly apply: (entry: Entry) => Committed;
  readonly lastSeq: () => number;
  readonly onApplied: (committed: Committed, operation: Operation) => void;
}): Journal {
  let fault: Error | null = null;

  function place(operation: Operation): { readonly seq: number; readonly committed: Committed } {
    if (fault) throw unavailable(fault);
    try {
      const seq = parts.lastSeq() + 1;
      return { seq, committed: parts.apply({ seq, operation }) };
    } catch (error) {
      if (error instanceof Problem && error.code === "journal-unavailable") throw error;
      fault = error instanceof Error ? error : new Error(String(error));
      throw unavailable(fault);
    }
  }

  async function commit(operation: Operation): Promise<Committed> {
    const { seq, committed } = place(operation);
    // A repeat has an older number, and a conflict that of the entry it conflicts with.
    if (committed.seq === seq) parts.onApplied(committed, operation);
    return committed;
  }

  return { commit, stopped: () => fault };
}

function unavailable(cause: Error): Problem {
  return new Problem(
    "journal-unavailable",
    "Cannot record the operation: the journal stopped after an error, see the log and restart the node",
    { cause },
  );
}
