import { describe, expect, test } from "bun:test";
import { createRates } from "../../src/core/rates.ts";

/** Rates of 10 a second and 5 at once, by a clock that a test sets. */
function open(more: { readonly keptMax?: number; readonly perSecond?: number } = {}) {
  const clock = { ms: 1_700_000_000_000 };
  const options = { perSecond: 10, burst: 5, keptMax: 1_000, ...more };
  const rates = createRates({ ...options, now: () => clock.ms });
  /** How many of `times` requests may go on at this moment. */
  const taken = (key: string, times = 20): number =>
    Array.from({ length: times }, () => rates.take(key)).filter((waitMs) => waitMs === 0).length;
  return { clock, rates, taken };
}

describe("a key", () => {
  test("may ask for the burst at once, and then is told how long to wait", () => {
    const { rates, taken } = open();
    expect(taken("a", 5)).toBe(5);
    expect(rates.take("a")).toBe(100);
  });

  test("that waits as long as it was told goes on, a moment earlier it does not", () => {
    const { clock, rates, taken } = open();
    taken("a");
    clock.ms += 99;
    expect(rates.take("a")).toBe(1);
    clock.ms += 1;
    expect(rates.take("a")).toBe(0);
    expect(rates.take("a")).toBe(100);
  });

  test("that goes on asking while it is refused is not put off for longer", () => {
    const { clock, taken } = open();
    taken("a", 10_000);
    clock.ms += 100;
    expect(taken("a")).toBe(1);
  });

  test("gets its rate over a long time, whatever the rate is", () => {
    for (const perSecond of [1, 3, 10, 333, 100_000]) {
      const { clock, taken } = open({ perSecond });
      taken("a", 10);
      let sum = 0;
      for (let second = 0; second < 30; second++) {
        for (let part = 0; part < 4; part++) {
          clock.ms += 250;
          sum += taken("a", 6);
        }
      }
      // Of a quarter of a second no more than the burst is kept.
      expect(sum).toBe(Math.min(30 * perSecond, 30 * 4 * 5));
    }
  });

  test("saves up no more than the burst", () => {
    const { clock, taken } = open();
    taken("a");
    clock.ms += 3_600_000;
    expect(taken("a")).toBe(5);
  });

  test("does not take from another one", () => {
    const { taken } = open();
    taken("a");
    expect(taken("b")).toBe(5);
  });
});

describe("an emptied bucket", () => {
  test("is not filled by a flood of other keys, however many", () => {
    const { rates, taken } = open({ keptMax: 100 });
    taken("mallory");
    for (let at = 0; at < 100_000; at++) rates.take(`other ${at}`);
    expect(rates.take("mallory")).toBeGreaterThan(0);
  });

  test("is not filled either when the other keys stay busy for as long as it lasts", () => {
    const { clock, rates, taken } = open({ keptMax: 100 });
    taken("mallory");
    for (let ms = 0; ms < 90; ms++) {
      clock.ms++;
      for (let at = 0; at < 1_000; at++) rates.take(`${ms} ${at}`);
    }
    expect(taken("mallory")).toBe(0);
  });
});

describe("when all buckets are in use", () => {
  test("new keys share one, and those who have their own keep it", () => {
    const { taken } = open({ keptMax: 3 });
    expect(["a", "b", "c"].map((key) => taken(key, 2))).toEqual([2, 2, 2]);
    expect(taken("d", 3)).toBe(3);
    expect(taken("e")).toBe(2);
    expect(taken("f")).toBe(0);
    expect(["a", "b", "c"].map((key) => taken(key))).toEqual([3, 3, 3]);
  });

  test("there is room again as soon as one is full", () => {
    const { clock, rates, taken } = open({ keptMax: 3 });
    for (const key of ["a", "b", "c"]) taken(key, 1);
    taken("d");
    clock.ms += 101;
    // What is full is found in turn, two with each request.
    rates.take("a");
    rates.take("a");
    expect(taken("e")).toBe(5);
  });

  test("a million keys in turn leave no more buckets than may be kept", () => {
    const { clock, rates } = open({ keptMax: 10_000, perSecond: 200 });
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < 1_000_000; at++) {
      if (at % 40 === 0) clock.ms++;
      if (rates.take(`2001:db8:${at}::/64`) !== 0) throw new Error("A new key has to wait");
    }
    Bun.gc(true);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024);
  });
});
