// Tries src/server/replicated-write-path.ts over three real nats-servers, as tests/write-path does in
// one process.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { JournalStream } from "../../src/core/journal-stream.ts";
import { openControlStream } from "../../src/nats/control-stream.ts";
import { apply } from "../../src/store/apply.ts";
import { getBus } from "../../src/store/journal.ts";
import { openStore } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { anOperation, aUser, rowsOf } from "../harness/builders.ts";
import { count, recordProof } from "../harness/counts.ts";
import { openJournalNodes, untilAlike } from "../harness/journal-cluster.ts";
import { openReplicatedBus } from "../harness/journals.ts";
import { operation, PRELUDE } from "../harness/model-operations.ts";
import { startNatsCluster } from "../harness/nats-cluster.ts";
import { temporaryFolder } from "../harness/unibus.ts";
import { commitSuite, exactlyOnceSuite } from "../harness/write-path-suite.ts";

const userAdd = () => ({ kind: "user.add", user: aUser(), name: null, role: "member" }) as const;

describe("over a cluster's journal", () => {
  const stack = new AsyncDisposableStack();
  let stream: JournalStream;
  beforeAll(async () => {
    const { servers } = stack.use(await startNatsCluster());
    const connection = await servers[0]?.connect();
    if (!connection) throw new Error("There are three servers");
    stack.defer(() => connection.close());
    const signal = AbortSignal.timeout(20_000);
    stream = await openControlStream({ connection, replicas: 3, create: true, signal });
  }, 30_000);
  afterAll(() => stack.disposeAsync());

  const openBus = () => openReplicatedBus(stream);
  commitSuite(openBus);
  exactlyOnceSuite(openBus);
});

test("random operations at three nodes leave one state, and replaying them gives the same", async () => {
  await using cluster = await startNatsCluster();
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const nodes = await openJournalNodes(cluster.servers, { folder: folder.path });
  for (const node of nodes) stack.use(node);
  const [first] = nodes;
  if (!first) throw new Error("There are three nodes");
  for (const one of PRELUDE) await first.writePath.commit(one);
  const seed = Date.now();
  // Random ones find less and less to act on in a bus that lives long, so others come between.
  const operations = fc
    .sample(operation, { numRuns: count("cluster-operations"), seed })
    .map((one, at) => (at % 3 === 0 ? anOperation(userAdd(), { at: one.at }) : one));
  const startedAt = performance.now();
  const outcomes: string[] = [];
  const queue = operations.values();
  await Promise.all(
    // Eight at a time at each node; every tenth operation is sent to two of them.
    nodes.flatMap((node, at) =>
      Array.from({ length: 8 }, async () => {
        for (const one of queue) {
          const next = nodes[(at + 1) % 3] ?? node;
          const again = outcomes.length % 10 === 0 ? [next.writePath.commit(one)] : [];
          const all = await Promise.all([node.writePath.commit(one), ...again]);
          expect(new Set(all.map(({ seq }) => seq)).size).toBe(1);
          outcomes.push(all[0]?.outcome.status ?? "");
        }
      }),
    ),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const entries = await untilAlike(nodes);
  const applied = outcomes.filter((status) => status === "applied").length;
  recordProof("cluster-model", {
    ...{ seed, operations: outcomes.length, applied, entries },
    perSecond: Math.round(outcomes.length / seconds),
  });
  expect(outcomes).toHaveLength(operations.length);
  expect(applied).toBeGreaterThan(operations.length / 3);
  for (const { store } of nodes) expect(verifyJournal(store).entries).toBe(entries);
  using other = openStore({ path: `${folder.path}/replayed.db`, random: null });
  const rows = first.store.database.query<{ entry: string }, []>(
    "SELECT entry FROM journal ORDER BY seq",
  );
  for (const { entry } of rows.iterate()) apply(other, JSON.parse(entry), "numbered");
  expect(getBus(other)).toEqual(getBus(first.store));
  expect(rowsOf(other)).toBe(rowsOf(first.store));
}, 300_000);
