// Tries src/nats/fence.ts, src/nats/peer-connections.ts and src/server/peer-service.ts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Cluster, startCluster } from "../harness/cluster.ts";
import { freeze, hang, leaderOf } from "../harness/cluster-faults.ts";
import { openClusterNetworks } from "../harness/cluster-networks.ts";
import { addUser, loginAt, withLogs } from "../harness/cluster-scene.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { openHungScene, toldOf } from "../harness/hung-node.ts";
import { loginInside } from "../harness/login-inside.ts";
import { createRouteCa } from "../harness/route-tls.ts";
import { stopThreads } from "../harness/service-manager.ts";
import { temporaryFolder } from "../harness/unibus.ts";

/** The least that leaves a leader time to hear its peers. */
const STALE_MAX_S = proving ? 10 : 6;
/** Between two looks of a node, what closing takes, and where others run beside, a timer that is late. */
const FENCE_SLACK_MS = proving ? 3_000 : 5_000;
const FREEZE_MS = proving ? 5_000 : 1_500;
const TEST_TIMEOUT_MS = 900_000;

/** A cluster of its own costs more than the test command has to spend. */
const networks = proving ? await openClusterNetworks(3) : null;
afterAll(() => networks?.[Symbol.asyncDispose]());

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ args: ["--stale-max", `${STALE_MAX_S}`] });
  await withLogs(cluster, () => cluster.ready());
}, 60_000);
afterAll(() => cluster[Symbol.asyncDispose]());

interface Round {
  readonly closedMs: number;
  readonly heardMs: number;
  readonly shownMs: number;
  readonly fencedMs: number;
}

/** Hangs the unibus of one node while another takes rights away, and lets it go on in the end. */
async function hangOnce(there: number): Promise<Round> {
  const hung = cluster.node(there);
  const taker = cluster.node((there + 1) % 3);
  using scene = await openHungScene(cluster, there);
  const { victim, victims, removed, removedThere, bystanderThere, bystandersElsewhere } = scene;
  let round: Round;
  {
    using _ = hang(hung);
    const hungAt = performance.now();
    await taker.unibus.ask("POST", `/v1/users/${victim.user}/revoke`);
    const revokedAt = performance.now();
    await taker.unibus.ask("DELETE", `/v1/rooms/${scene.room}/members/${removed.user}`);
    await eventually(() => victims.every(({ closed }) => closed) && removedThere.closed, {
      ...{ timeoutMs: 20_000, what: "everybody who lost a right to be closed" },
    });
    expect(bystanderThere.closed).toBeFalse();
    const closedMs = Math.max(...victims.map(({ closedAt }) => closedAt)) - revokedAt;
    const removedMs = removedThere.closedAt - revokedAt;
    const told = () => toldOf(taker, hung);
    await eventually(async () => (await told()) !== "well", { timeoutMs: 20_000, everyMs: 100 });
    const shownMs = performance.now() - hungAt;
    await eventually(() => bystanderThere.closed, {
      ...{ timeoutMs: STALE_MAX_S * 1_000 + 20_000, what: "all users there to be closed" },
    });
    const fencedMs = bystanderThere.closedAt - hungAt;
    await eventually(async () => (await told()) === "fenced", { timeoutMs: 5_000 });
    const listed = await taker.unibus.cli("node", "list");
    expect(listed.stdout).toMatch(new RegExp(`^${hung.name} +fenced`, "m"));
    expect(bystandersElsewhere.some(({ closed }) => closed)).toBeFalse();
    const heardMs = scene.lastHeardSentAt() - revokedAt;
    round = { closedMs: Math.max(closedMs, removedMs), heardMs, shownMs, fencedMs };
  }
  await eventually(async () => (await toldOf(taker, hung)) === "well", { timeoutMs: 20_000 });
  await cluster.ready();
  using again = await loginAt(cluster, there, scene.bystander);
  expect(again.closed).toBeFalse();
  expect(bystandersElsewhere.some(({ closed }) => closed)).toBeFalse();
  return round;
}

test(
  "who is revoked or removed while a node's unibus hangs is closed there too, and after STALE_MAX all users there are, until it goes on [G-02] [M-013]",
  async () => {
    await withLogs(cluster, async () => {
      const rounds: Round[] = [];
      while (rounds.length < count("hung-nodes"))
        rounds.push(await hangOnce((rounds.length + 1) % 3));
      const of = (what: keyof Round) =>
        rounds.map((one) => Math.round(one[what])).sort((a, b) => a - b);
      const most = (what: keyof Round): number => of(what).at(-1) ?? Number.NaN;
      recordProof("a hung unibus of three", {
        ...{ rounds: rounds.length, staleMaxMs: STALE_MAX_S * 1_000 },
        closedP50Ms: of("closedMs")[Math.floor(rounds.length / 2)] ?? 0,
        ...{ closedMaxMs: most("closedMs"), lastHeardMaxMs: most("heardMs") },
        ...{ shownMaxMs: most("shownMs"), fencedMinMs: of("fencedMs")[0] ?? 0 },
        fencedMaxMs: most("fencedMs"),
      });
      expect(most("closedMs")).toBeLessThan(2_000);
      expect(most("heardMs")).toBeLessThan(2_000);
      expect(most("shownMs")).toBeLessThan(10_000);
      expect(of("fencedMs")[0]).toBeGreaterThan(STALE_MAX_S * 1_000 - 2_000);
      expect(most("fencedMs")).toBeLessThan(STALE_MAX_S * 1_000 + FENCE_SLACK_MS);
    });
  },
  TEST_TIMEOUT_MS,
);

test(
  "a node that stands still as a whole for less is left alone: nobody is closed",
  async () => {
    await withLogs(cluster, async () => {
      const fences = () => cluster.nodes.flatMap(({ unibus }) => unibus.log.filter(isFence)).length;
      const before = fences();
      for (let round = 0; round < count("hung-nodes"); round++) {
        // While the leader stands still nobody knows the latest changes, which is another matter.
        const leader = cluster.nodes.indexOf(await leaderOf(cluster));
        const there = (leader + 1 + (round % 2)) % 3;
        using scene = await openHungScene(cluster, there);
        {
          using _ = freeze(cluster.node(there));
          const from = performance.now();
          await eventually(() => performance.now() - from > FREEZE_MS, {
            ...{ timeoutMs: FREEZE_MS + 5_000 },
          });
        }
        await cluster.ready();
        expect(await scene.bystanderThere.drain()).toBeTrue();
        expect(await scene.removedThere.drain()).toBeTrue();
        expect(fences()).toBe(before);
      }
      recordProof("a node of three that stands still for a moment", {
        ...{ rounds: count("hung-nodes"), frozenMs: FREEZE_MS, staleMaxMs: STALE_MAX_S * 1_000 },
        ...{ fences: fences() - before, closed: 0 },
      });
    });
  },
  TEST_TIMEOUT_MS,
);

test(
  "who is revoked while the main thread of a node's unibus hangs is closed there too, though its Worker lives",
  async () => {
    await withLogs(cluster, async () => {
      const [taker, hung] = [cluster.node(0), cluster.node(1)];
      using scene = await openHungScene(cluster, 1);
      const { pid } = hung.unibus;
      const main = stopThreads(pid, readFileSync(`/proc/${pid}/comm`, "utf8").trim());
      const hungAt = performance.now();
      await taker.unibus.ask("POST", `/v1/users/${scene.victim.user}/revoke`);
      const revokedAt = performance.now();
      await eventually(() => scene.victims.every(({ closed }) => closed), {
        ...{ timeoutMs: 20_000, what: "everybody who lost a right to be closed" },
      });
      const closedMs = Math.max(...scene.victims.map(({ closedAt }) => closedAt)) - revokedAt;
      expect(closedMs).toBeLessThan(2_000);
      if (proving) {
        await eventually(async () => (await toldOf(taker, hung)) !== "well", { timeoutMs: 20_000 });
        const shownMs = performance.now() - hungAt;
        recordProof("a node whose main thread alone hangs", {
          ...{ closedMs: Math.round(closedMs), shownMs: Math.round(shownMs) },
        });
        expect(shownMs).toBeLessThan(10_000);
      }
      const ended = hung.end("SIGKILL");
      await main.reap();
      await ended;
    });
  },
  TEST_TIMEOUT_MS,
);

test.skipIf(networks === null)(
  "a node that is cut off from the others for less is not fenced, and fences nobody",
  async () => {
    if (!networks) throw new Error("There are networks");
    using folder = temporaryFolder();
    const { places, setLink } = networks;
    const hosts = places.map(({ host = "" }) => host);
    const tls = await (await createRouteCa(join(folder.path, "tls"))).issue("node", { hosts });
    const args = ["--insecure-no-tls", "--allow-plain-rooms", "--stale-max", `${STALE_MAX_S}`];
    await using apart = await startCluster({ places, tls, args });
    await withLogs(apart, async () => {
      await apart.ready();
      const key = await addUser(apart);
      let closedByThemselves = 0;
      for (let round = 0; round < count("hung-nodes"); round++) {
        const leader = apart.nodes.indexOf(await leaderOf(apart));
        const there = (leader + 1 + (round % 2)) % 3;
        using clients = new DisposableStack();
        const held = apart.nodes.map(({ unibus }, index) =>
          clients.use(loginInside(places[index], { port: unibus.natsPort, key })),
        );
        await Promise.all(held.map((one) => one.says("in")));
        setLink(there, "down");
        const from = performance.now();
        await eventually(() => performance.now() - from > FREEZE_MS, {
          ...{ timeoutMs: FREEZE_MS + 5_000 },
        });
        setLink(there, "up");
        await apart.ready();
        // A node may close its own users: what it knows is older than the cut by a leader's silence.
        closedByThemselves += held.filter((one) => one.has("out")).length;
        expect(apart.nodes.flatMap(({ unibus }) => unibus.log.filter(isFence))).toEqual([]);
      }
      recordProof("a node of three that is cut off for a moment", {
        ...{ rounds: count("hung-nodes"), cutMs: FREEZE_MS, staleMaxMs: STALE_MAX_S * 1_000 },
        ...{ fences: 0, closedByTheirOwnNode: closedByThemselves },
      });
    });
  },
  TEST_TIMEOUT_MS,
);

function isFence({ event }: { readonly event?: unknown }): boolean {
  return event === "node.fenced" || event === "peer.connections-closed";
}
