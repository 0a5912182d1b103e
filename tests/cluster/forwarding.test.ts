import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeCertificates } from "../harness/certificates.ts";
import {
  type Cluster,
  type ClusterOptions,
  logsOf,
  startCluster,
  untilRoutes,
} from "../harness/cluster.ts";
import { eventually } from "../harness/eventually.ts";
import { openRaw, type RawNats } from "../harness/raw-nats.ts";
import { serialAt } from "../harness/tls-place.ts";
import { temporaryFolder } from "../harness/unibus.ts";

async function openAnonymous(port: number): Promise<RawNats> {
  const client = await openRaw(port);
  client.send('CONNECT {"verbose":false,"pedantic":false}\r\n');
  expect(await client.drain()).toBeTrue();
  return client;
}

/** Has every node publish to a subscriber of every other one, and counts what arrives. */
async function forwardEverywhere(cluster: Cluster): Promise<number> {
  const clients = await Promise.all(
    cluster.nodes.map(({ unibus }) => openAnonymous(unibus.natsPort)),
  );
  using stack = new DisposableStack();
  for (const client of clients) {
    stack.use(client);
    client.subscribe("forwarded.>", "1");
  }
  await Promise.all(clients.map((client) => client.drain()));
  // Interest crosses a route a moment later; a message is sent until it is known there.
  const heard = (client: RawNats, subject: string): number =>
    client.messages.filter((one) => one.subject.startsWith(subject)).length;
  await eventually(
    async () => {
      for (const [from, client] of clients.entries()) {
        client.publish(`forwarded.early.${from}`, "x");
      }
      await Promise.all(clients.map((client) => client.drain()));
      return clients.every((client) =>
        clients.every((_, from) => heard(client, `forwarded.early.${from}`) > 0),
      );
    },
    { timeoutMs: 30_000, what: "interest to be known everywhere" },
  );
  for (const [from, client] of clients.entries()) {
    for (let number = 0; number < 100; number++) client.publish(`forwarded.counted.${from}`, "x");
  }
  const counts = () => clients.map((client) => heard(client, "forwarded.counted"));
  await eventually(() => counts().every((count) => count >= clients.length * 100), {
    ...{ timeoutMs: 30_000, what: "all messages" },
  });
  return counts().reduce((sum, count) => sum + count, 0);
}

async function withCluster(
  options: ClusterOptions,
  act: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  await using cluster = await startCluster(options);
  try {
    await act(cluster);
  } catch (error) {
    throw new Error(logsOf(cluster), { cause: error });
  }
}

describe("messages cross the routes of a cluster", () => {
  test("TestClusterForwardsAcrossNodes: two nodes on loopback with neither secret nor TLS join, and what is published on one reaches a subscriber of the other [M-047, M-111]", async () => {
    await withCluster({ nodes: 2, mode: "off", password: null }, async (cluster) => {
      expect(await forwardEverywhere(cluster)).toBe(2 * 2 * 100);
    });
  });

  test("TestClusterThreeNodesForward: three nodes with a secret are a full mesh, each message arrives once [M-030, M-033, M-091, M-112]", async () => {
    await withCluster({ mode: "off" }, async (cluster) => {
      for (const node of cluster.nodes) {
        const others = cluster.nodes.filter((other) => other !== node).map(({ name }) => name);
        await untilRoutes(node, others);
      }
      expect(await forwardEverywhere(cluster)).toBe(3 * 3 * 100);
    });
  });

  test("TestClusterMutualTLSForwards: over mutual TLS, with the files in memory only [M-036, M-037, M-038, M-092, M-114]", async () => {
    using folder = temporaryFolder();
    const tls = await writeCertificates(join(folder.path, "tls"));
    const { serialNumber } = new X509Certificate(readFileSync(tls.cert));
    await withCluster({ mode: "off", tls }, async (cluster) => {
      expect(await forwardEverywhere(cluster)).toBe(3 * 3 * 100);
      for (const { routePort } of cluster.nodes) {
        expect(await serialAt(routePort)).toBe(serialNumber);
      }
    });
  });
});
