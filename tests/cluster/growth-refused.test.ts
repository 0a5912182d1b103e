// Tries what is no growth: src/server/cluster-peers.ts and src/server/restore-start.ts on whole nodes.
import { describe, expect, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { type ClusterNode, startCluster } from "../harness/cluster.ts";
import { positionOf } from "../harness/cluster-evidence.ts";
import { addUser, withLogs } from "../harness/cluster-scene.ts";
import { eventually } from "../harness/eventually.ts";
import { ALL_WORKS, fillBus, prepareGrowth, whatWorks } from "../harness/growing.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

const TEST_TIMEOUT_MS = 120_000;

describe("what is no growth", () => {
  test(
    "an empty node that is started alone waits, and founds nothing; a lone node can go back while it waits",
    async () => {
      await using growing = await prepareGrowth();
      const { cluster, first } = growing;
      await withLogs(cluster, async () => {
        const alone = await growing.startAlone();
        const had = await fillBus(alone);
        await alone.end();
        await first.start();
        await cluster.node(1).start();
        expect((await cluster.node(1).health()).bus).toBe("");
        expect((await first.unibus.api("POST", "/v1/rooms", { name: "early" })).status).toBe(503);
        await first.end();
        const back = await growing.startAlone();
        expect(await whatWorks(back, had)).toEqual(ALL_WORKS);
        await back.end();
        // And forward again, with the third.
        await cluster.node(2).start();
        await first.start();
        await cluster.ready();
        expect(await whatWorks(cluster.node(2).unibus, had)).toEqual(ALL_WORKS);
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "two nodes that each have a bus of their own both refuse, and both have it afterwards",
    async () => {
      await using growing = await prepareGrowth();
      const { cluster, first } = growing;
      await withLogs(cluster, async () => {
        const second = cluster.node(1);
        const alone = await growing.startAlone();
        const other = await startUnibus({ dataDir: second.dataDir });
        const had = await fillBus(alone);
        const theirs = await fillBus(other);
        await Promise.all([alone.end(), other.end()]);
        await Promise.all([first.start(), second.start(), cluster.node(2).start()]);
        const log = await eventually(
          () =>
            [first, second]
              .flatMap(({ unibus }) => unibus.log)
              .find(({ event }) => event === "node.failed"),
          { timeoutMs: 30_000, what: "a node to refuse" },
        );
        expect(log.message).toContain("nothing was changed");
        await Promise.all([first.end(), second.end()]);
        const again = await growing.startAlone();
        expect(await whatWorks(again, had)).toEqual(ALL_WORKS);
        await again.end();
        const otherAgain = await startUnibus({ dataDir: second.dataDir });
        expect(await whatWorks(otherAgain, theirs)).toEqual(ALL_WORKS);
        await otherAgain.end();
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a new node with the folder of another cluster's node harms neither bus",
    async () => {
      await using growing = await prepareGrowth();
      const { cluster, first } = growing;
      await withLogs(cluster, async () => {
        const second = cluster.node(1);
        {
          await using other = await startCluster({ nodes: 2 });
          await other.ready();
          await addUser(other);
          await other.node(1).end();
          cpSync(other.node(1).dataDir, second.dataDir, { recursive: true });
        }
        const theirs = positionOf(second);
        const alone = await growing.startAlone();
        const had = await fillBus(alone);
        await Promise.all([second.start(), cluster.node(2).start()]);
        await alone.end();
        await first.start();
        // With a stream of the other cluster it is refused; without one that has a leader, it waits.
        await eventually(async () => hasFailed(first.unibus) || (await hasLeader(first)), {
          ...{ timeoutMs: 30_000, what: "the first node to refuse, or to have a leader" },
        });
        await Promise.all(cluster.nodes.map((node) => node.end()));
        expect(positionOf(second)).toBe(theirs);
        // With empty ones in their place it grows all the same.
        for (const { dataDir } of [second, cluster.node(2)]) rmSync(dataDir, { recursive: true });
        const again = await growing.startAlone();
        expect(await whatWorks(again, had)).toEqual(ALL_WORKS);
        await again.end();
        await Promise.all(cluster.nodes.map((node) => node.start()));
        await cluster.ready();
        expect(await whatWorks(second.unibus, had)).toEqual(ALL_WORKS);
      });
    },
    TEST_TIMEOUT_MS,
  );
});

function hasFailed({ log }: RunningUnibus): boolean {
  return log.some(({ event }) => event === "node.failed");
}

async function hasLeader(node: ClusterNode): Promise<boolean> {
  const { parts } = await node.health();
  return parts.some(({ part, ready }) => part === "leader" && ready);
}
