import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Cluster, startCluster } from "../harness/cluster.ts";
import { untilNodesAgree } from "../harness/cluster-evidence.ts";
import { addUser, known, loginAt, withLogs } from "../harness/cluster-scene.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { connectLine, openRaw, type TestKey, testKey } from "../harness/raw-nats.ts";

const TEST_TIMEOUT_MS = 120_000;
const TIMES = count("cluster-revocations");

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  await withLogs(cluster, () => cluster.ready());
}, TEST_TIMEOUT_MS);
afterAll(() => cluster[Symbol.asyncDispose]());

const quantile = (times: readonly number[], part: number): number =>
  Math.round(times.toSorted((one, other) => one - other)[Math.floor(times.length * part)] ?? 0);

/** Logs in with a good signature, and demands to be refused. */
async function expectRefused(index: number, key: TestKey): Promise<void> {
  using client = await openRaw(cluster.node(index).unibus.natsPort);
  client.send(connectLine(key, client.info.nonce ?? ""));
  await eventually(() => client.closed, { timeoutMs: 20_000, what: "the login to be refused" });
}

describe("three nodes are one bus [G-02]", () => {
  test("each shows the name of its own and that of the cluster to clients, and no other node's address [M-030, M-031]", async () => {
    const shown: unknown[] = [];
    for (const { unibus } of cluster.nodes) {
      using client = await openRaw(unibus.natsPort);
      shown.push([client.info.server_name, client.info.cluster, client.info.connect_urls]);
    }
    expect(shown).toEqual(["n1", "n2", "n3"].map((name) => [name, "bus", undefined]));
  });

  test("each compares its clock with the others'", async () => {
    for (const node of cluster.nodes) {
      const clock = await eventually(
        async () => {
          const { parts } = await node.health();
          return parts.find(
            ({ part, detail }) => part === "clock" && detail.endsWith(" the others"),
          );
        },
        { timeoutMs: 20_000, what: "the clocks to be compared" },
      );
      expect(clock.ready).toBeTrue();
    }
  });

  test("any node takes any write, and who wrote reads it at once", async () => {
    await withLogs(cluster, async () => {
      for (const { unibus } of cluster.nodes) {
        const key = testKey();
        await unibus.ask("POST", "/v1/users", { user: key.user });
        await unibus.ask("GET", `/v1/users/${key.user}`);
        await known(cluster, key);
      }
    });
  });

  test("a user admitted on one node logs in on every node, and speaks with members on others", async () => {
    await withLogs(cluster, async () => {
      const ada = await addUser(cluster, 0);
      const bob = await addUser(cluster, 1);
      const { unibus } = cluster.node(2);
      const made = await unibus.ask<{ room: string; subject: string }>("POST", "/v1/rooms", {
        name: "ops",
      });
      for (const { user } of [ada, bob]) {
        await unibus.ask("PUT", `/v1/rooms/${made.room}/members/${user}`, { role: "member" });
      }
      // Rights are those of the login: who logs in before the node knows of the room comes again.
      await untilNodesAgree(cluster);
      using one = await loginAt(cluster, 0, ada);
      using other = await loginAt(cluster, 1, bob);
      other.subscribe(`${made.subject}.>`, "1");
      await other.drain();
      await eventually(
        async () => {
          one.publish(`${made.subject}.${ada.user}.msg`, "hello");
          await one.drain();
          return other.messages.length > 0;
        },
        { timeoutMs: 20_000, what: "a message from the other node" },
      );
      expect(other.messages[0]?.payload).toBe("hello");
    });
  });

  test(
    `a user revoked on node A is out on A, B and C: measured ${TIMES} times`,
    async () => {
      await withLogs(cluster, async () => {
        const times: number[] = [];
        for (let round = 0; round < TIMES; round++) {
          const key = await addUser(cluster, round % 3);
          const clients = await Promise.all([0, 1, 2].map((index) => loginAt(cluster, index, key)));
          const at = performance.now();
          const { unibus } = cluster.node((round + 1) % 3);
          await unibus.ask("POST", `/v1/users/${key.user}/revoke`);
          await eventually(() => clients.every(({ closed }) => closed), {
            timeoutMs: 20_000,
            everyMs: 1,
            what: "all three connections to be closed",
          });
          times.push(...clients.map(({ closedAt }) => closedAt - at));
          // Later ones are refused late, as any guessing is.
          if (round < 5) await Promise.all([0, 1, 2].map((index) => expectRefused(index, key)));
        }
        const numbers = {
          connections: times.length,
          p50: quantile(times, 0.5),
          p99: quantile(times, 0.99),
        };
        recordProof("revoked on one node, closed on three (ms)", numbers);
        expect(numbers.p99).toBeLessThan(1_000);
      });
    },
    TEST_TIMEOUT_MS,
  );
});

test(
  "each node that is killed in turn leaves a bus that takes writes, and comes back with all of them",
  async () => {
    await withLogs(cluster, async () => {
      const gaps: number[] = [];
      for (const index of [0, 1, 2]) {
        await cluster.node(index).end("SIGKILL");
        const { unibus } = cluster.node((index + 1) % 3);
        const at = performance.now();
        const key = testKey();
        await eventually(
          async () => (await unibus.api("POST", "/v1/users", { user: key.user })).ok,
          { timeoutMs: 30_000, what: "a write without the killed node" },
        );
        gaps.push(Math.round(performance.now() - at));
        await cluster.node(index).start();
        await cluster.ready();
        await known(cluster, key);
      }
      recordProof("SIGKILL of each node in turn", { longestGapMs: Math.max(...gaps) });
    });
  },
  TEST_TIMEOUT_MS,
);

test("a user is told of a room once, by the node that they are connected to", async () => {
  await withLogs(cluster, async () => {
    const key = await addUser(cluster);
    using client = await loginAt(cluster, 1, key);
    client.subscribe(`me.${key.user}.>`, "1");
    await client.drain();
    const { room } = await cluster
      .node(0)
      .unibus.ask<{ room: string }>("POST", "/v1/rooms", { name: "told" });
    const path = `/v1/rooms/${room}/members/${key.user}`;
    await cluster.node(2).unibus.ask("PUT", path, { role: "reader" });
    await eventually(() => client.messages.length > 0, { timeoutMs: 20_000 });
    // What comes behind it was sent later by all of them.
    await cluster.node(0).unibus.ask("DELETE", path);
    await eventually(() => client.messages.length > 1 || client.closed, { timeoutMs: 20_000 });
    const gained = client.messages.filter(({ payload }) => payload.includes(room));
    expect(gained.filter(({ payload }) => payload.includes("reader"))).toHaveLength(1);
  });
});
