// Tries src/journal/replicated.ts, src/journal/beginning.ts and src/nats/control-stream.ts.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { openControlStream } from "../../src/nats/control-stream.ts";
import { JOURNAL_STREAM } from "../../src/nats/follow-stream.ts";
import { findRecorded, getBus } from "../../src/store/journal.ts";
import { listUsers } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { anOperation, aUser, codeOfOutcome } from "../harness/builders.ts";
import { eventually } from "../harness/eventually.ts";
import { type JournalNode, openJournalNodes, untilAlike } from "../harness/journal-cluster.ts";
import { type NatsCluster, startNatsCluster } from "../harness/nats-cluster.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const add = () => ({ kind: "user.add", user: aUser(), name: null, role: "member" }) as const;

describe("three nodes on one stream", () => {
  const stack = new AsyncDisposableStack();
  let cluster: NatsCluster;
  let nodes: readonly JournalNode[] = [];

  beforeAll(async () => {
    cluster = stack.use(await startNatsCluster());
    const folder = stack.use(temporaryFolder()).path;
    nodes = await openJournalNodes(cluster.servers, { folder });
    for (const node of nodes) stack.use(node);
  }, 60_000);
  afterAll(() => stack.disposeAsync());

  test("that all begin empty found one bus", async () => {
    expect(await untilAlike(nodes)).toBe(1);
    expect(new Set(nodes.map(({ store }) => getBus(store).busId)).size).toBe(1);
  });

  test("take operations anywhere, and each reads what it wrote", async () => {
    const before = getBus(nodes[0]?.store ?? never()).lastSeq;
    const answers = await Promise.all(
      nodes.flatMap((node) =>
        Array.from({ length: 40 }, async () => {
          const operation = anOperation(add());
          const committed = await node.writePath.commit(operation);
          expect(codeOfOutcome(committed.outcome)).toBe("applied");
          expect(findRecorded(node.store, operation.id)?.seq).toBe(committed.seq);
          return committed.seq;
        }),
      ),
    );
    expect(answers.toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: 120 }, (_, at) => before + 1 + at),
    );
    expect(await untilAlike(nodes)).toBe(before + 120);
    for (const { store } of nodes) expect(verifyJournal(store).entries).toBe(before + 120);
    expect(listUsers(nodes[2]?.store ?? never(), { limit: 1_000 })).toHaveLength(120);
  });

  test("do one thing once, however many nodes are asked at once", async () => {
    const operation = anOperation(add());
    const heard: number[] = [];
    for (const { writePath } of nodes) {
      writePath.onApplied(({ seq }, { id }) => id === operation.id && heard.push(seq));
    }
    const all = await Promise.all(
      nodes.flatMap(({ writePath }) => [writePath.commit(operation), writePath.commit(operation)]),
    );
    expect(all.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect(new Set(all.map(({ seq }) => seq)).size).toBe(1);
    await untilAlike(nodes);
    // Told on each node, once.
    expect(heard).toEqual(Array.from({ length: 3 }, () => all[0]?.seq ?? 0));
  });
});

test("a third node raises the replicas of two, and one more opening lowers nothing", async () => {
  await using cluster = await startNatsCluster();
  const connection = await cluster.servers[0]?.connect();
  if (!connection) throw new Error("There are three servers");
  await using stack = new AsyncDisposableStack();
  stack.defer(() => connection.close());
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const signal = AbortSignal.timeout(20_000);
  const open = (replicas: number) =>
    openControlStream({ connection, replicas, create: true, signal });
  const replicas = async () => (await manager.streams.info(JOURNAL_STREAM)).config.num_replicas;
  const two = await open(2);
  expect(await replicas()).toBe(2);
  const once = { timeoutMs: 5_000, once: "one" };
  const { kind } = await two.publish(new TextEncoder().encode("one"), once);
  expect(kind).toBe("taken");
  const three = await open(3);
  await open(2);
  expect(await replicas()).toBe(3);
  expect(await eventually(() => three.lastSequence(), { timeoutMs: 15_000 })).toBe(1);
  // Sent again it is what is there already, whoever leads by now.
  await connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${JOURNAL_STREAM}`);
  const again = await eventually(
    async () => {
      const published = await three.publish(new TextEncoder().encode("one"), once);
      return published.kind === "taken" ? published : null;
    },
    { timeoutMs: 15_000 },
  );
  expect(again.sequence).toBe(1);
  const at = { timeoutMs: 5_000, once: "two", expectLastSequence: 0 };
  expect(await three.publish(new Uint8Array(1), at)).toMatchObject({ kind: "not-taken" });
  expect(await three.read(1)).toEqual(new TextEncoder().encode("one"));
  expect(await three.read(2)).toBeNull();
}, 60_000);

function never(): never {
  throw new Error("There are three nodes");
}
