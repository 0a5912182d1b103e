import { describe, expect, test } from "bun:test";
import {
  REFUSAL_DELAY_MS_MAX,
  REFUSALS_DELAYED_MAX,
  REFUSALS_KEPT_MAX,
  REFUSED_SOURCES_MAX,
} from "../../src/core/limits.ts";
import type { Refused } from "../../src/core/records.ts";
import { createRefusals } from "../../src/nats/refusals.ts";
import { aUser } from "../harness/builders.ts";

const alice = aUser("alice");

function aRefusal(more: Partial<Refused> = {}): Refused {
  return {
    at: 1,
    kind: "login",
    reason: "key-unknown",
    address: "192.0.2.7",
    user: alice,
    subject: "",
    admitted: false,
    ...more,
  };
}

describe("refusals are", () => {
  test("counted by kind and reason, apart where soft let them through [G-03]", () => {
    const refusals = createRefusals();
    for (const refused of [
      aRefusal(),
      aRefusal(),
      aRefusal({ admitted: true }),
      aRefusal({ kind: "publish", reason: "no-right", subject: "rm.x" }),
    ]) {
      refusals.record(refused);
    }
    expect(refusals.report().counts).toEqual({
      "login.key-unknown": 2,
      "soft.login.key-unknown": 1,
      "publish.no-right": 1,
    });
    expect(refusals.report().last).toHaveLength(4);
  });

  test("kept to the last ones, and counted beyond", () => {
    const refusals = createRefusals();
    for (let at = 0; at < REFUSALS_KEPT_MAX + 50; at++) refusals.record(aRefusal({ at }));
    const { counts, last } = refusals.report();
    expect(last.map(({ at }) => at)).toEqual(
      Array.from({ length: REFUSALS_KEPT_MAX }, (_, at) => at + 50),
    );
    expect(counts).toEqual({ "login.key-unknown": REFUSALS_KEPT_MAX + 50 });
  });

  test("only counted, where they are not worth a place among the last", () => {
    const refusals = createRefusals();
    refusals.count(aRefusal());
    expect(refusals.report()).toEqual({ counts: { "login.key-unknown": 1 }, last: [] });
  });

  test("fit for a terminal, whatever a client chose for a subject", () => {
    const refusals = createRefusals();
    const subject = "rm.\u001b]0;owned\u0007\u202e\u2028.x";
    refusals.record(aRefusal({ kind: "publish", subject }));
    refusals.record(aRefusal({ kind: "publish", subject: "x".repeat(5_000) }));
    const [shown, long] = refusals.report().last;
    expect(shown?.subject).toBe("rm.?]0;owned???.x");
    expect(long?.subject).toHaveLength(256);
  });
});

describe("the answer to a refusal", () => {
  const source = "address 192.0.2.7";

  test("comes at once the first time, then later and later, up to a bound", () => {
    const refusals = createRefusals();
    const delays = Array.from({ length: 12 }, (_, at) => refusals.delayMs({ source, at }));
    expect(delays.slice(0, 5)).toEqual([0, 20, 40, 80, 160]);
    expect(delays.at(-1)).toBe(REFUSAL_DELAY_MS_MAX);
  });

  test("counts each source by itself", () => {
    const refusals = createRefusals();
    for (let at = 0; at < 3; at++) refusals.delayMs({ source, at });
    expect(refusals.delayMs({ source, at: 4 })).toBe(80);
    expect(refusals.delayMs({ source: "address 192.0.2.8", at: 4 })).toBe(0);
  });

  test("is forgiven after a quiet minute", () => {
    const refusals = createRefusals();
    for (let at = 0; at < 3; at++) refusals.delayMs({ source, at });
    expect(refusals.delayMs({ source, at: 60_003 })).toBe(0);
  });

  test("waits only as long as few others wait", () => {
    const refusals = createRefusals();
    refusals.delayMs({ source, at: 0 });
    for (let at = 0; at < REFUSALS_DELAYED_MAX; at++) refusals.delayed(1);
    expect(refusals.delayMs({ source, at: 1 })).toBe(0);
    refusals.delayed(-1);
    expect(refusals.delayMs({ source, at: 2 })).toBeGreaterThan(0);
  });

  test("remembers so many sources and forgets the oldest, so that strangers cannot fill memory", () => {
    const refusals = createRefusals();
    refusals.delayMs({ source: "first", at: 0 });
    for (let at = 0; at < REFUSED_SOURCES_MAX; at++) {
      refusals.delayMs({ source: `address ${at}`, at: 1 });
    }
    expect(refusals.delayMs({ source: "first", at: 2 })).toBe(0);
    const last = `address ${REFUSED_SOURCES_MAX - 1}`;
    expect(refusals.delayMs({ source: last, at: 2 })).toBe(20);
  });
});
