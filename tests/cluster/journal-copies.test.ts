// Tries src/server/cluster-peers.ts, src/nats/peers.ts, src/nats/copies.ts and src/journal/comparison.ts.
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openWritePath } from "../../src/server/write-path.ts";
import { getBus } from "../../src/store/journal.ts";
import { openStore } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { anOperation, aUser, codeOfOutcome, rowsOf } from "../harness/builders.ts";
import { eventually } from "../harness/eventually.ts";
import { openJournalNode, openJournalNodes, untilAlike } from "../harness/journal-cluster.ts";
import { startNatsCluster } from "../harness/nats-cluster.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const add = () =>
  anOperation({ kind: "user.add", user: aUser(), name: null, role: "member" } as const);

test("a bus that stood alone grows to three nodes and keeps all it had, whoever starts first", async () => {
  await using cluster = await startNatsCluster();
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const grown = join(folder.path, "n3");
  mkdirSync(grown);
  {
    using alone = openStore({
      path: join(grown, "unibus.db"),
      random: (sizeBytes) => new Uint8Array(sizeBytes).fill(3),
    });
    const { commit } = openWritePath(alone);
    for (let at = 0; at < 5; at++) await commit(add());
  }
  const newcomers = openJournalNodes(cluster.servers.slice(0, 2), { folder: folder.path });
  const [, , server] = cluster.servers;
  if (!server) throw new Error("There are three servers");
  // The newcomers found no bus of their own, however long it takes.
  const first = stack.use(await openJournalNode({ server, folder: folder.path }));
  const nodes = [first, ...(await newcomers)];
  for (const node of nodes.slice(1)) {
    stack.use(node);
    expect(node.log).toContain("journal.copied");
  }
  expect(await untilAlike(nodes)).toBe(6);
  expect(getBus(nodes[1]?.store ?? first.store).busId).toBe("03".repeat(16));
  const committed = await nodes[1]?.writePath.commit(add());
  expect(committed?.seq).toBe(7);
  await untilAlike(nodes);
  for (const { store } of nodes) expect(verifyJournal(store).entries).toBe(7);
  // Neither who gave one keeps it, nor who took it.
  expect(readdirSync(join(folder.path, "n1")).filter((name) => name.startsWith("copy"))).toEqual(
    [],
  );
}, 60_000);

test("a dead node's successor takes a copy, or every entry where nobody has one to give", async () => {
  await using cluster = await startNatsCluster();
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const [here, second, third] = await openJournalNodes(cluster.servers, { folder: folder.path });
  if (!here || !second || !third) throw new Error("There are three nodes");
  stack.use(here);
  await third[Symbol.asyncDispose]();
  await Promise.all(Array.from({ length: 1_100 }, () => here.writePath.commit(add())));
  await untilAlike([here, second]);
  const [, , server] = cluster.servers;
  if (!server) throw new Error("There are three servers");
  using empty = temporaryFolder();
  const copied = stack.use(await openJournalNode({ server, folder: empty.path }));
  expect(copied.log).toEqual(["journal.copied"]);
  await untilAlike([here, second, copied]);
  await second.writePath.commit(add());
  await untilAlike([here, second, copied]);
  await copied[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
  const { lastSeq, chain } = getBus(here.store);
  const rows = rowsOf(here.store);
  await here[Symbol.asyncDispose]();
  using another = temporaryFolder();
  const replayed = stack.use(await openJournalNode({ server, folder: another.path }));
  await eventually(() => replayed.writePath.applied() === lastSeq, { timeoutMs: 20_000 });
  expect(replayed.log).toEqual([]);
  expect(getBus(replayed.store).chain).toEqual(chain);
  expect(rowsOf(replayed.store)).toBe(rows);
}, 120_000);

test("a node whose history differs stops and says so, and the others go on", async () => {
  await using cluster = await startNatsCluster();
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const nodes = await openJournalNodes(cluster.servers, { folder: folder.path });
  for (const node of nodes) stack.use(node);
  const [one, other, wrong] = nodes;
  if (!one || !other || !wrong) throw new Error("There are three nodes");
  await one.writePath.commit(add());
  await untilAlike(nodes);
  // What a rule that decides otherwise on one machine would leave behind.
  wrong.store.database.run("UPDATE bus SET chain = randomblob(32)");
  await one.writePath.commit(add());
  const { code, detail } = await wrong.writePath.fault;
  expect(code).toBe("journal-damaged");
  expect(detail).toMatch(/behind entry 3 the history of n[12], n[12] is another one/);
  expect(wrong.writePath.fresh()).toBe(false);
  await expect(wrong.writePath.commit(add())).rejects.toMatchObject({
    code: "journal-unavailable",
  });
  const last = getBus(wrong.store).lastSeq;
  expect(codeOfOutcome((await other.writePath.commit(add())).outcome)).toBe("applied");
  expect(await untilAlike([one, other])).toBe(last + 1);
  expect(getBus(wrong.store).lastSeq).toBe(last);
  await eventually(
    () => one.log.includes("journal.differs") || other.log.includes("journal.differs"),
    {
      timeoutMs: 15_000,
    },
  );
  expect(one.writePath.stopped() ?? other.writePath.stopped()).toBeNull();
  // Its successor takes no copy of a journal that is not whole, however far that goes.
  await wrong[Symbol.asyncDispose]();
  const [, , server] = cluster.servers;
  if (!server) throw new Error("There are three servers");
  await Promise.all(Array.from({ length: 1_010 }, () => one.writePath.commit(add())));
  await eventually(() => getBus(other.store).lastSeq === getBus(one.store).lastSeq, {
    timeoutMs: 20_000,
  });
  other.store.database.run("UPDATE bus SET chain = randomblob(32)");
  using empty = temporaryFolder();
  const successor = stack.use(await openJournalNode({ server, folder: empty.path }));
  expect(successor.log.at(-1)).toBe("journal.copied");
  expect(successor.log.length).toBeLessThanOrEqual(2);
  await untilAlike([one, successor]);
}, 90_000);
