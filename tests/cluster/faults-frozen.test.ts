// Tries src/journal/replicated.ts and src/nats/control-stream.ts.
import { test } from "bun:test";
import { startCluster } from "../harness/cluster.ts";
import { demandNothingLost } from "../harness/cluster-evidence.ts";
import { freeze, leaderOf } from "../harness/cluster-faults.ts";
import { startClusterLoad } from "../harness/cluster-load.ts";
import { withLogs } from "../harness/cluster-scene.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";

const FREEZE_MS = count("cluster-freeze-seconds") * 1_000;
const TEST_TIMEOUT_MS = 600_000;

test(
  "while a node stands still the others go on, and it misses nothing",
  async () => {
    await using cluster = await startCluster();
    await withLogs(cluster, async () => {
      await cluster.ready();
      const load = startClusterLoad(cluster, { perSecond: count("cluster-load-per-second") });
      await load.more(50);
      const gaps: number[] = [];
      const victims = proving ? cluster.nodes : [await leaderOf(cluster)];
      for (const victim of victims) {
        const from = load.now();
        {
          using _ = freeze(victim);
          await eventually(() => load.now() - from > FREEZE_MS, { timeoutMs: FREEZE_MS + 5_000 });
          await load.more(20);
        }
        gaps.push(load.gapSince(from));
        await cluster.ready();
        await load.more(20);
      }
      await load.end();
      const { entries } = await demandNothingLost(cluster, load);
      recordProof("SIGSTOP of each node under load", {
        ...{ seed: load.seed, frozenMs: FREEZE_MS, acknowledged: load.acknowledged(), entries },
        ...{ lost: 0, perSecond: load.rateSince(0), gapsMs: gaps.join(", ") },
      });
    });
  },
  TEST_TIMEOUT_MS,
);
