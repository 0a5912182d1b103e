import { expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { writeCertificates } from "../harness/certificates.ts";
import { startCluster } from "../harness/cluster.ts";
import { busesOf, withLogs } from "../harness/cluster-scene.ts";
import { createRouteCa } from "../harness/route-tls.ts";
import { temporaryFolder } from "../harness/unibus.ts";

/** An address of this machine that others could reach. */
const address = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;
const missing = address ? "" : " (missing: an address that is not loopback)";

test.skipIf(!address)(
  `three nodes on a public bind, with enforce, TLS, a secret and mutual route TLS, are one bus; the route port listens on --bind alone [M-032, M-045, M-060, M-090]${missing}`,
  async () => {
    using folder = temporaryFolder();
    const host = address ?? "";
    const ca = await createRouteCa(join(folder.path, "routes"));
    const tls = await ca.issue("node", { hosts: [host] });
    const served = await writeCertificates(join(folder.path, "tls"), { names: [host] });
    const args = ["--tls-cert", served.cert, "--tls-key", served.key];
    await using cluster = await startCluster({ host, tls, args });
    await withLogs(cluster, async () => {
      await cluster.ready();
      expect(await busesOf(cluster)).toHaveLength(1);
      const { unibus, routePort } = cluster.node(0);
      const lines = unibus.log.map(({ message }) => message);
      expect(lines).toContain(`cluster: bus, node n1, route port ${routePort}, 2 peers`);
      expect(lines).toContain(`cluster route TLS: ON (mutual, CA ${tls.ca})`);
      expect(lines.join("\n")).not.toContain("no fault tolerance");
      await expect(
        Bun.connect({ hostname: "127.0.0.1", port: routePort, socket: { data() {} } }),
      ).rejects.toThrow();
    });
  },
  120_000,
);
