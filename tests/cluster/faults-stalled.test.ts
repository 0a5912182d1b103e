// Tries src/server/authorization-worker.ts and src/server/cluster-start.ts.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { startCluster, untilRoutes } from "../harness/cluster.ts";
import { demandNothingLost } from "../harness/cluster-evidence.ts";
import { addUser, withLogs } from "../harness/cluster-scene.ts";
import { recordProof } from "../harness/counts.ts";
import { loginRaw } from "../harness/raw-nats.ts";
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
  "a node that can apply nothing, with all its routes up, closes whoever was revoked elsewhere within STALE_MAX",
  async () => {
    await using cluster = await startCluster({ args: ["--stale-max", `${STALE_MAX_S}`] });
    await withLogs(cluster, async () => {
      await cluster.ready();
      const third = cluster.node(2);
      const there = await openAtThird(cluster);
      const other = await addUser(cluster);
      let closedMs = 0;
      {
        // Whoever holds the database of a node keeps it from applying entries, and from nothing else.
        using holder = new Database(join(third.dataDir, "unibus.db"), { readwrite: true });
        holder.run("BEGIN IMMEDIATE");
        const from = performance.now();
        await cluster.node(0).unibus.ask("POST", `/v1/users/${there.key.user}/revoke`);
        closedMs = await untilClosed(third, { ...there, from });
        await untilRoutes(third, ["n1", "n2"]);
        const { parts } = await third.health();
        expect(parts.find(({ part }) => part === "journal")?.ready).toBeFalse();
        holder.run("ROLLBACK");
      }
      await comesBack(third, other);
      using again = await loginRaw(third.unibus.natsPort, there.key);
      expect(again.closed).toBeTrue();
      await demandNothingLost(cluster, { seed: 0, history: [] });
      recordProof("a node that applies nothing: a user revoked elsewhere closed", {
        ...{ staleMaxMs: STALE_MAX_MS, closedMs },
      });
      expect(closedMs).toBeLessThan(STALE_MAX_MS + CLOSING_MS);
    });
  },
  TEST_TIMEOUT_MS,
);
