// Tries src/server/cluster-start.ts, src/server/cluster-journal.ts and src/http/health.ts: nodes that are
// started with time between, as machines of one site are after a power cut.
import { expect, test } from "bun:test";
import type { Health } from "../../src/contract/health.ts";
import { type Cluster, type ClusterNode, prepareCluster } from "../harness/cluster.ts";
import { addUser, busesOf, withLogs } from "../harness/cluster-scene.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { loginRaw, type TestKey, testKey } from "../harness/raw-nats.ts";

const PAUSE_MS = count("cold-start-pause-seconds") * 1_000;
const ORDERS = [
  [0, 1, 2],
  [2, 1, 0],
  [1, 2, 0],
] as const;
/** How often somebody tries to log in who is refused. */
const LOGIN_EVERY_MS = 500;
const TEST_TIMEOUT_MS = 120_000 + 3 * PAUSE_MS;

/** What a node says of itself, as whoever balances load between nodes hears it. */
async function heardOf({ unibus }: ClusterNode) {
  const alive = await fetch(`${unibus.httpUrl}/healthz`);
  // As the route answers it.
  const health = (await alive.json()) as Health;
  const ready = await fetch(`${unibus.httpUrl}/readyz`);
  const late = health.parts.filter((part) => !part.ready).map(({ part }) => part);
  return { alive: alive.status, ready: ready.status, said: await ready.text(), health, late };
}

/** Asks every node that runs, over and over until the pause is over; each must be alive and say what it lacks. */
async function pauseWith(
  cluster: Cluster,
  demand: (heard: Awaited<ReturnType<typeof heardOf>>) => void,
): Promise<void> {
  const endsAt = performance.now() + PAUSE_MS;
  await eventually(
    async () => {
      for (const node of cluster.nodes.filter(({ running }) => running)) {
        const heard = await heardOf(node);
        expect(heard.alive).toBe(200);
        expect(heard.ready).toBe(503);
        expect(heard.health.ready).toBeFalse();
        demand(heard);
      }
      return performance.now() > endsAt;
    },
    { timeoutMs: PAUSE_MS + 10_000, everyMs: 200, what: "the pause to be over" },
  );
}

/** Somebody who tries to log in at a node from now on, until let in; tells when, and how often not. */
function keepsTrying({ unibus, name }: ClusterNode, key: TestKey) {
  let refused = 0;
  const admitted = eventually(
    async () => {
      using client = await loginRaw(unibus.natsPort, key);
      if (client.closed) refused++;
      return client.closed ? null : performance.now();
    },
    { timeoutMs: TEST_TIMEOUT_MS, everyMs: LOGIN_EVERY_MS, what: `a login at ${name}` },
  );
  // A failure is told where it is awaited, and not before.
  admitted.catch(() => undefined);
  return { admitted, refused: () => refused, name };
}

const nameOf = (order: readonly number[]): string => order.map((at) => `n${at + 1}`).join(" ");

test.each(proving ? [...ORDERS] : [ORDERS[1]])(
  `nodes with empty folders, started in the order %d, %d, %d with ${PAUSE_MS / 1_000} s between: each is alive all the while and says what it lacks, and who tries to log in is admitted when all are there`,
  async (one, two, three) => {
    const order = [one, two, three];
    const admin = testKey();
    await using cluster = await prepareCluster({ args: ["--first-admin", admin.user] });
    await withLogs(cluster, async () => {
      const trying: ReturnType<typeof keepsTrying>[] = [];
      for (const [place, index] of order.entries()) {
        const node = cluster.node(index);
        await node.start();
        trying.push(keepsTrying(node, admin));
        if (place === order.length - 1) break;
        await pauseWith(cluster, ({ health, said, late }) => {
          // A bus begins with all of its nodes, however long the last one takes.
          expect(health.bus).toBe("");
          expect(late).toContain("routes");
          expect(late).toContain("journal");
          for (const part of late) expect(said).toContain(part);
        });
      }
      const lastAt = performance.now();
      await cluster.ready();
      const readyMs = Math.round(performance.now() - lastAt);
      const admissions = await Promise.all(trying.map(({ admitted }) => admitted));
      // Nobody was let in while there was nothing to know them by.
      for (const at of admissions) expect(at).toBeGreaterThan(lastAt);
      // A login takes seconds while a node is alone, longer than a short pause.
      if (proving) expect(trying[0]?.refused()).toBeGreaterThan(0);
      expect(await busesOf(cluster)).toHaveLength(1);
      await addUser(cluster, order[0]);
      recordProof(`cold start with pauses, ${nameOf(order)}`, {
        ...{ pauseMs: PAUSE_MS, readyMs },
        admittedMs: Math.round(Math.max(...admissions) - lastAt),
        refusedBefore: trying.map(({ name, refused }) => `${name}: ${refused()}`).join(", "),
      });
    });
  },
  TEST_TIMEOUT_MS,
);

test.each(proving ? [...ORDERS] : [ORDERS[2]])(
  `a cluster that was stopped, started again in the order %d, %d, %d with ${PAUSE_MS / 1_000} s between: one node alone admits nobody, two do, and all end ready`,
  async (one, two, three) => {
    const order = [one, two, three];
    await using cluster = await prepareCluster();
    await withLogs(cluster, async () => {
      await Promise.all(cluster.nodes.map((node) => node.start()));
      await cluster.ready();
      const [bus = ""] = await busesOf(cluster);
      const key = await addUser(cluster);
      for (const node of cluster.nodes) expect(await node.end()).toBe(0);

      const [first, second, third] = order.map((index) => cluster.node(index));
      if (!first || !second || !third) throw new Error("There are three nodes");
      await first.start();
      const early = keepsTrying(first, key);
      await pauseWith(cluster, ({ health, late }) => {
        expect(health.bus).toBe(bus);
        expect(late).toEqual(expect.arrayContaining(["journal", "routes", "leader"]));
      });
      // Alone, nats-server takes seconds for a login, however it ends.
      await eventually(() => early.refused() > 0, { timeoutMs: 20_000, what: "a refused login" });
      expect((await first.unibus.api("GET", "/v1/users")).status).toBe(503);

      const secondAt = performance.now();
      await second.start();
      expect(await early.admitted).toBeGreaterThan(secondAt);
      await keepsTrying(second, key).admitted;
      const added = testKey();
      await eventually(
        async () => (await second.unibus.api("POST", "/v1/users", { user: added.user })).ok,
        { timeoutMs: 30_000, what: "a majority to take a change" },
      );
      await pauseWith(cluster, ({ late }) => expect(late).toContain("routes"));

      const thirdAt = performance.now();
      await third.start();
      await cluster.ready();
      const readyMs = Math.round(performance.now() - thirdAt);
      await third.unibus.ask("GET", `/v1/users/${added.user}`);
      expect(await busesOf(cluster)).toEqual([bus]);
      recordProof(`restart with pauses, ${nameOf(order)}`, {
        ...{ pauseMs: PAUSE_MS, readyMs },
        admittedByTwoMs: Math.round((await early.admitted) - secondAt),
      });
    });
  },
  TEST_TIMEOUT_MS,
);
