// Tries src/server/replicated-write-path.ts on whole nodes: what refused changes leave behind.
import { expect, test } from "bun:test";
import { openCallers } from "../harness/callers.ts";
import { startCluster } from "../harness/cluster.ts";
import { withLogs } from "../harness/cluster-scene.ts";
import { growByRefusals } from "../harness/refused-changes.ts";

/** Rooms that are made at one node and changed at another. */
const ROOMS = 20;

test("in a cluster, refused changes fill neither databases nor stream, and what another node just allowed is not refused", async () => {
  await using cluster = await startCluster();
  await withLogs(cluster, async () => {
    await cluster.ready();
    const nodes = cluster.nodes.map(({ unibus }) => unibus);
    const { told, grownBytes, entries } = await growByRefusals("three nodes", nodes);
    // A node that is too busy to hear of the latest changes says so, and leaves as little behind.
    expect([...told].filter((one) => one !== "503 journal-unavailable")).toEqual([
      "404 room-not-found",
    ]);
    expect(entries).toBe(0);
    expect(grownBytes).toBeLessThanOrEqual(200_000);
    const operators = await Promise.all(
      nodes.map(async (one) => (await openCallers(one)).operator),
    );
    for (let at = 0; at < ROOMS; at++) {
      const [here, there] = [operators[at % 3], operators[(at + 1) % 3]];
      const made = await here?.get<{ room: string }>("POST", "/v1/rooms", { name: "a" });
      const gone = await there?.ask("DELETE", `/v1/rooms/${made?.room}`);
      expect(gone?.told).toBe("204");
    }
  });
}, 900_000);
