// Tries src/server/route-roll.ts and src/server/roll-start.ts with a node that never comes back.
import { expect, test } from "bun:test";
import type { ClusterNodes } from "../../src/contract/nodes.ts";
import { addUser, withLogs } from "../harness/cluster-scene.ts";
import { eventually } from "../harness/eventually.ts";
import { demand } from "../harness/joining.ts";
import { phaseOf, startRolling, untilThrough } from "../harness/rolling.ts";

test("a roll in the middle of which a node dies for good waits for it, and goes on when it is removed [M-116]", async () => {
  await using rolling = await startRolling();
  const { cluster } = rolling;
  const [first, second, dead] = [cluster.node(0), cluster.node(1), cluster.node(2)];
  await withLogs(cluster, async () => {
    // Only a node that has told of itself is known by its name.
    await eventually(
      async () => {
        const { nodes } = await first.unibus.ask<ClusterNodes>("GET", "/v1/nodes");
        return nodes.some(({ node, announcedAt }) => node === dead.name && announcedAt !== null);
      },
      { timeoutMs: 30_000, what: `${dead.name} to tell of itself` },
    );
    await rolling.roll();
    await eventually(() => phaseOf(rolling, first) === "trusts", { timeoutMs: 30_000 });
    await dead.end("SIGKILL");
    await eventually(
      async () => (await first.health()).warnings.join().includes("n3, which does not answer"),
      { timeoutMs: 20_000 },
    );
    expect(phaseOf(rolling, first)).not.toBe("demands");
    await eventually(
      () => demand(["node", "remove", dead.name, "--yes", "--data-dir", first.dataDir]),
      { timeoutMs: 30_000, everyMs: 500, what: "the node to be removed" },
    );
    await untilThrough(rolling, [first, second]);
    await addUser(cluster, 1);
  });
}, 300_000);
