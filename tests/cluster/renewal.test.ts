// Tries src/server/route-renewal.ts and src/nats/tls-memory.ts.
import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCluster, untilRoutes } from "../harness/cluster.ts";
import { withLogs } from "../harness/cluster-scene.ts";
import { eventually } from "../harness/eventually.ts";
import { createRouteCa } from "../harness/route-tls.ts";
import { replace, serialAt } from "../harness/tls-place.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const TEST_TIMEOUT_MS = 60_000;

describe("the certificate of routes", () => {
  test(
    "is replaced while the cluster runs: routes stay, and new ones show the new one; one that does not fit stays out",
    async () => {
      using folder = temporaryFolder();
      const ca = await createRouteCa(join(folder.path, "ca"));
      const other = await createRouteCa(join(folder.path, "other"));
      const first = await ca.issue("first");
      const next = await ca.issue("next");
      const foreign = await other.issue("foreign");
      const tls = { ...first, cert: join(folder.path, "x.crt"), key: join(folder.path, "x.key") };
      copyFileSync(first.cert, tls.cert);
      writeFileSync(tls.key, readFileSync(first.key), { mode: 0o600 });
      await using cluster = await startCluster({ nodes: 2, mode: "off", tls });
      await withLogs(cluster, async () => {
        const { unibus, routePort } = cluster.node(0);
        const serial = (path: string) => new X509Certificate(readFileSync(path)).serialNumber;
        expect(await serialAt(routePort)).toBe(serial(first.cert));

        replace(tls.key, foreign.key);
        replace(tls.cert, foreign.cert);
        await eventually(() => unibus.log.some(({ event }) => event === "routes.unusable"), {
          timeoutMs: 20_000,
        });
        expect(await serialAt(routePort)).toBe(serial(first.cert));

        replace(tls.key, next.key);
        replace(tls.cert, next.cert);
        for (const node of cluster.nodes) {
          await eventually(() => node.unibus.log.some(({ event }) => event === "routes.renewed"), {
            timeoutMs: 20_000,
          });
        }
        expect(await serialAt(routePort)).toBe(serial(next.cert));
        await untilRoutes(cluster.node(0), ["n2"]);
        // A node that starts anew joins with it.
        await cluster.node(1).end("SIGKILL");
        await cluster.node(1).start();
        await cluster.joined();
      });
    },
    TEST_TIMEOUT_MS,
  );
});
