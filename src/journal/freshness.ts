import { JOURNAL_GOALS_MAX, JOURNAL_QUORUM_MS } from "../core/limits.ts";

export interface Freshness {
  /** Notes that at `askedAt` the journal went as far as `last`. */
  answered(answer: { readonly askedAt: number; readonly last: number }): void;
  /** Notes that an entry which was sent at `sentAt` is applied here, with all that stood before it. */
  recorded(sentAt: number): void;
  /** Notes that everything up to `last` is applied here. */
  applied(last: number): void;
  /** True when all that the journal had `staleMaxMs` ago, or later, is applied here. */
  isFresh(now: number): boolean;
  /** How long that stays true if nothing more is heard; 0 or less when it is not. */
  freshMs(now: number): number;
}

/**
 * Knows how old what this node knows may be: as old as the last asking whose answer is all applied. The
 * leader that answered may have lost its peers just before, so that much is taken off. Times in ms, of
 * a clock that never goes back.
 */
export function createFreshness({ staleMaxMs }: { readonly staleMaxMs: number }): Freshness {
  const goals: { readonly askedAt: number; readonly last: number }[] = [];
  let freshAt = Number.NEGATIVE_INFINITY;
  let appliedLast = -1;

  function settle(): void {
    while (goals[0] && goals[0].last <= appliedLast) {
      freshAt = Math.max(freshAt, goals[0].askedAt - JOURNAL_QUORUM_MS);
      goals.shift();
    }
  }
  return {
    answered(answer) {
      if (goals.length < JOURNAL_GOALS_MAX) goals.push(answer);
      settle();
    },
    recorded(sentAt) {
      // Most nodes have it, so whoever put it behind the last entry did lead.
      freshAt = Math.max(freshAt, sentAt);
    },
    applied(last) {
      appliedLast = last;
      settle();
    },
    isFresh: (now) => now - freshAt <= staleMaxMs,
    freshMs: (now) => freshAt + staleMaxMs - now,
  };
}
