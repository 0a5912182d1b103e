import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Cluster, prepareCluster, startCluster, untilRoutes } from "../harness/cluster.ts";
import { addUser, busesOf, withLogs } from "../harness/cluster-scene.ts";
import { proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { EXIT } from "../harness/promises.ts";
import { testKey } from "../harness/raw-nats.ts";
import { filesOf, findSecrets, processesBelow } from "../harness/secrets.ts";
import { run } from "../harness/unibus.ts";

const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;
const TEST_TIMEOUT_MS = 120_000;

async function tellsItself(cluster: Cluster, index: number): Promise<readonly [number, number]> {
  const { unibus } = cluster.node(index);
  const alive = await fetch(`${unibus.httpUrl}/healthz`);
  const ready = await fetch(`${unibus.httpUrl}/readyz`);
  return [alive.status, ready.status];
}

describe("a cold start from empty folders", () => {
  test(
    "of all nodes at once ends with one bus, whatever the machine does first",
    async () => {
      const times: number[] = [];
      for (let round = 0; round < (proving ? 20 : 1); round++) {
        const startedAt = performance.now();
        await using cluster = await startCluster();
        await withLogs(cluster, () => cluster.ready());
        times.push(Math.round(performance.now() - startedAt));
        expect(await busesOf(cluster)).toHaveLength(1);
      }
      recordProof("cold starts of three nodes at once", {
        starts: times.length,
        medianMs: times.toSorted((one, other) => one - other)[times.length >> 1] ?? 0,
        longestMs: Math.max(...times),
      });
    },
    20 * TEST_TIMEOUT_MS,
  );

  test.each(proving ? [...ORDERS] : [ORDERS[3]])(
    "in the order %d, %d, %d: each is alive at once, and none is ready before all are there",
    async (...order) => {
      await using cluster = await prepareCluster();
      await withLogs(cluster, async () => {
        const [first = 0, second = 0, third = 0] = order;
        await cluster.node(first).start();
        expect(await tellsItself(cluster, first)).toEqual([200, 503]);
        const { unibus } = cluster.node(first);
        // What starts a node anew must not ask for more than this: it would never end.
        expect((await unibus.cli("health", "--alive")).code).toBe(EXIT.done);
        expect((await unibus.cli("health")).code).toBe(EXIT.failed);
        const refused = await unibus.api("POST", "/v1/rooms", { name: "early" });
        expect(refused.status).toBe(503);
        expect(await refused.json()).toMatchObject({ code: "journal-unavailable" });
        expect((await unibus.api("GET", "/v1/users")).status).toBe(503);
        await cluster.node(second).start();
        // A bus begins with all of its nodes: an entry must not lie where one loss would take it.
        expect(await tellsItself(cluster, second)).toEqual([200, 503]);
        expect(await tellsItself(cluster, first)).toEqual([200, 503]);
        await cluster.node(third).start();
        await cluster.ready();
        expect(await busesOf(cluster)).toHaveLength(1);
      });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a cluster that was there before", () => {
  test(
    "goes on after all nodes were stopped, and knows its users; a folder of it is nobody else's",
    async () => {
      await using cluster = await startCluster();
      await withLogs(cluster, async () => {
        await cluster.ready();
        const [bus] = await busesOf(cluster);
        const user = await addUser(cluster);
        for (const node of cluster.nodes) expect(await node.end()).toBe(0);

        const { dataDir } = cluster.node(0);
        const alone = await run(["serve", "--data-dir", dataDir, "--bus-auth", "enforce"]);
        expect(alone.code).toBe(EXIT.refused);
        expect(alone.stderr).toContain("--cluster-name");
        const offline = await run(["user", "list", "--data-dir", dataDir]);
        expect(offline.code).toBe(EXIT.refused);
        expect(offline.stderr).toContain("--cluster-name");

        await Promise.all(cluster.nodes.map((node) => node.start()));
        await cluster.ready();
        expect(await busesOf(cluster)).toEqual([bus ?? ""]);
        for (const { unibus } of cluster.nodes) await unibus.ask("GET", `/v1/users/${user.user}`);
      });
    },
    TEST_TIMEOUT_MS,
  );
});

test(
  "its log names cluster, node, route port, peers and the CA, and neither log nor processes hold the secret [M-060, G-04, G-12]",
  async () => {
    await using cluster = await startCluster({ nodes: 2, password: "hunter2 of routes" });
    const { unibus, routePort } = cluster.node(0);
    const lines = unibus.log.map(({ message }) => message);
    expect(lines).toContain(`cluster: bus, node n1, route port ${routePort}, 1 peer`);
    expect(lines.join("\n")).toContain("a cluster of 2 nodes has no fault tolerance");
    await cluster.ready();
    const { warnings } = await cluster.node(0).health();
    expect(warnings.join()).toContain("three are recommended");
    const secret = "hunter2 of routes";
    const log = { where: "log", content: JSON.stringify(unibus.log) };
    const files = filesOf(join(cluster.folder, "n1"));
    expect(files.map(({ where }) => where)).toContain("unibus.db");
    expect(findSecrets([log, ...processesBelow(unibus.pid), ...files], [secret])).toEqual([]);
    const kept = findSecrets(filesOf(cluster.folder), [secret]);
    expect([...kept].sort()).toEqual(["n1.pass", "n2.pass"]);
  },
  TEST_TIMEOUT_MS,
);

test(
  "a password in the arguments is warned about, and goes no further than those [G-04, M-035]",
  async () => {
    const args = ["--cluster-user", "route", "--cluster-pass", "hunter2"];
    await using cluster = await startCluster({ nodes: 2, password: null, args });
    const { unibus } = cluster.node(0);
    const warned = unibus.log.filter(({ event }) => event === "secret.in-argv");
    expect(warned.map(({ flag }) => flag)).toEqual(["--cluster-pass"]);
    const server = processesBelow(unibus.pid).filter(({ where }) => where.endsWith("nats-server"));
    expect(server).toHaveLength(2);
    expect(findSecrets(server, ["hunter2"])).toEqual([]);
    expect(
      findSecrets([{ where: "log", content: JSON.stringify(unibus.log) }], ["hunter2"]),
    ).toEqual([]);
  },
  TEST_TIMEOUT_MS,
);

test(
  "user and password in --routes, as the first unibus had them, join and are warned of [M-033, M-034, G-04]",
  async () => {
    const password = "hunter2";
    const loginInRoutes = `route:${password}@`;
    await using cluster = await startCluster({ nodes: 2, password, loginInRoutes });
    const { unibus } = cluster.node(0);
    await untilRoutes(cluster.node(0), ["n2"]);
    const warned = unibus.log.filter(({ event }) => event === "secret.in-argv");
    expect(warned.map(({ flag }) => flag)).toEqual(["--routes"]);
    const log = { where: "log", content: JSON.stringify(unibus.log) };
    expect(findSecrets([log], [password])).toEqual([]);
  },
  TEST_TIMEOUT_MS,
);

test(
  "a password in the environment joins, and stands in no argument [M-035, G-04]",
  async () => {
    const args = ["--cluster-user", "route"];
    const env = { UNIBUS_CLUSTER_PASS: "hunter2" };
    await using cluster = await startCluster({ nodes: 2, password: null, args, env });
    await untilRoutes(cluster.node(0), ["n2"]);
    const words = processesBelow(cluster.node(0).unibus.pid).filter(({ where }) =>
      where.startsWith("cmdline"),
    );
    expect(findSecrets(words, ["hunter2"])).toEqual([]);
  },
  TEST_TIMEOUT_MS,
);

test(
  "the first admin that all nodes are told is made once, and no node minds that another was first",
  async () => {
    const { user } = testKey();
    await using cluster = await startCluster({ args: ["--first-admin", user] });
    await withLogs(cluster, async () => {
      await cluster.ready();
      const key = `/v1/users/${user}`;
      for (const node of cluster.nodes) {
        const admin = await eventually(
          async () => {
            const answer = await node.unibus.api("GET", key);
            return answer.ok ? await answer.json() : null;
          },
          { timeoutMs: 20_000, what: "the first admin" },
        );
        expect(admin).toMatchObject({ user, role: "admin", state: "active" });
      }
      await cluster.ready();
      const { users } = await cluster.node(0).unibus.ask<{ users: unknown[] }>("GET", "/v1/users");
      expect(users).toHaveLength(1);
    });
  },
  TEST_TIMEOUT_MS,
);
