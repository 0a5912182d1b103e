// Tries src/server/disk-room.ts, src/server/ballast.ts and src/server/unrecorded.ts in a cluster.
import { afterAll, afterEach, expect, test } from "bun:test";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Cluster, startCluster } from "../harness/cluster.ts";
import { addUser, loginAt, withLogs } from "../harness/cluster-scene.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { type OwnDisk, openOwnDisk } from "../harness/own-disk.ts";
import { loginRaw } from "../harness/raw-nats.ts";

const SIZE = 96 * 1024 * 1024;
const opened = await Promise.all([openOwnDisk(SIZE), openOwnDisk(SIZE), openOwnDisk(SIZE)]);
/** One for each node; none where this machine permits none. */
const disks = opened.filter((disk) => disk !== null);
const missing = disks.length === 3 ? "" : " (skipped: this machine permits no disk of our own)";
afterEach(() => {
  for (const disk of disks) disk.free();
});
afterAll(async () => {
  for (const disk of disks) await disk[Symbol.asyncDispose]();
});

function start(): Promise<Cluster> {
  const places = disks.map(({ path, prefix, reach }, index) => {
    const name = `n${index + 1}`;
    rmSync(reach(name), { recursive: true, force: true });
    return { prefix, folder: { own: join(path, name), seen: reach(name) } };
  });
  return startCluster({ places });
}

async function keepsRoom(cluster: Cluster): Promise<void> {
  await cluster.ready();
  for (const node of cluster.nodes) {
    await eventually(async () => !(await node.health()).warnings.join().includes("kept"), {
      ...{ timeoutMs: 10_000, everyMs: 50, what: "a node to have the room that it keeps" },
    });
  }
}

function revoke(cluster: Cluster, index: number, user: string): Promise<Response> {
  return cluster.node(index).unibus.api("POST", `/v1/users/${user}/revoke`);
}

async function revokeByAll(cluster: Cluster, users: readonly string[]): Promise<void> {
  for (const [at, user] of users.entries()) {
    expect((await revoke(cluster, at % 3, user)).status).toBe(200);
  }
}

/** Fills a disk, and whatever the node gives up, until it has nothing more to give. */
async function fillForGood(disk: OwnDisk, index: number): Promise<void> {
  await eventually(
    () => {
      disk.fill();
      return statSync(disk.reach(`n${index + 1}/unibus.ballast`)).size === 0;
    },
    { timeoutMs: 20_000, everyMs: 50, what: "the ballast to be given up" },
  );
  disk.fill();
}

/** Takes what a nats-server freed that met the full disk first and was started anew. */
async function refill(cluster: Cluster, full: readonly OwnDisk[]): Promise<void> {
  for (const [index, disk] of full.entries()) {
    const { ok } = await cluster.node(index).unibus.api("POST", "/v1/rooms", { name: "no room" });
    if (ok) disk.fill();
  }
}

test.skipIf(missing !== "" || !proving)(
  `while the disks of two of three nodes are full, revocations are recorded, also after a kill of both, and other changes at those nodes are refused${missing}${proving ? "" : " (prove: it takes half a minute)"}`,
  async () => {
    const [rounds, each] = [count("full-disks"), count("full-disk-revocations")];
    let ms = 0;
    for (let round = 0; round < rounds; round++) {
      await using cluster = await start();
      await withLogs(cluster, async () => {
        await keepsRoom(cluster);
        const users: string[] = [];
        while (users.length < each) users.push((await addUser(cluster)).user);
        const half = users.splice(0, each / 2);
        const full = disks.slice(0, 2);
        const from = performance.now();
        for (const disk of full) disk.fill();
        const refused = await cluster.node(0).unibus.api("POST", "/v1/rooms", { name: "no room" });
        expect(refused.status).toBe(503);
        await eventually(
          async () => {
            await refill(cluster, full);
            const answer = await cluster.node(2).unibus.api("POST", "/v1/rooms", { name: "room" });
            return answer.status === 503 && (await answer.text()).includes("n1, n2 are full");
          },
          { timeoutMs: 45_000, what: "the third node to keep what the others have left" },
        );
        await revokeByAll(cluster, half);
        await Promise.all([0, 1].map((index) => cluster.node(index).end("SIGKILL")));
        for (const disk of full) disk.fill();
        await Promise.all([0, 1].map((index) => cluster.node(index).start()));
        const [again = ""] = half;
        for (const index of [0, 1, 2]) {
          await eventually(async () => (await revoke(cluster, index, again)).ok, {
            ...{ timeoutMs: 45_000, what: `node ${index} to record again` },
          });
        }
        await revokeByAll(cluster, users);
        ms += performance.now() - from;
        for (const disk of full) disk.free();
        await cluster.ready();
        for (const user of [...half, ...users]) {
          const answer = await cluster.node(0).unibus.ask("GET", `/v1/users/${user}`);
          expect(answer).toMatchObject({ state: "revoked" });
        }
      });
    }
    recordProof("revocations on two full disks of three", {
      ...{ rounds, recorded: rounds * each, lost: 0, msEach: Math.round(ms / rounds) },
    });
  },
  1_800_000,
);

test.skipIf(missing !== "" || !proving)(
  `while nothing can be written on all three disks, the user is closed and refused by the node that was asked, which says so${missing}${proving ? "" : " (prove: it takes half a minute)"}`,
  async () => {
    const rounds = count("full-disks");
    let closedMs = 0;
    for (let round = 0; round < rounds; round++) {
      await using cluster = await start();
      await withLogs(cluster, async () => {
        await keepsRoom(cluster);
        const [key, other] = [await addUser(cluster), await addUser(cluster)];
        await Promise.all(disks.map(fillForGood));
        // A nats-server that met the full disk first is started anew, and closes everybody.
        using client = await eventually(() => loginAt(cluster, 0, key), { timeoutMs: 20_000 });
        using bystander = await loginAt(cluster, 0, other);
        const from = performance.now();
        const asked = revoke(cluster, 0, key.user);
        await eventually(() => client.closed, {
          timeoutMs: 5_000,
          what: "the client to be closed",
        });
        closedMs = Math.max(closedMs, Math.round(performance.now() - from));
        const answer = await asked;
        expect(answer.status).toBe(503);
        const { code, detail } = (await answer.json()) as { code: string; detail: string };
        expect(["not-recorded", "outcome-unknown"]).toContain(code);
        expect(detail).toContain("closed and refused here");
        using again = await loginRaw(cluster.node(0).unibus.natsPort, key);
        expect(again.closed).toBe(true);
        expect(bystander.closed).toBe(false);
        for (const disk of disks) disk.free();
        await cluster.ready();
        expect((await revoke(cluster, 0, key.user)).status).toBe(200);
      });
    }
    recordProof("a revocation on three full disks of three", { rounds, closedMs });
  },
  1_800_000,
);
