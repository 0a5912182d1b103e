import { describe, expect, test } from "bun:test";
import { JOURNAL_QUORUM_MS } from "../../src/core/limits.ts";
import { createFreshness } from "../../src/journal/freshness.ts";

const staleMaxMs = 60_000;
const lastFresh = (askedAt: number): number => askedAt - JOURNAL_QUORUM_MS + staleMaxMs;

describe("what a node knows", () => {
  test("is not fresh before anybody was asked", () => {
    const freshness = createFreshness({ staleMaxMs });
    freshness.applied(7);
    expect(freshness.isFresh(0)).toBe(false);
  });

  test("is as old as the asking whose answer is all applied, not as its answer", () => {
    const freshness = createFreshness({ staleMaxMs });
    freshness.applied(7);
    freshness.answered({ askedAt: 100_000, last: 9 });
    expect(freshness.isFresh(100_000)).toBe(false);
    freshness.applied(8);
    expect(freshness.isFresh(100_000)).toBe(false);
    freshness.applied(9);
    expect(freshness.isFresh(lastFresh(100_000))).toBe(true);
    expect(freshness.isFresh(lastFresh(100_000) + 1)).toBe(false);
  });

  test("is not made older by an answer that came late", () => {
    const freshness = createFreshness({ staleMaxMs });
    freshness.answered({ askedAt: 100_000, last: 9 });
    freshness.answered({ askedAt: 105_000, last: 10 });
    freshness.applied(10);
    expect(freshness.isFresh(lastFresh(105_000))).toBe(true);
    freshness.answered({ askedAt: 1_000, last: 3 });
    expect(freshness.isFresh(lastFresh(105_000))).toBe(true);
  });

  test("is as old as the sending of an entry of its own that is applied", () => {
    const freshness = createFreshness({ staleMaxMs });
    freshness.recorded(100_000);
    freshness.recorded(50_000);
    expect(freshness.isFresh(100_000 + staleMaxMs)).toBe(true);
    expect(freshness.isFresh(100_001 + staleMaxMs)).toBe(false);
  });

  test("becomes fresh again after a stall of any length", () => {
    const freshness = createFreshness({ staleMaxMs });
    for (let asked = 0; asked < 1_000; asked++) {
      freshness.answered({ askedAt: asked * 5_000, last: asked });
    }
    freshness.applied(1_000);
    freshness.answered({ askedAt: 5_000_000, last: 1_000 });
    expect(freshness.isFresh(5_000_000)).toBe(true);
  });
});
