// Tries src/journal/replicated.ts, src/nats/control-stream.ts and src/journal/freshness.ts over bad links.
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type Cluster, prepareCluster } from "../harness/cluster.ts";
import { demandNothingLost } from "../harness/cluster-evidence.ts";
import { processesOf } from "../harness/cluster-faults.ts";
import { isAcknowledged, isUnknown, startClusterLoad } from "../harness/cluster-load.ts";
import { addUser, withLogs } from "../harness/cluster-scene.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { remotesOf } from "../harness/machine.ts";
import { createRouteCa } from "../harness/route-tls.ts";
import type { LinkFaults } from "../harness/slow-link.ts";
import { openSlowNetworks } from "../harness/slow-networks.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const networks = await openSlowNetworks(3);
const missing = networks ? "" : " (skipped: this machine permits no networks of our own)";
afterAll(() => networks?.[Symbol.asyncDispose]());

const SEED = 20_260_305;
const FAULTS: LinkFaults = {
  ...{ delayMs: 100, jitterMs: 50, loss: 0.01, resentMs: 200 },
  ...{ stallEveryMs: 2_000, stallMs: 2_000, cutEveryMs: 3_000 },
};
const PUBLIC = ["--insecure-no-tls", "--allow-plain-rooms"];

test.skipIf(networks === null)(
  `over links that delay every chunk by 100±50 ms, lose one in a hundred, stand still and are cut, nothing acknowledged is lost${missing}`,
  async () => {
    if (!networks) throw new Error("There are networks");
    const { places, hosts } = networks;
    using folder = temporaryFolder();
    const tls = await (await createRouteCa(join(folder.path, "tls"))).issue("node", { hosts });
    await using cluster = await prepareCluster({ places, tls, args: PUBLIC });
    await using link = await networks.openLink(cluster, FAULTS, SEED);
    const startedAt = performance.now();
    await Promise.all(cluster.nodes.map((node) => node.start()));
    await withLogs(cluster, async () => {
      await cluster.joined();
      await cluster.ready();
      const readyMs = Math.round(performance.now() - startedAt);
      expectRoutesThroughProxy(cluster);
      await addUser(cluster);
      await link.tell("on");
      const load = startClusterLoad(cluster, {
        ...{ seed: SEED, inFlight: 8, perSecond: count("cluster-load-per-second") },
      });
      await load.more(count("cluster-slow-operations"), 600_000);
      await eventually(
        async () => {
          const { stalls, cuts } = await link.tell("counts");
          return stalls > 0 && cuts > 0;
        },
        { timeoutMs: 20_000, everyMs: 100, what: "a stall and a cut" },
      );
      await load.more(20);
      const gapMs = load.gapSince(0);
      const perSecond = load.rateSince(0);
      const counts = await link.tell("off");
      await load.end();
      await cluster.ready();
      const { entries } = await demandNothingLost(cluster, load);
      expectRoutesThroughProxy(cluster);
      const waits = load.history
        .filter(isAcknowledged)
        .map(({ sentAt, answeredAt }) => Math.round(answeredAt - sentAt))
        .toSorted((one, other) => one - other);
      const part = (share: number): number => waits[Math.floor(waits.length * share)] ?? 0;
      recordProof("routes with 100±50 ms, 1 % loss, stalls and cuts, under load", {
        ...{ seed: SEED, acknowledged: load.acknowledged(), entries, lost: 0, readyMs, gapMs },
        ...{ p50Ms: part(0.5), p99Ms: part(0.99), slowestMs: waits.at(-1) ?? 0, perSecond },
        unknown: load.history.filter(isUnknown).length,
        ...{ connections: counts.connections, chunks: counts.chunks, resent: counts.lost },
        ...{ meanDelayMs: Math.round(counts.waitedMs / counts.chunks) },
        ...{ stalls: counts.stalls, cuts: counts.cuts },
      });
      // A majority is one way there and one back; what comes sooner has not crossed the links.
      expect(waits[0]).toBeGreaterThan(2 * (FAULTS.delayMs - FAULTS.jitterMs) - 1);
      await link.tell("close");
      await eventually(async () => (await cluster.node(0).routes()).length === 0, {
        ...{ timeoutMs: 20_000, what: "no route without the proxy" },
      });
    });
  },
  900_000,
);

/** Demands that a node's nats-server speaks over its wire with the proxy alone. */
function expectRoutesThroughProxy(cluster: Cluster): void {
  for (const [index, node] of cluster.nodes.entries()) {
    const remotes = remotesOf(processesOf(node)[1] ?? 0).filter((one) => one !== places(index));
    expect(remotes.length).toBeGreaterThan(0);
    expect(new Set(remotes)).toEqual(new Set([networks?.middleOf(index) ?? ""]));
  }
}

const places = (index: number): string => networks?.places[index]?.host ?? "";
