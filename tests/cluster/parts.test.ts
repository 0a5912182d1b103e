// Tries src/server/cluster.ts alone, with what a cluster of real nodes cannot be made to show.
import { expect, test } from "bun:test";
import type { ClusterReport } from "../../src/nats/cluster-watch.ts";
import { clusterParts, clusterWarnings } from "../../src/server/cluster.ts";

const GOOD: ClusterReport = {
  ...{ peers: 2, routes: ["n2", "n3"], away: [], missing: 0, wasWhole: true },
  ...{ leader: "n2", streamsOff: false, clockOffsetMs: 12, hung: [], fenced: [] },
};
/** One node of three is away. */
const TWO_OF_THREE: ClusterReport = { ...GOOD, routes: ["n2"], away: ["n3"], missing: 1 };
const ALONE: ClusterReport = { ...GOOD, routes: [], away: ["n2", "n3"], missing: 2 };
const ONE_OF_TWO: ClusterReport = { ...GOOD, peers: 1, routes: [], away: ["n2"], missing: 1 };
const late = (report: ClusterReport | null) =>
  clusterParts(report)
    .filter(({ ready }) => !ready)
    .map(({ part }) => part);

test("a node that gave up its streams says so, and not that the others elect nobody", () => {
  const detailOf = (streamsOff: boolean) =>
    clusterParts({ ...GOOD, leader: null, streamsOff }).find(({ part }) => part === "leader")
      ?.detail;
  expect(detailOf(true)).toContain("gave up its streams");
  expect(detailOf(false)).toContain("none is elected");
});

test("a node with all routes, a leader and a clock like the others' lacks nothing", () =>
  expect(late(GOOD)).toEqual([]));

test.each([
  [TWO_OF_THREE, []],
  [{ ...TWO_OF_THREE, wasWhole: false }, ["routes"]],
  [ALONE, ["routes"]],
  [ONE_OF_TWO, ["routes"]],
  [{ ...GOOD, leader: null }, ["leader"]],
  [{ ...GOOD, clockOffsetMs: 5_001 }, ["clock"]],
  [{ ...GOOD, clockOffsetMs: -5_001 }, ["clock"]],
  [{ ...GOOD, clockOffsetMs: -5_000 }, []],
  [{ ...GOOD, clockOffsetMs: null }, []],
  [null, ["routes", "leader"]],
])("%j lacks %j", (report, parts) => expect(late(report)).toEqual(parts));

test("a clock that is off says which way, and what to do", () => {
  const clock = clusterParts({ ...GOOD, clockOffsetMs: -7_000 }).at(-1);
  expect(clock?.detail).toBe("7000 ms behind the others: set it right, by NTP");
});

test("a cluster of two, and a route certificate in its last third, are warned of [G-12]", () => {
  const two = { ...GOOD, peers: 1, routes: ["n2"] };
  const certificate = { notBefore: 0, notAfter: 900 };
  expect(clusterWarnings(two, null, 0)).toEqual([expect.stringContaining("no fault tolerance")]);
  expect(clusterWarnings(two, certificate, 500)).toHaveLength(1);
  expect(clusterWarnings(two, certificate, 700)).toEqual([
    expect.stringContaining("no fault tolerance"),
    expect.stringContaining("renew it"),
  ]);
});

test("who is away is named while the others do their work; nobody else is warned", () => {
  expect(clusterWarnings(GOOD, null, 0)).toEqual([]);
  expect(clusterWarnings(null, null, 0)).toEqual([]);
  const [warning, ...more] = clusterWarnings(TWO_OF_THREE, null, 0);
  expect(warning).toBe("nodes that are away: n3; bring them back, or remove who is gone for good");
  expect(more).toEqual([]);
  const nameless = clusterWarnings({ ...TWO_OF_THREE, away: [] }, null, 0);
  expect(nameless.join()).toContain("1 whose name nobody told yet");
});
