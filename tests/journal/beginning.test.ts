// Tries src/journal/beginning.ts: which bus a stream is of, and whether what is here is part of it.
import { describe, expect, test } from "bun:test";
import { JOURNAL_REPLAY_ENTRIES_MAX } from "../../src/core/limits.ts";
import type { Change, Operation } from "../../src/core/operations.ts";
import { Problem } from "../../src/core/problems.ts";
import { type Begun, beginJournal, type Here, type Position } from "../../src/journal/beginning.ts";
import { renderMessage } from "../../src/journal/message.ts";
import { anOperation, aUser } from "../harness/builders.ts";
import { createMemoryStream, type MemoryStream } from "../harness/memory-stream.ts";

const BUS = { busId: "0b".repeat(16), generation: "0e".repeat(16) };
const CHAIN = "c".repeat(64);
const found = anOperation({ kind: "bus.found", ...BUS });
const continued = anOperation({ kind: "bus.continued", ...BUS, lastSeq: 5, chain: CHAIN });
const add = (): Operation =>
  anOperation({ kind: "user.add", user: aUser(), name: null, role: "member" });

const EMPTY: Here = { position: () => null, findOperation: () => null, begun: () => false };

/** A database whose journal ends with these operations, the last of which has the number `lastSeq`. */
function having(
  lastSeq: number,
  operations: readonly Operation[] = [],
  more: Partial<Position> = {},
): Here {
  const first = lastSeq - operations.length + 1;
  return {
    position: () => ({ ...BUS, lastSeq, chain: CHAIN, ...more }),
    findOperation: (seq) => operations[seq - first] ?? null,
    begun: () => operations.some(({ change }) => change.kind.startsWith("bus.")),
  };
}

function streamOf(...operations: readonly Operation[]): MemoryStream {
  const stream = createMemoryStream();
  for (const operation of operations) {
    stream.entries.push(renderMessage({ mark: "m", operation }));
  }
  return stream;
}

function begin(
  stream: MemoryStream,
  here: Here,
  more: { mayFound?: boolean; mayGoOn?: () => Promise<boolean> } = {},
): Promise<Begun> {
  return beginJournal({
    ...{ stream, here, found: () => found, newMark: () => "mark" },
    goOn: (position) => anOperation({ kind: "bus.continued", ...position }),
    mayFound: async () => more.mayFound ?? true,
    mayGoOn: more.mayGoOn ?? (async () => true),
    signal: AbortSignal.timeout(1_500),
  });
}

function changeAt(stream: MemoryStream, at: number): Change {
  return JSON.parse(new TextDecoder().decode(stream.entries[at])).operation.change;
}

describe("an empty stream", () => {
  test("gets the bus that an empty database founds", async () => {
    const stream = streamOf();
    expect(await begin(stream, EMPTY)).toEqual({ kind: "begun", base: 0 });
    expect(changeAt(stream, 0)).toEqual(found.change);
  });

  test("gets one bus, however many found one at once", async () => {
    const stream = streamOf();
    await Promise.all([begin(stream, EMPTY), begin(stream, EMPTY), begin(stream, EMPTY)]);
    expect(stream.entries).toHaveLength(1);
  });

  test("is not taken by an empty database while a peer has a bus", async () => {
    const stream = streamOf();
    await expect(begin(stream, EMPTY, { mayFound: false })).rejects.toMatchObject({
      code: "not-ready",
    });
    expect(stream.entries).toHaveLength(0);
  });

  test("is gone on in by a bus that stood alone so far", async () => {
    const stream = streamOf();
    expect(await begin(stream, having(5, [add()]))).toEqual({ kind: "begun", base: 5 });
    expect(changeAt(stream, 0)).toEqual(continued.change);
  });

  test("is left alone while the peers are asked whether this bus may go on, and where it may not", async () => {
    const stream = streamOf();
    const wait = begin(stream, having(5, [add()]), { mayGoOn: async () => false });
    await expect(wait).rejects.toMatchObject({ code: "not-ready" });
    const refused = new Problem("cluster-refused", "Cannot go on as a cluster: a peer has a bus");
    const never = begin(stream, having(5, [add()]), { mayGoOn: () => Promise.reject(refused) });
    await expect(never).rejects.toBe(refused);
    expect(stream.entries).toHaveLength(0);
  });

  test("has lost what a database of a cluster holds: nothing is written to it", async () => {
    const stream = streamOf();
    await expect(begin(stream, having(2, [found, add()]))).rejects.toMatchObject({
      code: "journal-damaged",
      detail: expect.stringContaining("has applied entry 2"),
    });
    expect(stream.entries).toHaveLength(0);
  });

  test("without a leader is waited for, as long as one may", async () => {
    const stream = streamOf();
    stream.last = "no leader";
    await expect(begin(stream, EMPTY)).rejects.toMatchObject({ code: "not-ready" });
  });
});

describe("a stream with entries", () => {
  const [one, two] = [add(), add()];

  test("gives an empty database its bus", async () => {
    expect(await begin(streamOf(found, one), EMPTY)).toEqual({ kind: "begun", base: 0 });
  });

  test("of a bus that had entries before asks an empty database for a copy", async () => {
    expect(await begin(streamOf(continued, one), EMPTY)).toEqual({
      kind: "copy-wanted",
      beginning: continued.change,
      needed: true,
    } as Begun);
  });

  test("of a bus that stood alone without an entry asks for a copy too: it is the bus itself", async () => {
    const first = anOperation({ kind: "bus.continued", ...BUS, lastSeq: 0, chain: CHAIN });
    expect(await begin(streamOf(first), EMPTY)).toMatchObject({
      kind: "copy-wanted",
      needed: true,
    });
  });

  test("that is long advises an empty database to take a copy", async () => {
    const stream = streamOf(found);
    stream.last = JOURNAL_REPLAY_ENTRIES_MAX + 1;
    expect(await begin(stream, EMPTY)).toMatchObject({ kind: "copy-wanted", needed: false });
  });

  test.each([
    ["as far as it goes", streamOf(found, one, two), having(3, [found, one, two]), 0],
    ["as far as it went a while ago", streamOf(found, one, two), having(2, [found, one]), 0],
    ["up to where the cluster began", streamOf(continued, one), having(5, [add()]), 5],
    ["from before the cluster on", streamOf(continued, one, two), having(7, [continued, one]), 5],
  ])("goes on where a database has it %s", async (_, stream, here, base) => {
    expect(await begin(stream, here)).toEqual({ kind: "begun", base });
  });

  test.each([
    ["another bus", having(1, [found], { busId: "0c".repeat(16) }), /is bus 0b.* of bus 0c/],
    ["another generation", having(1, [found], { generation: "0c".repeat(16) }), /in generation 0c/],
    ["another first entry", having(1, [{ ...found, id: one.id }]), /entry 1 here/],
    ["another last entry", having(3, [found, one, add()]), /entry 3 of the cluster is not/],
  ])("is refused by a database of %s", async (_, here, says) => {
    const problem = await begin(streamOf(found, one, two), here).then(
      () => null,
      (error: Problem) => error,
    );
    expect(problem?.code).toBe("cluster-refused");
    expect(problem?.detail).toMatch(says);
  });

  test("is refused by a database that ends before it, or with another chain", async () => {
    await expect(begin(streamOf(continued), having(4))).rejects.toMatchObject({
      detail: expect.stringContaining("goes on from entry 5, and the one here ends at 4"),
    });
    const other = having(5, [add()], { chain: "d".repeat(64) });
    await expect(begin(streamOf(continued), other)).rejects.toMatchObject({
      detail: expect.stringContaining("entry 5 of the cluster is not entry 5 here"),
    });
  });

  test("that ends before what is applied has lost its tail", async () => {
    await expect(
      begin(streamOf(continued, one), having(8, [continued, one, two])),
    ).rejects.toMatchObject({
      code: "journal-damaged",
      detail: expect.stringContaining("ends at entry 7, and this node has applied entry 8"),
    });
  });

  test("whose last entry here is gone there is damaged", async () => {
    const stream = streamOf(found, one, two);
    stream.read = async (sequence) => (sequence === 1 ? (stream.entries[0] ?? null) : null);
    await expect(begin(stream, having(2, [found, one]))).rejects.toMatchObject({
      code: "journal-damaged",
      detail: expect.stringContaining("entry 2 is missing"),
    });
  });

  test.each([
    ["cannot be read", [], /cannot be read/],
    ["names no bus", [one], /does not say which bus/],
  ])("whose first entry %s is damaged", async (_, operations, says) => {
    const stream = streamOf(...operations);
    if (operations.length === 0) stream.entries.push(new TextEncoder().encode("?"));
    await expect(begin(stream, EMPTY)).rejects.toThrow(says);
  });
});
