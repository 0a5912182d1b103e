// Tries src/journal/replicated.ts, src/nats/control-stream.ts and src/server/cluster-start.ts.
import { expect, test } from "bun:test";
import { type ClusterNode, startCluster } from "../harness/cluster.ts";
import { demandNothingLost } from "../harness/cluster-evidence.ts";
import { leaderOf } from "../harness/cluster-faults.ts";
import { startClusterLoad } from "../harness/cluster-load.ts";
import { withLogs } from "../harness/cluster-scene.ts";
import { count, proving, recordProof } from "../harness/counts.ts";

test("whichever node is killed, and its leader too, all that was acknowledged is on every node afterwards", async () => {
  await using cluster = await startCluster();
  await withLogs(cluster, async () => {
    await cluster.ready();
    const load = startClusterLoad(cluster, { perSecond: count("cluster-load-per-second") });
    await load.more(50);
    const steadyPerSecond = load.rateSince(0);
    const gaps: { readonly who: string; readonly ms: number }[] = [];
    const rates: number[] = [];
    async function kill(node: ClusterNode, who: string): Promise<void> {
      const from = load.now();
      await node.end("SIGKILL");
      await load.more(50);
      await node.start();
      await cluster.ready();
      await load.more(20);
      gaps.push({ who, ms: load.gapSince(from) });
      rates.push(load.rateSince(from));
    }
    for (let at = 0; at < count("cluster-node-kills"); at++) {
      const leads = at % 4 === 0;
      const node = leads ? await leaderOf(cluster) : cluster.node((at % 4) - 1);
      await kill(node, leads ? `leader (${node.name})` : node.name);
    }
    await load.end();
    const { entries } = await demandNothingLost(cluster, load);
    recordProof("SIGKILL of each node and of the leader under load", {
      ...{ seed: load.seed, kills: gaps.length, acknowledged: load.acknowledged(), entries },
      ...{ lost: 0, steadyPerSecond },
      // The killed node answers nothing; the others may know of nobody who took it.
      unanswered: load.history.filter(({ status }) => status === null).length,
      outcomeUnknown: load.history.filter(({ code }) => code === "outcome-unknown").length,
      slowestPerSecond: Math.min(...rates),
      longestGapMs: Math.max(...gaps.map(({ ms }) => ms)),
      gapsMs: gaps.map(({ who, ms }) => `${who}: ${ms}`).join(", "),
    });
    if (proving) expect(steadyPerSecond).toBeGreaterThanOrEqual(100);
  });
}, 900_000);
