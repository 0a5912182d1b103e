// Tries src/server/cluster-start.ts and src/server/cluster-journal.ts.
import { expect, test } from "bun:test";
import { prepareCluster } from "../harness/cluster.ts";
import { addUser, busesOf, withLogs } from "../harness/cluster-scene.ts";
import { count, recordProof } from "../harness/counts.ts";

const ORDERS = [
  [0, 1, 2],
  [2, 1, 0],
  [1, 0, 2],
  [0, 2, 1],
  [2, 0, 1],
  [1, 2, 0],
] as const;

test("nodes with empty folders become one bus, in whatever order they are started", async () => {
  const starts = count("cold-starts");
  const times: { readonly order: string; readonly ms: number }[] = [];
  for (let round = 0; round < starts; round++) {
    const order = ORDERS[round % ORDERS.length] ?? ORDERS[0];
    await using cluster = await prepareCluster();
    await withLogs(cluster, async () => {
      // Every other round each one is alive before the next is begun.
      if (Math.floor(round / ORDERS.length) % 2 === 0) {
        for (const index of order) await cluster.node(index).start();
      } else {
        await Promise.all(order.map((index) => cluster.node(index).start()));
      }
      const lastAt = performance.now();
      await cluster.ready();
      const name = order.map((index) => `n${index + 1}`).join(" ");
      times.push({ order: name, ms: Math.round(performance.now() - lastAt) });
      expect(await busesOf(cluster)).toHaveLength(1);
      await addUser(cluster, order[0]);
    });
  }
  const all = times.map(({ ms }) => ms).toSorted((one, other) => one - other);
  recordProof("cold starts of three nodes: from the last one alive to all ready", {
    ...{ starts, orders: Math.min(starts, ORDERS.length), medianMs: all[all.length >> 1] ?? 0 },
    longestMs: all.at(-1) ?? 0,
    timesMs: times.map(({ order, ms }) => `${order}: ${ms}`).join(", "),
  });
}, 1_200_000);
