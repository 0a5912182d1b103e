import { describe, expect, test } from "bun:test";
import { createNonces } from "../../src/http/nonces.ts";

const T = 1_700_000_000_000;

function nonces(keptMax: number) {
  const clock = { now: T };
  const kept = createNonces({ keptMax, now: () => clock.now });
  const take = (nonce: string, expiresAt = T + 60_000, keyid = "k") =>
    kept.take({ keyid, nonce, expiresAt });
  return { clock, take, kept };
}

describe("a nonce", () => {
  test("is taken once by each key", () => {
    const { take, kept } = nonces(10);
    expect(kept.isUsed({ keyid: "k", nonce: "a" })).toBe(false);
    expect([take("a"), take("a"), take("b"), take("a", T + 60_000, "l")]).toEqual([
      "taken",
      "repeated",
      "taken",
      "taken",
    ]);
    expect(kept.isUsed({ keyid: "k", nonce: "a" })).toBe(true);
    expect(kept.isUsed({ keyid: "m", nonce: "a" })).toBe(false);
  });

  test("is remembered until its signature ends, to the second", () => {
    const { clock, take } = nonces(10);
    take("a", T + 1_500);
    clock.now = T + 1_499;
    expect(take("a", T + 1_500)).toBe("repeated");
    clock.now = T + 2_000;
    expect(take("a", T + 60_000)).toBe("taken");
  });

  test("that finds no room is refused, and pushes out none that still counts", () => {
    const { clock, take } = nonces(3);
    expect([take("a"), take("b", T + 10_000), take("c"), take("d")]).toEqual([
      "taken",
      "taken",
      "taken",
      "full",
    ]);
    expect([take("a"), take("b"), take("d")]).toEqual(["repeated", "repeated", "full"]);
    clock.now = T + 10_000;
    expect([take("d"), take("e"), take("a")]).toEqual(["taken", "full", "repeated"]);
  });

  test("is forgotten in time that does not grow with what is remembered", () => {
    const { clock, take } = nonces(50_000);
    for (let at = 0; at < 50_000; at++) take(`n${at}`, T + 60_000 + (at % 60) * 1_000);
    const startedAt = performance.now();
    for (let at = 0; at < 1_000; at++) expect(take("n0")).toBe("repeated");
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    clock.now = T + 119_000;
    expect(take("n0")).toBe("taken");
  });
});
