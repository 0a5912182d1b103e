// Tries src/server/cluster-write-path.ts and src/server/replicated-write-path.ts on whole nodes.

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { startCluster } from "../harness/cluster.ts";
import {
  demandNothingLost,
  judgeEvidence,
  keepEvidence,
  untilNodesAgree,
} from "../harness/cluster-evidence.ts";
import { isAcknowledged, startClusterLoad } from "../harness/cluster-load.ts";
import { withLogs } from "../harness/cluster-scene.ts";
import { count, recordProof } from "../harness/counts.ts";

test("any node takes any write, and mixed operations of all three leave one state on each", async () => {
  await using cluster = await startCluster();
  await withLogs(cluster, async () => {
    await cluster.ready();
    const operations = count("cluster-mixed-operations");
    const load = startClusterLoad(cluster, { operations, perSecond: 10_000, inFlight: 8 });
    await load.end();
    const perSecond = load.rateSince(0);
    const { entries, digest } = await demandNothingLost(cluster, load);
    for (const { name } of cluster.nodes) {
      const taken = load.history.filter((sent) => sent.node === name && isAcknowledged(sent));
      expect(taken.length).toBeGreaterThan(operations / 6);
      const changed = new Set(taken.map(({ method, path }) => `${method} ${path.split("/")[2]}`));
      expect([...changed].sort()).toContain("PUT rooms");
    }
    expect(load.history.filter(({ status }) => status === null || status >= 500)).toEqual([]);
    recordProof("mixed operations at three nodes, one state", {
      ...{ seed: load.seed, operations, acknowledged: load.acknowledged(), entries, digest },
      perSecond,
    });
  });
}, 600_000);

test("whoever compares what was acknowledged with what is there sees a loss, a difference and a lie", async () => {
  await using cluster = await startCluster();
  await withLogs(cluster, async () => {
    await cluster.ready();
    const load = startClusterLoad(cluster, { operations: 60, perSecond: 10_000 });
    await load.end();
    await untilNodesAgree(cluster);
    const some = load.history.findLast(isAcknowledged);
    const spoil = (statement: string): readonly string[] => {
      const evidence = keepEvidence(cluster, load);
      expect(judgeEvidence(evidence).faults).toEqual([]);
      {
        using database = new Database(join(evidence.folder, "n2.db"));
        database.run(statement);
      }
      const { faults } = judgeEvidence(evidence);
      rmSync(evidence.folder, { recursive: true });
      return faults;
    };
    const lost = spoil(`DELETE FROM journal WHERE seq = ${some?.seq}`);
    expect(lost.join("\n")).toContain(
      `n2: ${some?.key} ${some?.method} ${some?.path} at ${some?.node}: acknowledged, and not there`,
    );
    const changed = spoil(`UPDATE journal SET chain = randomblob(32) WHERE seq = ${some?.seq}`);
    expect(changed.join("\n")).toContain("n2: another state than that of the first node");
    expect(spoil("UPDATE users SET role = 'admin'").join("\n")).toContain("n2: Cannot");
    const refused = { ...load.history[0], status: 503, code: "journal-unavailable" };
    const history = load.history.map((sent, at) => (at === 0 ? { ...sent, ...refused } : sent));
    const evidence = keepEvidence(cluster, { seed: load.seed, history });
    expect(judgeEvidence(evidence).faults.join("\n")).toContain("surely not recorded, and there");
    rmSync(evidence.folder, { recursive: true });
  });
}, 60_000);
