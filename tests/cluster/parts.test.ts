// Tries src/server/cluster.ts alone, with what a cluster of real nodes cannot be made to show.
import { expect, test } from "bun:test";
import { loadNodeSettings } from "../../src/config/load.ts";
import type { ClusterReport } from "../../src/nats/cluster-watch.ts";
import { clusterParts, clusterWarnings } from "../../src/server/cluster.ts";

const GOOD: ClusterReport = { peers: 2, routes: ["n2", "n3"], leader: "n2", clockOffsetMs: 12 };
const late = (report: ClusterReport | null) =>
  clusterParts(report)
    .filter(({ ready }) => !ready)
    .map(({ part }) => part);

test("a node with all routes, a leader and a clock like the others' lacks nothing", () =>
  expect(late(GOOD)).toEqual([]));

test.each([
  [{ ...GOOD, routes: ["n2"] }, ["routes"]],
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
  const two = loadNodeSettings({ "cluster-name": "bus", routes: "nats://10.0.0.2:6250" }, {});
  const certificate = { notBefore: 0, notAfter: 900 };
  expect(clusterWarnings(two, null, 0)).toEqual([expect.stringContaining("no fault tolerance")]);
  expect(clusterWarnings(two, certificate, 500)).toHaveLength(1);
  expect(clusterWarnings(two, certificate, 700)).toEqual([
    expect.stringContaining("no fault tolerance"),
    expect.stringContaining("renew it"),
  ]);
});
