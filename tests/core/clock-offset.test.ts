import { expect, test } from "bun:test";
import { type ClockSample, clockOffset } from "../../src/core/clock-offset.ts";

/** A peer whose clock is so many ms before this node's. */
function peer(aheadMs: number, roundTripMs = 10): ClockSample {
  const askedAt = 1_000_000;
  return {
    askedAt,
    answeredAt: askedAt + roundTripMs,
    theirs: askedAt + roundTripMs / 2 + aheadMs,
  };
}

test("without peers nobody knows", () => expect(clockOffset([])).toBeNull());

test.each([
  [[0, 0], 0],
  [[7_000, 7_000], -7_000],
  [[-7_000, -7_100], 7_050],
  // One peer of three that is wrong does not make this node wrong.
  [[0, 60_000, 10], -10],
  [[60_000], -60_000],
])("with peers that are %j ms ahead it is %d ms ahead of them", (peers, offset) =>
  expect(clockOffset(peers.map((ahead) => peer(ahead)))).toBe(offset),
);

test("a slow answer is believed to its half", () => expect(clockOffset([peer(0, 4_000)])).toBe(0));
