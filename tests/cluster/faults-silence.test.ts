// Tries src/journal/freshness.ts, src/server/cluster-start.ts and src/server/reads.ts.
import { expect, test } from "bun:test";
import { startCluster } from "../harness/cluster.ts";
import { demandNothingLost } from "../harness/cluster-evidence.ts";
import { freeze } from "../harness/cluster-faults.ts";
import { startClusterLoad } from "../harness/cluster-load.ts";
import { withLogs } from "../harness/cluster-scene.ts";
import { recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import {
  CLOSING_MS,
  comesBack,
  openAtThird,
  STALE_MAX_MS,
  STALE_MAX_S,
  untilClosed,
} from "../harness/stale-node.ts";

const TEST_TIMEOUT_MS = 60_000;

test(
  "a node whose peers fell silent refuses writes, and within STALE_MAX closes its clients and answers nobody",
  async () => {
    await using cluster = await startCluster({ args: ["--stale-max", `${STALE_MAX_S}`] });
    await withLogs(cluster, async () => {
      await cluster.ready();
      const load = startClusterLoad(cluster, { perSecond: 30, inFlight: 2 });
      await load.more(20);
      const third = cluster.node(2);
      const there = await openAtThird(cluster);
      const from = performance.now();
      let closedMs = 0;
      let refusals = "";
      {
        using _ = freeze(cluster.node(0), cluster.node(1));
        const alone = load.now();
        closedMs = await untilClosed(third, { ...there, from });
        const late = () =>
          load.history.filter(({ node, sentAt }) => node === third.name && sentAt > alone);
        await eventually(() => late().length > 2, { timeoutMs: 20_000, what: "answers of it" });
        for (const { status, code } of late()) {
          // A leader does not notice at once that it is alone, and refuses by the rules meanwhile.
          if (status !== null && status >= 400 && status < 500) continue;
          expect(status).toBe(503);
          expect(["journal-unavailable", "outcome-unknown"]).toContain(code);
        }
        refusals = [...new Set(late().map(({ code }) => code))].join(", ");
      }
      await load.more(20);
      await load.end();
      await cluster.ready();
      await comesBack(third, there.key);
      await demandNothingLost(cluster, load);
      recordProof("a node without its peers: last client closed", {
        ...{ staleMaxMs: STALE_MAX_MS, closedMs, refusals },
      });
      expect(closedMs).toBeLessThan(STALE_MAX_MS + CLOSING_MS);
    });
  },
  TEST_TIMEOUT_MS,
);
