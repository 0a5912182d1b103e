// Tries the growth of docs/cluster.md: src/journal/beginning.ts, src/server/jetstream-folder.ts and
// src/server/restore-start.ts on whole nodes.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { openStore } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import type { Cluster, ClusterNode } from "../harness/cluster.ts";
import { demandNothingLost, untilNodesAgree } from "../harness/cluster-evidence.ts";
import { addUser, busesOf, withLogs } from "../harness/cluster-scene.ts";
import { recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import {
  ALL_WORKS,
  type Belongings,
  fillBus,
  type Growing,
  prepareGrowth,
  redeem,
  untilAdmitted,
  whatWorks,
} from "../harness/growing.ts";
import type { TestKey } from "../harness/raw-nats.ts";

const TEST_TIMEOUT_MS = 120_000;

/** A client of nats.js as it comes, but for its key and its inbox. */
function connectAsItComes(port: number, key: TestKey): Promise<NatsConnection> {
  return connect({
    servers: `127.0.0.1:${port}`,
    authenticator: (nonce) => ({
      nkey: key.user,
      sig: key.sign(nonce ?? "").toString("base64url"),
    }),
  });
}

/** Times at which a client lost its connection and had it again. */
function watchGap(connection: NatsConnection): { lostAt: number; backAt: number } {
  const gap = { lostAt: 0, backAt: 0 };
  void (async () => {
    for await (const { type } of connection.status()) {
      if (type === "disconnect") gap.lostAt ||= performance.now();
      if (type === "reconnect") gap.backAt = performance.now();
    }
  })();
  return gap;
}

function verifiedEntries({ dataDir }: ClusterNode): number {
  using store = openStore({ path: join(dataDir, "unibus.db"), random: null });
  return verifyJournal(store).entries;
}

/** Moments on the way from one node to three, at which the first one is killed. */
const MOMENTS: readonly ((first: ClusterNode) => boolean | Promise<boolean>)[] = [
  () => true,
  async (first) => (await first.routes()).length > 0,
  async (first) =>
    (await first.health()).parts.some(({ part, ready }) => part === "leader" && ready),
  // Its bus is about to go on, or already does.
  (first) => existsSync(join(first.dataDir, "unibus.restore")) || hasBegun(first),
  hasBegun,
];

function hasBegun({ dataDir }: ClusterNode): boolean {
  using database = new Database(join(dataDir, "unibus.db"), { readonly: true });
  const sql = "SELECT 1 FROM journal WHERE instr(entry, 'bus.continued') > 0";
  return database.query(sql).get() !== null;
}

/** Starts the empty nodes, which wait, and then the first one again, as the runbook says. */
async function grow({ cluster }: Growing, stopFirst: () => Promise<unknown>): Promise<void> {
  await Promise.all([cluster.node(1).start(), cluster.node(2).start()]);
  await stopFirst();
  await cluster.node(0).start();
}

test(
  "a node with users, rooms, tokens, invites and clients becomes three, and nothing of it is lost",
  async () => {
    await using growing = await prepareGrowth();
    const { cluster, first, natsPort } = growing;
    await withLogs(cluster, async () => {
      const alone = await growing.startAlone();
      const had = await fillBus(alone);
      expect(await whatWorks(alone, had)).toEqual(ALL_WORKS);
      const { bus } = await alone.ask<{ bus: string }>("GET", "/healthz");
      const client = await connectAsItComes(natsPort, had.member);
      const gap = watchGap(client);
      const heard: string[] = [];
      client.subscribe(`${had.subject}.>`, {
        callback: (_, { data }) => void heard.push(new TextDecoder().decode(data)),
      });
      await client.flush();

      await waitingNodes(cluster);
      const before = performance.now();
      expect(await alone.end()).toBe(0);
      expect(verifiedEntries(first)).toBeGreaterThan(5);
      await first.start();
      const again = await untilAdmitted(natsPort, had.member);
      const admittedMs = Math.round(performance.now() - before);
      again[Symbol.dispose]();
      await cluster.ready();

      expect(await busesOf(cluster)).toEqual([bus]);
      for (const { unibus } of cluster.nodes) {
        expect(await whatWorks(unibus, had)).toEqual(ALL_WORKS);
      }
      await eventually(() => gap.backAt > 0, { timeoutMs: 20_000, what: "the client to be back" });
      await untilHeard(cluster, had, heard);
      await client.close();
      expect(await redeem(cluster.node(1).unibus, had.invite)).toBe("201");
      const entries = await goesOnAsThree(cluster);
      recordProof("one node becomes three", {
        ...{ entries, firstNodeAdmitsAgainMs: admittedMs },
        natsJsClientGapMs: Math.round(gap.backAt - gap.lostAt),
      });
    });
  },
  TEST_TIMEOUT_MS,
);

/** Starts the two empty nodes, which are alive, have a route to each other, and wait. */
async function waitingNodes(cluster: Cluster): Promise<void> {
  await Promise.all([cluster.node(1).start(), cluster.node(2).start()]);
  for (const index of [1, 2]) {
    const { unibus } = cluster.node(index);
    expect((await unibus.cli("health", "--alive")).code).toBe(0);
    expect((await unibus.api("GET", "/v1/users")).status).toBe(503);
  }
  await eventually(async () => (await cluster.node(1).routes()).includes("n3"));
}

/** Speaks at the third node until somebody at the first has heard it. */
async function untilHeard(
  cluster: Cluster,
  { owner, subject }: Belongings,
  heard: readonly string[],
): Promise<void> {
  const speaker = await connectAsItComes(cluster.node(2).unibus.natsPort, owner.signer.key);
  await eventually(
    async () => {
      speaker.publish(`${subject}.${owner.user}.msg`, "from another node");
      await speaker.flush();
      return heard.includes("from another node");
    },
    { timeoutMs: 10_000, everyMs: 100, what: "a message from another node" },
  );
  await speaker.close();
}

/** Changes at every node, and without the first one; then all have the same. Answers how many entries. */
async function goesOnAsThree(cluster: Cluster): Promise<number> {
  const first = cluster.node(0);
  for (const index of [0, 1, 2]) await addUser(cluster, index);
  await untilNodesAgree(cluster);
  await first.end("SIGKILL");
  await eventually(() => addUser(cluster, 1), { timeoutMs: 20_000, what: "two to take a change" });
  await first.start();
  await cluster.ready();
  const { entries } = await demandNothingLost(cluster, { seed: 0, history: [] });
  for (const node of cluster.nodes) {
    await node.end();
    // A node may tell of itself meanwhile.
    expect(verifiedEntries(node)).toBeGreaterThanOrEqual(entries);
  }
  return entries;
}

test(
  "streams of clients of a lone node are put aside before its first start in a cluster, and never again",
  async () => {
    await using growing = await prepareGrowth({ mode: "off" });
    const { cluster, first, natsPort } = growing;
    await withLogs(cluster, async () => {
      const alone = await growing.startAlone();
      const client = await connect({ servers: `127.0.0.1:${natsPort}` });
      const made = await client.request(
        "$JS.API.STREAM.CREATE.KEPT",
        JSON.stringify({ name: "KEPT", subjects: ["kept"], num_replicas: 1 }),
      );
      expect(made.json<{ error?: unknown }>().error).toBeUndefined();
      await client.request("kept", "a word of before");
      await client.close();
      await grow(growing, () => alone.end());
      await cluster.ready();
      const [warned] = first.unibus.log.filter(({ event }) => event === "streams.put-aside");
      const aside = String(warned?.aside);
      expect(aside).toStartWith(join(first.dataDir, "jetstream", "jetstream-of-one-node-"));
      expect(readdirSync(join(aside, "OPEN", "streams"))).toEqual(["KEPT"]);

      // Its own folder is a cluster's now, whatever becomes of its process.
      for (const signal of ["SIGKILL", "SIGTERM"] as const) {
        await first.end(signal);
        await first.start();
        await cluster.ready();
        const again = first.unibus.log.filter(({ event }) => event === "streams.put-aside");
        expect(again).toEqual([]);
      }
      expect(readdirSync(join(first.dataDir, "jetstream")).toSorted()).toEqual(
        ["jetstream", aside.split("/").at(-1) ?? "", "unibus.lock"].toSorted(),
      );
      expect(readdirSync(join(aside, "OPEN", "streams"))).toEqual(["KEPT"]);
    });
  },
  TEST_TIMEOUT_MS,
);

test(
  "the first node may be killed again and again while it becomes one of three",
  async () => {
    await using growing = await prepareGrowth();
    const { cluster, first } = growing;
    await withLogs(cluster, async () => {
      const alone = await growing.startAlone();
      const had = await fillBus(alone);
      await Promise.all([cluster.node(1).start(), cluster.node(2).start()]);
      await alone.end("SIGKILL");
      for (const hasCome of MOMENTS) {
        await first.start();
        await eventually(() => hasCome(first), { timeoutMs: 20_000, everyMs: 1 });
        await first.end("SIGKILL");
      }
      await first.start();
      await cluster.ready();
      for (const { unibus } of cluster.nodes)
        expect(await whatWorks(unibus, had)).toEqual(ALL_WORKS);
      await addUser(cluster, 2);
      await demandNothingLost(cluster, { seed: 0, history: [] });
      expect(existsSync(join(first.dataDir, "unibus.restore"))).toBeFalse();
    });
  },
  TEST_TIMEOUT_MS,
);
