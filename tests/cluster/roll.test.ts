// Tries src/server/route-roll.ts, src/server/roll-start.ts and src/nats/roll-peers.ts.
import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { parseRollHandOver } from "../../src/core/route-roll.ts";
import type { Cluster, ClusterNode, RouteTlsFiles } from "../harness/cluster.ts";
import { demandNothingLost } from "../harness/cluster-evidence.ts";
import { type ClusterLoad, isUnknown, startClusterLoad } from "../harness/cluster-load.ts";
import { addUser, withLogs } from "../harness/cluster-scene.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { startIntruder } from "../harness/intruder.ts";
import {
  phaseOf,
  ROLL_PASSWORD,
  type RollingCluster,
  startRolling,
  untilThrough,
} from "../harness/rolling.ts";
import { connectReconnecting } from "../harness/stock-client.ts";

const TEST_TIMEOUT_MS = 300_000;
const HANDSHAKES = count("refused-routes");

/** A member of a room at some nodes, by clients that come back by themselves. */
async function openTalk(cluster: Cluster, nodes: readonly ClusterNode[]) {
  const key = await addUser(cluster);
  const { ask } = cluster.node(0).unibus;
  const { room, subject } = await ask<{ room: string; subject: string }>("POST", "/v1/rooms", {
    name: "talk",
  });
  await ask("PUT", `/v1/rooms/${room}/members/${key.user}`, { role: "member" });
  // Rights are those of the moment of the login.
  for (const { name, unibus } of nodes) {
    await eventually(
      async () => {
        const response = await unibus.api("GET", `/v1/rooms/${room}/members`);
        return response.ok && (await response.text()).includes(key.user);
      },
      { timeoutMs: 20_000, what: `${name} to know who is in the room` },
    );
  }
  const heard = new Map<string, Set<string>>();
  const clients: NatsConnection[] = [];
  for (const { name, unibus } of nodes) {
    const client = await eventually(() => connectReconnecting(unibus.natsPort, key));
    const words = new Set<string>();
    heard.set(name, words);
    client.subscribe(`${subject}.>`, {
      callback: (_, message) => void words.add(message.string()),
    });
    clients.push(client);
  }
  return {
    /** Speaks at each node until every one has heard it from every one. */
    async everywhere(word: string): Promise<void> {
      const said = clients.map((_, at) => `${word} ${at}`);
      await eventually(
        () => {
          for (const [at, client] of clients.entries()) {
            client.publish(`${subject}.${key.user}.msg`, said[at] ?? "");
          }
          return [...heard.values()].every((words) => said.every((one) => words.has(one)));
        },
        { timeoutMs: 20_000, everyMs: 50, what: `${word} to be heard everywhere` },
      );
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}

/** Who is killed in a roll, and where the first node is by then. */
const KILLS = [
  [1, "shows"],
  [0, "demands"],
  [2, "trusts"],
  [1, "demands"],
  [0, "shows"],
  [2, "demands"],
] as const;

/** Rolls under load, and kills a node in the middle of it. Answers the longest gaps, in ms. */
async function rollWithKill(
  rolling: RollingCluster,
  load: ClusterLoad,
  [index, phase]: (typeof KILLS)[number],
) {
  const { cluster } = rolling;
  const from = load.now();
  await rolling.roll();
  await eventually(() => phaseOf(rolling, cluster.node(0)) === phase, {
    ...{ timeoutMs: 60_000, everyMs: 5, what: `the first node to be at ${phase}` },
  });
  const steps = load.gapSince(from);
  const killedAt = load.now();
  const node = cluster.node(index);
  await node.end("SIGKILL");
  await load.more(20);
  await node.start();
  await load.more(20);
  const kill = load.gapSince(killedAt);
  const goesOnAt = load.now();
  await untilThrough(rolling, cluster.nodes);
  await load.more(20);
  return { steps, kill, rest: load.gapSince(goesOnAt) };
}

test(
  "a roll of CA and secret goes over three nodes under load, also when one is killed in the middle: nothing acknowledged is lost, messages cross and clients come back [M-116]",
  async () => {
    await using rolling = await startRolling();
    const { cluster } = rolling;
    await withLogs(cluster, async () => {
      // One that is started anew has another port.
      const staying = cluster.nodes.filter((_, at) => at !== KILLS[0][0]);
      await using talk = await openTalk(cluster, staying);
      await talk.everywhere("before");
      const load = startClusterLoad(cluster, { perSecond: count("cluster-load-per-second") });
      await load.more(50);
      const gaps: Awaited<ReturnType<typeof rollWithKill>>[] = [];
      for (const kill of KILLS.slice(0, count("roll-kills"))) {
        gaps.push(await rollWithKill(rolling, load, kill));
        if (gaps.length === 1) await talk.everywhere("after");
      }
      await load.end();
      const { entries } = await demandNothingLost(cluster, load);
      await cluster.ready();
      for (const node of cluster.nodes) {
        expect((await node.health()).warnings.join()).not.toContain("roll");
      }
      const longest = (of: keyof (typeof gaps)[number]): number =>
        Math.max(...gaps.map((gap) => gap[of]));
      recordProof("rolls of bus CA and route secret under load, a node killed in each", {
        ...{ seed: load.seed, rolls: gaps.length, entries, lost: 0 },
        ...{ acknowledged: load.acknowledged(), unknown: load.history.filter(isUnknown).length },
        ...{ longestGapMsBefore: longest("steps"), longestGapMsKill: longest("kill") },
        longestGapMsRestarts: longest("rest"),
      });
    });
  },
  6 * TEST_TIMEOUT_MS,
);

/** Dials nodes with a bare server until they have refused so many handshakes; it gets no route. */
async function expectRefused(
  nodes: readonly ClusterNode[],
  intruder: { readonly title: string; readonly login: string; readonly tls: RouteTlsFiles },
): Promise<void> {
  const { title, login, tls } = intruder;
  const targets = nodes.map(({ routePort }) => routePort);
  const refused = (): number =>
    nodes.reduce((sum, { unibus }) => {
      const says = /unknown authority|bad certificate/;
      const lines = unibus.log.filter((line) => line.event === "route.failed");
      return sum + lines.filter(({ message }) => says.test(message)).length;
    }, 0);
  const before = refused();
  await using stack = new AsyncDisposableStack();
  const servers = await Promise.all(
    Array.from({ length: proving ? 8 : 3 }, () => startIntruder({ targets, login, tls })),
  );
  for (const one of servers) stack.use(one);
  await eventually(() => refused() - before >= HANDSHAKES, {
    ...{ timeoutMs: 180_000, everyMs: 50, what: `${HANDSHAKES} handshakes` },
  });
  expect(await Promise.all(servers.map((one) => one.routes()))).toEqual(servers.map(() => 0));
  recordProof(`routes refused after a roll: ${title}`, {
    ...{ handshakes: refused() - before, routes: 0 },
  });
}

test(
  "a node that a roll leaves out loses its open routes, and gets none with its old files, with the new secret or with the new CA's file [M-116]",
  async () => {
    await using rolling = await startRolling();
    const { cluster, ca } = rolling;
    await withLogs(cluster, async () => {
      const left = cluster.node(2);
      const others = [cluster.node(0), cluster.node(1)];
      await rolling.roll(["n3"]);
      await untilThrough(rolling, others);
      await eventually(async () => (await left.routes()).length === 0, { timeoutMs: 10_000 });
      await eventually(async () => (await others[0]?.routes())?.join() === "n2", {
        timeoutMs: 10_000,
      });
      await addUser({ ...cluster, nodes: others });
      expect(left.unibus.log.some(({ event }) => event.startsWith("roll."))).toBeFalse();

      const old = rolling.filesOf("n3");
      const text = readFileSync(join(ca.dir, "roll", "n1.roll"), "utf8");
      const { password = "" } = parseRollHandOver(text.split("\n", 1)[0] ?? "") ?? {};
      expect(password).toHaveLength(43);
      const newCa = { ...old, ca: join(rolling.cluster.folder, "new-ca.crt") };
      copyFileSync(join(ca.dir, "ca.crt"), newCa.ca);
      await left.end();
      const before = `route:${encodeURIComponent(ROLL_PASSWORD)}`;
      for (const intruder of [
        { title: "all of the old files", login: before, tls: old },
        { title: "the new secret, the old certificate", login: `route:${password}`, tls: old },
        { title: "all that is new but the certificate", login: `route:${password}`, tls: newCa },
      ]) {
        await expectRefused(others, intruder);
      }
      const files = rolling.filesOf("n1");
      await using guest = await startIntruder({
        ...{ targets: others.map(({ routePort }) => routePort), login: `route:${password}` },
        tls: files,
      });
      await eventually(async () => (await guest.routes()) > 0);
    });
  },
  TEST_TIMEOUT_MS,
);

test(
  "a roll that was not handed to all nodes begins at none, says whom it waits for, and can be taken back [M-116]",
  async () => {
    await using rolling = await startRolling();
    const { cluster } = rolling;
    const first = cluster.node(0);
    await withLogs(cluster, async () => {
      await rolling.make();
      expect(await rolling.handOver(first)).toContain("answer: n1, n2, n3");
      const words = await eventually(async () => {
        const found = (await first.health()).warnings.find((one) => one.includes("a roll"));
        return found?.includes("n3, which was not handed this roll") ? found : null;
      });
      expect(words).toContain("step 0 of 4");
      expect(words).toContain("n2, which was not handed this roll");
      expect((await first.unibus.cli("health")).stdout).toContain(`warning: ${words}`);
      await cluster.node(2).end();
      await eventually(async () =>
        (await first.health()).warnings.join().includes("n3, which does not answer"),
      );
      rmSync(`${rolling.filesOf("n1").cert}.roll`);
      await eventually(async () => !(await first.health()).warnings.join().includes("a roll"));
      expect(first.unibus.log.some(({ event }) => event === "roll.stepping")).toBeFalse();
    });
  },
  TEST_TIMEOUT_MS,
);
