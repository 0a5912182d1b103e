import { describe, expect, test } from "bun:test";
import { startCluster } from "../harness/cluster.ts";
import { addUser, loginAt, withLogs } from "../harness/cluster-scene.ts";
import { proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { connectLine, openRaw, testKey } from "../harness/raw-nats.ts";

const TEST_TIMEOUT_MS = 120_000;
const STALE_MAX_MS = 10_000;
/** How often a node looks, and what closing takes. */
const SLACK_MS = proving ? 1_500 : 4_000;

describe("a node that hears nothing of the others any more [G-02]", () => {
  test(
    "refuses writes at once, and no later than --stale-max closes its clients and answers and admits nobody; with the others back it goes on by itself",
    async () => {
      await using cluster = await startCluster({ args: ["--stale-max", `${STALE_MAX_MS / 1000}`] });
      await withLogs(cluster, async () => {
        await cluster.ready();
        const key = await addUser(cluster);
        using client = await loginAt(cluster, 2, key);
        const { unibus } = cluster.node(2);
        const cutAt = performance.now();
        await Promise.all([0, 1].map((index) => cluster.node(index).end("SIGKILL")));

        const refused = await unibus.api("POST", "/v1/users", { user: testKey().user });
        expect(refused.status).toBe(503);
        expect(["journal-unavailable", "outcome-unknown"]).toContain(
          ((await refused.json()) as { code: string }).code,
        );
        await eventually(() => client.closed, {
          timeoutMs: STALE_MAX_MS + 5_000,
          what: "the client to be closed",
        });
        const closedMs = Math.round(client.closedAt - cutAt);
        expect(closedMs).toBeLessThan(STALE_MAX_MS + SLACK_MS);
        recordProof("clients of a node that is cut off", { staleMaxMs: STALE_MAX_MS, closedMs });

        expect((await unibus.api("GET", "/v1/users")).status).toBe(503);
        expect((await unibus.api("GET", "/readyz")).status).toBe(503);
        expect((await unibus.api("GET", "/healthz")).status).toBe(200);
        using late = await openRaw(unibus.natsPort);
        late.send(connectLine(key, late.info.nonce ?? ""));
        await eventually(() => late.closed, { timeoutMs: 10_000 });
        const { counts } = await unibus.ask<{ counts: Record<string, number> }>(
          "GET",
          "/v1/refusals",
        );
        expect(counts["login.node-stale"]).toBeGreaterThan(0);

        await Promise.all([0, 1].map((index) => cluster.node(index).start()));
        await cluster.ready();
        using again = await loginAt(cluster, 2, key);
        expect(again.closed).toBeFalse();
      });
    },
    TEST_TIMEOUT_MS,
  );
});
