// Tries src/server/cluster-announce.ts, and what other nodes make of it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "@nats-io/transport-node";
import type { Bus } from "../../src/contract/bus.ts";
import type { ClusterNodes } from "../../src/contract/nodes.ts";
import { type Cluster, prepareCluster } from "../harness/cluster.ts";
import { untilNodesAgree } from "../harness/cluster-evidence.ts";
import { addUser, withLogs } from "../harness/cluster-scene.ts";
import { eventually } from "../harness/eventually.ts";
import { freePorts } from "../harness/free-ports.ts";

const TEST_TIMEOUT_MS = 90_000;

let cluster: Cluster;
let ports: readonly number[];
const natsUrl = (index: number): string => `nats://127.0.0.1:${ports[index]}`;
const httpUrl = (index: number): string => `http://127.0.0.1:${ports[index + 3]}`;

beforeAll(async () => {
  ports = await freePorts(6);
  cluster = await prepareCluster({
    argsOf: (index) => [
      ...["--nats-port", `${ports[index]}`, "--http-port", `${ports[index + 3]}`],
    ],
  });
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await withLogs(cluster, () => cluster.ready());
}, TEST_TIMEOUT_MS);
afterAll(() => cluster[Symbol.asyncDispose]());

const list = (index: number): Promise<ClusterNodes> =>
  cluster.node(index).unibus.ask<ClusterNodes>("GET", "/v1/nodes");

const busOf = (index: number): Promise<Bus> =>
  cluster.node(index).unibus.ask<Bus>("GET", "/v1/bus");

async function allAnnounced(): Promise<void> {
  await eventually(
    async () => {
      const { nodes } = await list(0);
      return nodes.length === 3 && nodes.every(({ announcedAt }) => announcedAt !== null);
    },
    { timeoutMs: 15_000, what: "three nodes that told of themselves" },
  );
  await untilNodesAgree(cluster);
}

const entries = async (): Promise<number> => {
  const { parts } = await cluster.node(0).health();
  const { detail = "" } = parts.find(({ part }) => part === "journal") ?? {};
  return Number(/entry (\d+) is applied/.exec(detail)?.[1]);
};

const isReady = async (index: number): Promise<boolean> =>
  (await cluster.node(index).unibus.api("GET", "/readyz")).status === 200;

describe("three nodes tell of themselves", () => {
  test("and each shows how all of them are reached, with version and certificate", async () => {
    await withLogs(cluster, async () => {
      await allAnnounced();
      for (const index of [0, 1, 2]) {
        const { nodes } = await list(index);
        expect(nodes.map(({ node, self }) => [node, self])).toEqual(
          [0, 1, 2].map((at) => [`n${at + 1}`, at === index]),
        );
        for (const [at, node] of nodes.entries()) {
          expect(node).toMatchObject({
            ...{ clientUrls: [natsUrl(at)], apiUrls: [httpUrl(at)], level: 2, joinedAt: null },
            ...{ route: `127.0.0.1:${cluster.node(at).routePort}`, certificate: null },
          });
          expect(node.version).toMatch(/^\d+\.\d+\.\d+/);
        }
        const bus = await busOf(index);
        expect(bus.clientUrls).toEqual([natsUrl(index)]);
        expect(bus.nodes).toEqual(
          [0, 1, 2].map((at) => ({
            node: `n${at + 1}`,
            clientUrls: [natsUrl(at)],
            apiUrls: [httpUrl(at)],
          })),
        );
      }
      const shown = await cluster.node(1).unibus.cli("node", "list");
      expect(shown.stdout).toMatch(/^n1 +connected .*\nn2 +this one .*\nn3 +connected /m);
    });
  });

  test(
    "once: a start that changes nothing adds nothing to the journal",
    async () => {
      await withLogs(cluster, async () => {
        // bus.found, and one of each node.
        expect(await entries()).toBe(4);
        await Promise.all(cluster.nodes.map((node) => node.end()));
        await Promise.all(cluster.nodes.map((node) => node.start()));
        await cluster.ready();
        await addUser(cluster, 1);
        expect(await entries()).toBe(5);
      });
    },
    TEST_TIMEOUT_MS,
  );
});

test(
  "clients of a node that dies go on at the others, whose addresses they were told",
  async () => {
    await withLogs(cluster, async () => {
      const key = await addUser(cluster);
      const { nodes } = await busOf(0);
      const third = natsUrl(2);
      const servers = nodes.flatMap(({ clientUrls }) => clientUrls);
      const client = await connect({
        servers: [third, ...servers.filter((url) => url !== third)],
        noRandomize: true,
        authenticator: (nonce) => ({
          nkey: key.user,
          sig: key.sign(nonce ?? "").toString("base64url"),
        }),
        ...{ reconnectTimeWait: 50, maxReconnectAttempts: -1 },
      });
      try {
        expect(client.getServer()).toBe(third.replace("nats://", ""));
        await cluster.node(2).end("SIGKILL");
        await eventually(
          async () => {
            if (client.getServer() === third.replace("nats://", "")) return false;
            await client.flush();
            return true;
          },
          { timeoutMs: 20_000, everyMs: 50, what: "the client to be at another node" },
        );
      } finally {
        await client.close();
      }
    });
  },
  TEST_TIMEOUT_MS,
);

test(
  "a node that died takes no other from a load balancer; one that starts waits for all of them",
  async () => {
    await withLogs(cluster, async () => {
      const left = [0, 1].map((index) => cluster.node(index));
      await eventually(
        async () => {
          const told = await Promise.all(left.map((node) => node.health()));
          return told.every(
            ({ ready, warnings }) => ready && warnings.join().includes("nodes that are away: n3"),
          );
        },
        {
          timeoutMs: 20_000,
          everyMs: 100,
          what: "the other two to be ready, and to say who is away",
        },
      );
      expect(await Promise.all([isReady(0), isReady(1)])).toEqual([true, true]);

      // Who starts has to have all of them: a rolling restart goes on when it has.
      await cluster.node(1).end();
      await cluster.node(1).start();
      await eventually(
        async () => {
          const { parts } = await cluster.node(1).health();
          return parts.every(({ part, ready }) => ready === (part !== "routes"));
        },
        { timeoutMs: 20_000, everyMs: 100, what: "the second node to lack the third alone" },
      );
      expect(await isReady(1)).toBeFalse();
      expect(await isReady(0)).toBeTrue();
      await cluster.node(2).start();
      await cluster.ready();
      for (const node of cluster.nodes) expect((await node.health()).warnings).toEqual([]);
      // Two users were added since the nodes told of themselves, and each of them started again.
      expect(await entries()).toBe(6);
      const events = cluster.nodes.flatMap(({ unibus }) => unibus.log.map(({ event }) => event));
      expect(events).not.toContain("node.announced");
    });
  },
  TEST_TIMEOUT_MS,
);
