import { describe, expect, test } from "bun:test";
import { NONCE_GAPS_MAX, NONCE_KEPT_MS } from "../../src/core/limits.ts";
import { createNonces } from "../../src/http/nonces.ts";

/** When signatures are made, seconds since the epoch. */
const T = 1_700_000_000;
const PAST = NONCE_KEPT_MS + 1_000;

function nonces(keptMax: number) {
  const clock = { ms: 5_000 };
  const kept = createNonces({ keptMax, elapsed: () => clock.ms });
  const take = (nonce: string, created = T, keyid = "k") => kept.take({ keyid, nonce, created });
  return { clock, take, kept };
}

describe("a nonce", () => {
  test("is taken once by each key", () => {
    const { take, kept } = nonces(10);
    expect(kept.isUsed({ keyid: "k", nonce: "a" })).toBe(false);
    expect([take("a"), take("a"), take("b"), take("a", T, "l")]).toEqual([
      "taken",
      "repeated",
      "taken",
      "taken",
    ]);
    expect(kept.isUsed({ keyid: "k", nonce: "a" })).toBe(true);
    expect(kept.isUsed({ keyid: "m", nonce: "a" })).toBe(false);
  });

  test("is remembered for longer than its signature may live, by a clock that nobody sets", () => {
    const { clock, take } = nonces(10);
    take("a");
    clock.ms += NONCE_KEPT_MS;
    expect(take("a")).toBe("repeated");
    clock.ms += 1_000;
    expect(take("a")).toBe("taken");
  });

  test("that finds no room is refused, and pushes out none that still counts", () => {
    const { clock, take } = nonces(3);
    expect([take("a"), take("b"), take("c"), take("d")]).toEqual([
      "taken",
      "taken",
      "taken",
      "full",
    ]);
    expect([take("a"), take("b"), take("d")]).toEqual(["repeated", "repeated", "full"]);
    clock.ms += PAST;
    expect([take("d"), take("e"), take("a"), take("b")]).toEqual([
      "taken",
      "taken",
      "taken",
      "full",
    ]);
  });

  test("is forgotten in time that does not grow with what is remembered", () => {
    const { clock, take } = nonces(50_000);
    for (let at = 0; at < 50_000; at++) take(`n${at}`, T + (at % 60));
    const startedAt = performance.now();
    for (let at = 0; at < 1_000; at++) expect(take("n0")).toBe("repeated");
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    clock.ms += PAST;
    expect(take("n0")).toBe("taken");
  });
});

describe("a time whose nonces are forgotten", () => {
  test("is known, and no other time is", () => {
    const { clock, take, kept } = nonces(10);
    take("a", T);
    take("b", T + 10);
    expect(kept.isForgotten(T)).toBe(false);
    clock.ms += PAST;
    take("c", T + 3_600);
    expect([T - 1, T, T + 5, T + 10, T + 11].map(kept.isForgotten)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
    clock.ms += PAST;
    expect([T + 5, T + 11, T + 3_599, T + 3_600, T + 3_601].map(kept.isForgotten)).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  test("is kept with few others, and joined with the nearest when there are more", () => {
    const { clock, take, kept } = nonces(10);
    for (let at = 0; at < 10 * NONCE_GAPS_MAX; at++) {
      take("a", T + at * 100);
      clock.ms += PAST;
    }
    // The clock was a year ahead for a moment.
    take("a", T + 31_000_000);
    clock.ms += PAST;
    expect(kept.isForgotten(T + 50)).toBe(true);
    expect(kept.isForgotten(T + 31_000_000)).toBe(true);
    expect(kept.isForgotten(T + 1_000_000)).toBe(false);
  });
});
