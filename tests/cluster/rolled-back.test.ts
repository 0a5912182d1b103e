// Tries src/store/head.ts on whole nodes: what the log of one node's database lost comes again from the others.
import { expect, test } from "bun:test";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ClusterNode, startCluster } from "../harness/cluster.ts";
import { untilNodesAgree } from "../harness/cluster-evidence.ts";
import { addUser, withLogs } from "../harness/cluster-scene.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { onStopped } from "../harness/growing.ts";
import { loginRaw } from "../harness/raw-nats.ts";
import type { RunningUnibus } from "../harness/unibus.ts";

const TEST_TIMEOUT_MS = 30 * 60_000;

/** What is done to the log, by round. */
const DAMAGES = ["flipped", "cut", "removed"] as const;

function damage(wal: string, how: (typeof DAMAGES)[number]): void {
  const bytes = readFileSync(wal);
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const at = Math.floor(Math.random() * used);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  if (how === "flipped") writeFileSync(wal, bytes);
  else if (how === "cut") truncateSync(wal, at);
  else rmSync(wal);
}

/** Starts a node; one that lost its whole bus is refused, and takes a copy when it is reset: then null. */
async function startOrReset(node: ClusterNode): Promise<RunningUnibus | null> {
  try {
    return await node.start();
  } catch (error) {
    expect(String(error)).toMatch(/Cannot trust the (database|journal)/);
    await onStopped(node, "reset");
    await node.start();
    return null;
  }
}

// The same without processes, in a moment: tests/journal/rolled-back.test.ts.
test.skipIf(!proving)(
  "a node of three whose log was damaged after a kill takes what it lost from the others, a revocation too",
  async () => {
    const rounds = count("cluster-wal-damages");
    let [behind, resets] = [0, 0];
    await using cluster = await startCluster();
    await withLogs(cluster, async () => {
      await cluster.ready();
      const node = cluster.node(2);
      for (let round = 0; round < rounds; round++) {
        for (let at = 0; at < 5; at++) await addUser(cluster);
        const revoked = await addUser(cluster);
        await cluster.node(0).unibus.ask("POST", `/v1/users/${revoked.user}/revoke`);
        await untilNodesAgree(cluster);
        await node.end("SIGKILL");
        damage(join(node.dataDir, "unibus.db-wal"), DAMAGES[round % DAMAGES.length] ?? "cut");
        const unibus = await startOrReset(node);
        await cluster.ready();
        if (unibus === null) resets += 1;
        else if (unibus.log.some(({ event }) => event === "head.ahead")) behind += 1;
        using refused = await loginRaw(node.unibus.natsPort, revoked);
        expect(refused.closed).toBe(true);
        await untilNodesAgree(cluster);
      }
    });
    expect(behind + resets).toBeGreaterThan(0);
    recordProof("a node of a cluster takes again what its damaged WAL lost", {
      rounds,
      "took it again": behind,
      "refused, and reset": resets,
      silent: 0,
    });
  },
  TEST_TIMEOUT_MS,
);
