// Tries src/journal/replicated.ts and src/nats/control-stream.ts while nats-servers die and come back.
import { describe, expect, test } from "bun:test";
import type { Operation } from "../../src/core/operations.ts";
import { Problem } from "../../src/core/problems.ts";
import { getBus } from "../../src/store/journal.ts";
import type { Store } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { anOperation, aUser } from "../harness/builders.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { type Asked, faultsOf } from "../harness/history.ts";
import {
  type JournalNode,
  openJournalNode,
  openJournalNodes,
  untilAlike,
} from "../harness/journal-cluster.ts";
import { startNatsCluster } from "../harness/nats-cluster.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const add = (): Operation =>
  anOperation({ kind: "user.add", user: aUser(), name: null, role: "member" });

/** Commits one and says what was answered. */
async function ask(node: JournalNode, operation = add()): Promise<Asked> {
  try {
    return { operation, committed: await node.writePath.commit(operation), refused: false };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const refused = error.code === "journal-unavailable";
    if (!refused && error.code !== "outcome-unknown") throw error;
    return { operation, committed: null, refused };
  }
}

/** Entries that repeat an earlier operation. */
function repeatsIn({ database }: Store): number {
  const row = database
    .query<{ count: number }, []>(
      "SELECT count(*) AS count FROM journal WHERE operation_id IS NULL",
    )
    .get();
  return row?.count ?? 0;
}

/** Commits at all nodes, one after the other at each, until it is told to end. */
function commitForever(nodes: readonly JournalNode[]) {
  const history: Asked[] = [];
  let ended = false;
  let lastAckAt = performance.now();
  let gapMs = 0;
  const running = Promise.all(
    nodes.map(async (node) => {
      while (!ended) {
        const asked = await ask(node);
        history.push(asked);
        if (!asked.committed) continue;
        const now = performance.now();
        gapMs = Math.max(gapMs, now - lastAckAt);
        lastAckAt = now;
      }
    }),
  );
  const acknowledged = (): number => history.filter(({ committed }) => committed).length;
  return {
    acknowledged,
    /** Waits until so many more are acknowledged. */
    async more(wanted: number): Promise<void> {
      const from = acknowledged();
      await eventually(() => acknowledged() >= from + wanted, {
        ...{ timeoutMs: 40_000, everyMs: 50, what: `${wanted} more acknowledged operations` },
      });
    },
    async end(): Promise<{ readonly history: readonly Asked[]; readonly gapMs: number }> {
      ended = true;
      await running;
      return { history, gapMs };
    },
  };
}

test("every acknowledged operation is everywhere after each nats-server was killed in turn", async () => {
  await using cluster = await startNatsCluster();
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const nodes = await openJournalNodes(cluster.servers, { folder: folder.path });
  for (const node of nodes) stack.use(node);
  const load = commitForever(nodes);
  await load.more(20);
  const rounds = count("cluster-kills");
  for (let kill = 0; kill < rounds; kill++) {
    const victim = cluster.servers[kill % 3];
    await victim?.kill();
    await load.more(20);
    victim?.start();
    await load.more(20);
  }
  const { history, gapMs } = await load.end();
  const entries = await untilAlike(nodes, 30_000);
  for (const { store } of nodes) {
    expect(faultsOf(history, store)).toEqual([]);
    expect(verifyJournal(store).entries).toBe(entries);
    // What was sent again because nobody answered is one entry.
    expect(repeatsIn(store)).toBe(0);
  }
  const acknowledged = history.filter(({ committed }) => committed).length;
  recordProof("cluster-kills", {
    ...{ kills: rounds, acknowledged, lost: 0, longestGapMs: Math.round(gapMs) },
    unknown: history.filter(({ committed, refused }) => !committed && !refused).length,
  });
  // The checker sees what it is there to see.
  const { store } = nodes[0] ?? never();
  const some = history.find(({ committed }) => committed) ?? never();
  store.database.run("DELETE FROM journal WHERE seq = ?", [some.committed?.seq ?? 0]);
  expect(faultsOf(history, store)).toEqual([`${some.operation.id}: acknowledged, and not there`]);
  expect(
    faultsOf([{ ...some, committed: null, refused: true }], nodes[1]?.store ?? never()),
  ).toEqual([`${some.operation.id}: surely not recorded, and there`]);
}, 300_000);

test("a nats-server that stands still for a while costs time, and no entry", async () => {
  await using cluster = await startNatsCluster();
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const nodes = await openJournalNodes(cluster.servers, { folder: folder.path });
  for (const node of nodes) stack.use(node);
  const load = commitForever(nodes);
  const stalls = count("cluster-stalls");
  for (let stall = 0; stall < stalls; stall++) {
    const victim = cluster.servers[stall % 3];
    victim?.signal("SIGSTOP");
    await load.more(20);
    victim?.signal("SIGCONT");
    await load.more(20);
  }
  const { history, gapMs } = await load.end();
  await untilAlike(nodes, 30_000);
  for (const { store } of nodes) expect(faultsOf(history, store)).toEqual([]);
  const acknowledged = history.filter(({ committed }) => committed).length;
  recordProof("cluster-stalls", {
    ...{ stalls, acknowledged, lost: 0, longestGapMs: Math.round(gapMs) },
  });
}, 300_000);

test("without most of its nodes the cluster takes nothing, says so, and goes on when they are back", async () => {
  await using cluster = await startNatsCluster();
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const nodes = await openJournalNodes(cluster.servers, { folder: folder.path, staleMaxMs: 8_000 });
  for (const node of nodes) stack.use(node);
  const [first] = nodes;
  if (!first) throw new Error("There are three nodes");
  await eventually(() => first.writePath.fresh(), { timeoutMs: 10_000 });
  const history: Asked[] = [];
  for (const server of cluster.servers.slice(1)) await server.kill();
  const alone = getBus(first.store).lastSeq;
  await eventually(
    async () => {
      const asked = await ask(first);
      history.push(asked);
      expect(asked.committed).toBeNull();
      return asked.refused;
    },
    { timeoutMs: 60_000, what: "the answer that nothing is taken" },
  );
  expect(getBus(first.store).lastSeq).toBe(alone);
  await eventually(() => !first.writePath.fresh(), { timeoutMs: 15_000, what: "staleness" });
  for (const server of cluster.servers.slice(1)) server.start();
  await eventually(
    async () => {
      const asked = await ask(first);
      history.push(asked);
      return asked.committed !== null;
    },
    { timeoutMs: 60_000 },
  );
  await untilAlike(nodes);
  for (const { store } of nodes) expect(faultsOf(history, store)).toEqual([]);
  await eventually(() => first.writePath.fresh(), { timeoutMs: 10_000 });
}, 180_000);

describe("a node", () => {
  test("that was away gets all that it missed, and one with another bus's database is refused", async () => {
    await using cluster = await startNatsCluster();
    using folder = temporaryFolder();
    await using stack = new AsyncDisposableStack();
    const [here, away] = await openJournalNodes(cluster.servers, { folder: folder.path });
    if (!here || !away) throw new Error("There are three nodes");
    stack.use(here);
    await away[Symbol.asyncDispose]();
    const history = await Promise.all(Array.from({ length: 700 }, () => ask(here)));
    const [, server] = cluster.servers;
    if (!server) throw new Error("There are three servers");
    const back = stack.use(await openJournalNode({ server, folder: folder.path }));
    await untilAlike([here, back]);
    expect(faultsOf(history, back.store)).toEqual([]);
    // A database of another bus: of one that was founded in another cluster.
    using elsewhere = temporaryFolder();
    {
      await using others = await startNatsCluster();
      const strangers = await openJournalNodes(others.servers, { folder: elsewhere.path });
      for (const stranger of strangers) await stranger[Symbol.asyncDispose]();
    }
    await expect(openJournalNode({ server, folder: elsewhere.path })).rejects.toMatchObject({
      code: "cluster-refused",
      detail: expect.stringContaining("the cluster is bus"),
    });
  }, 120_000);

  test("whose stream was lost stops, and makes no new one in its place", async () => {
    await using cluster = await startNatsCluster();
    using folder = temporaryFolder();
    for (const node of await openJournalNodes(cluster.servers, { folder: folder.path })) {
      await node[Symbol.asyncDispose]();
    }
    await using empty = await startNatsCluster();
    const [server] = empty.servers;
    if (!server) throw new Error("There are three servers");
    const options = { server, folder: folder.path };
    await expect(openJournalNode({ ...options, create: false })).rejects.toMatchObject({
      code: "journal-damaged",
      detail: expect.stringContaining("has lost the stream"),
    });
    await expect(openJournalNode(options)).rejects.toMatchObject({
      code: "journal-damaged",
      detail: expect.stringContaining("ends at entry 0, and this node has applied entry 1"),
    });
  }, 120_000);
});

test("a lost stream is rebuilt from the node that has most, and nothing acknowledged is lost", async () => {
  using folder = temporaryFolder();
  const history: Asked[] = [];
  {
    await using cluster = await startNatsCluster();
    const nodes = await openJournalNodes(cluster.servers, { folder: folder.path });
    const [one, behind, other] = nodes;
    if (!one || !behind || !other) throw new Error("There are three nodes");
    history.push(await ask(one));
    await untilAlike(nodes);
    await behind[Symbol.asyncDispose]();
    history.push(await ask(one), await ask(other));
    await untilAlike([one, other]);
    await one[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  }
  await using cluster = await startNatsCluster();
  await using stack = new AsyncDisposableStack();
  const [server, serverBehind, serverOther] = cluster.servers;
  if (!server || !serverBehind || !serverOther) throw new Error("There are three servers");
  const rebuilding = { server, folder: folder.path, rebuild: true };
  const rebuilt = stack.use(await openJournalNode(rebuilding));
  const other = stack.use(await openJournalNode({ server: serverOther, folder: folder.path }));
  await expect(
    openJournalNode({ server: serverBehind, folder: folder.path }),
  ).rejects.toMatchObject({
    code: "cluster-refused",
    detail: expect.stringContaining("goes on from entry 4, and the one here ends at 2"),
  });
  using empty = temporaryFolder();
  const copied = stack.use(await openJournalNode({ server: serverBehind, folder: empty.path }));
  history.push(await ask(copied));
  expect(await untilAlike([rebuilt, other, copied])).toBe(6);
  for (const { store } of [rebuilt, other, copied]) {
    expect(faultsOf(history, store)).toEqual([]);
    expect(verifyJournal(store).entries).toBe(6);
  }
}, 120_000);

function never(): never {
  throw new Error("There are three nodes");
}
