// Tries src/server/disk.ts, src/journal/replicated.ts and src/nats/server-process.ts.
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startCluster } from "../harness/cluster.ts";
import { demandNothingLost } from "../harness/cluster-evidence.ts";
import { startClusterLoad } from "../harness/cluster-load.ts";
import { addUser, withLogs } from "../harness/cluster-scene.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { openOwnDisk } from "../harness/own-disk.ts";
import { comesBack, STALE_MAX_S } from "../harness/stale-node.ts";

const disk = await openOwnDisk(64 * 1024 * 1024);
const missing = disk ? "" : " (skipped: this machine permits no disk of our own)";
afterAll(() => disk?.[Symbol.asyncDispose]());

test.skipIf(disk === null)(
  `while the disk of a node is full the others go on, and with room again it has all that it missed${missing}`,
  async () => {
    if (!disk) throw new Error("There is a disk");
    const folder = { own: join(disk.path, "n3"), seen: disk.reach("n3") };
    await using cluster = await startCluster({
      places: [{}, {}, { prefix: disk.prefix, folder }],
      args: ["--stale-max", `${STALE_MAX_S}`],
    });
    await withLogs(cluster, async () => {
      await cluster.ready();
      const third = cluster.node(2);
      const key = await addUser(cluster);
      const load = startClusterLoad(cluster, { perSecond: count("cluster-load-per-second") });
      await load.more(50);
      const from = load.now();
      disk.fill();
      await eventually(async () => !(await third.health()).ready, {
        ...{ timeoutMs: 20_000, what: "the node to tell that it is not ready" },
      });
      await eventually(
        async () => {
          // What the node has kept goes as well.
          disk.fill();
          const { parts } = await third.health();
          // It may also be that nats-server ends, and cannot start again.
          return parts.some(({ detail }) => /gave up its streams|does not answer/.test(detail));
        },
        { timeoutMs: 30_000, what: "the node to say what nats-server does without room" },
      );
      await load.more(50);
      const gapMs = load.gapSince(from);
      disk.free();
      // nats-server has given up its streams for good, and is started anew.
      await cluster.ready();
      expect(third.unibus.log.map(({ event }) => event)).toContain("nats.restarted");
      await comesBack(third, key);
      await load.more(20);
      await load.end();
      const { entries } = await demandNothingLost(cluster, load);
      const late = load.history.filter(({ node, sentAt }) => node === "n3" && sentAt > from);
      recordProof("a full disk of one node under load", {
        ...{ seed: load.seed, acknowledged: load.acknowledged(), entries, lost: 0, gapMs },
        refusals: [...new Set(late.map(({ status, code }) => `${status} ${code}`))].join(", "),
      });
    });
  },
  300_000,
);
