// Tries src/journal/replicated.ts, src/journal/freshness.ts and src/server/cluster-start.ts.
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startCluster } from "../harness/cluster.ts";
import { demandNothingLost } from "../harness/cluster-evidence.ts";
import { startClusterLoad } from "../harness/cluster-load.ts";
import { openClusterNetworks } from "../harness/cluster-networks.ts";
import { addUser, withLogs } from "../harness/cluster-scene.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { loginInside } from "../harness/login-inside.ts";
import { createRouteCa } from "../harness/route-tls.ts";
import { CLOSING_MS, STALE_MAX_MS, STALE_MAX_S, statusOf } from "../harness/stale-node.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const networks = await openClusterNetworks(3);
const missing = networks ? "" : " (skipped: this machine permits no networks of our own)";
afterAll(() => networks?.[Symbol.asyncDispose]());

const PUBLIC = ["--insecure-no-tls", "--allow-plain-rooms", "--stale-max", `${STALE_MAX_S}`];

test.skipIf(networks === null)(
  `a node whose link is cut refuses writes, logins and reads within STALE_MAX, and when it heals nothing was lost${missing}`,
  async () => {
    if (!networks) throw new Error("There are networks");
    using folder = temporaryFolder();
    const { places } = networks;
    const hosts = places.map(({ host = "" }) => host);
    const tls = await (await createRouteCa(join(folder.path, "tls"))).issue("node", { hosts });
    await using cluster = await startCluster({ places, tls, args: PUBLIC });
    await withLogs(cluster, async () => {
      await cluster.ready();
      const key = await addUser(cluster);
      const load = startClusterLoad(cluster, { perSecond: count("cluster-load-per-second") });
      await load.more(50);
      const gaps: number[] = [];
      const closings: number[] = [];
      for (let round = 0; round < count("cluster-partitions"); round++) {
        using client = loginInside(places[2], { port: cluster.node(2).unibus.natsPort, key });
        await client.says("in");
        const from = load.now();
        const cutAt = performance.now();
        networks.setLink(2, "down");
        closings.push(Math.round((await client.says("out", 30_000)) - cutAt));
        expect(await statusOf(cluster.node(2))).toBe("503 not-ready");
        using late = loginInside(places[2], { port: cluster.node(2).unibus.natsPort, key });
        await late.says("refused");
        const asked = () =>
          load.history.filter(({ node, sentAt }) => node === "n3" && sentAt > from + 50);
        await eventually(() => asked().length > 0, { timeoutMs: 20_000, what: "its answers" });
        const told = asked().map(({ status, code, method, path, sentAt, answeredAt }) =>
          [
            status,
            code,
            method,
            path,
            Math.round(sentAt - from),
            Math.round(answeredAt - from),
          ].join(" "),
        );
        const refused = /^503 (journal-unavailable|outcome-unknown) /;
        expect(told.filter((words) => !refused.test(words))).toEqual([]);
        await load.more(20);
        gaps.push(load.gapSince(from));
        networks.setLink(2, "up");
        await cluster.ready();
        await load.more(20);
      }
      await load.end();
      const { entries } = await demandNothingLost(cluster, load);
      recordProof("partition 1|2 under load, links down", {
        ...{ seed: load.seed, partitions: gaps.length, acknowledged: load.acknowledged(), entries },
        ...{ lost: 0, longestGapMs: Math.max(...gaps), gapsMs: gaps.join(", ") },
        ...{ staleMaxMs: STALE_MAX_MS, closedMs: closings.join(", ") },
      });
      expect(Math.max(...closings)).toBeLessThan(STALE_MAX_MS + CLOSING_MS);
    });
  },
  600_000,
);
