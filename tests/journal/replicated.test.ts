// Tries src/journal/replicated.ts on a stream that does what it is told.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Committed, Operation } from "../../src/core/operations.ts";
import { Problem } from "../../src/core/problems.ts";
import { renderMessage } from "../../src/journal/message.ts";
import { openReplicatedJournal, type ReplicatedJournal } from "../../src/journal/replicated.ts";
import { applyTogether } from "../../src/store/apply.ts";
import { findBus, getBus } from "../../src/store/journal.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { anOperation, aUser, codeOfOutcome, rowsOf } from "../harness/builders.ts";
import { eventually } from "../harness/eventually.ts";
import { createMemoryStream, type MemoryStream } from "../harness/memory-stream.ts";

const add = (): Operation =>
  anOperation({ kind: "user.add", user: aUser(), name: null, role: "member" });
const FOUND = anOperation({
  ...{ kind: "bus.found", busId: "0b".repeat(16), generation: "0e".repeat(16) },
});

let folder = "";
let store: Store;
let stream: MemoryStream;
let journal: ReplicatedJournal;
let heard: number[] = [];
let marks = 0;

function open(): ReplicatedJournal {
  return openReplicatedJournal({
    stream,
    base: 0,
    apply: (entries) => applyTogether(store, entries),
    lastSeq: () => findBus(store)?.lastSeq ?? 0,
    knownSeq: () => store.head?.seq() ?? 0,
    onApplied: ({ seq }) => heard.push(seq),
    newMark: () => `mark ${++marks}`,
    now: () => performance.now(),
    staleMaxMs: 10_000,
    commitTimeoutMs: 500,
    askMs: 5,
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "unibus-replicated-"));
  store = openStore({ path: join(folder, "unibus.db"), random: null });
  stream = createMemoryStream();
  heard = [];
  stream.entries.push(renderMessage({ mark: "first", operation: FOUND }));
  journal = open();
  await eventually(() => journal.applied() === 1);
});
afterEach(async () => {
  await journal[Symbol.asyncDispose]();
  store[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(
    () => new Error("It was committed"),
    (reason: unknown) => reason,
  );
  if (error instanceof Problem) return error;
  throw error;
}

describe("a publish", () => {
  test("whose answer is lost is committed when its entry comes back", async () => {
    stream.answers.push("unknown");
    const operation = add();
    expect(await journal.commit(operation)).toMatchObject({ seq: 2, repeated: false });
    expect(stream.entries).toHaveLength(2);
  });

  test("that is lost on its way is sent again, and committed once", async () => {
    stream.answers.push("lost", "lost");
    expect(await journal.commit(add())).toMatchObject({ seq: 2, repeated: false });
    expect(stream.entries).toHaveLength(2);
  });

  test("that may be in the stream is not called surely absent because it is not taken again", async () => {
    stream.silent = true;
    const later = Array.from({ length: 99 }, () => "not-taken" as const);
    stream.answers.push("unknown", ...later);
    const problem = await problemOf(journal.commit(add()));
    expect(problem.code).toBe("outcome-unknown");
    expect(stream.entries).toHaveLength(2);
  });

  test("that nobody took is sent again, until somebody does", async () => {
    stream.answers.push("not-taken", "not-taken");
    expect((await journal.commit(add())).seq).toBe(2);
    expect(stream.entries).toHaveLength(2);
  });

  test("that nobody takes in time is surely not recorded", async () => {
    stream.answers.push(...Array.from({ length: 99 }, () => "not-taken" as const));
    const problem = await problemOf(journal.commit(add()));
    expect(problem).toMatchObject({
      code: "journal-unavailable",
      detail: expect.stringContaining("has no leader"),
    });
    expect(stream.entries).toHaveLength(1);
  });

  test.each(["taken", "unknown"] as const)(
    "that is %s and does not come back has no known outcome, and a repeat finds it",
    async (kind) => {
      stream.silent = true;
      stream.answers.push(kind);
      const operation = add();
      const problem = await problemOf(journal.commit(operation));
      expect(problem).toMatchObject({
        code: "outcome-unknown",
        detail: expect.stringContaining("same Idempotency-Key"),
      });
      // However often it was sent, it is there once.
      expect(stream.entries).toHaveLength(2);
      stream.silent = false;
      stream.tell();
      expect(await journal.commit(operation)).toMatchObject({ seq: 2, repeated: true });
    },
  );

  test("that is too large for NATS is refused before it is sent", async () => {
    const evidence = { kind: "token", token: "界".repeat(400_000) } as const;
    const problem = await problemOf(journal.commit({ ...add(), evidence }));
    expect(problem.code).toBe("request-too-large");
    expect(stream.entries).toHaveLength(1);
  });
});

test("entries of others are applied and told of, repeats are no news", async () => {
  const operation = add();
  stream.entries.push(
    renderMessage({ mark: "another's", operation }),
    renderMessage({ mark: "another's too", operation }),
  );
  stream.tell();
  expect(journal.applied()).toBe(3);
  expect(heard).toEqual([1, 2]);
  expect(await journal.commit(operation)).toMatchObject({ seq: 2, repeated: true });
});

test("after a restart it goes on behind what is applied", async () => {
  await journal.commit(add());
  await journal[Symbol.asyncDispose]();
  stream.entries.push(renderMessage({ mark: "meanwhile", operation: add() }));
  const before = heard.length;
  journal = open();
  expect(journal.applied()).toBe(2);
  await eventually(() => journal.applied() === 3);
  expect(heard.slice(before)).toEqual([3]);
  expect(verifyJournal(store).entries).toBe(3);
});

const TOO_OLD = /level 9 and unibus .* knows levels up to/;

describe("an entry that cannot be applied stops the node, and what was applied stays", () => {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);
  const good = (): Uint8Array => renderMessage({ mark: "m", operation: add() });

  test.each([
    ["one that is gone", () => new Uint8Array(), /entry 2 is missing/],
    ["no JSON", () => bytes("{"), /entry 2 cannot be read/],
    ["bytes that are no text", () => Uint8Array.of(0xff), /entry 2 cannot be read/],
    [
      "a form that is not known",
      () => bytes(text(good()).replace(/"format":1(?=,"mark")/, '"format":2')),
      /format 2 is not known/,
    ],
    [
      "a change that is not known",
      () => bytes(text(good()).replace("user.add", "user.bad")),
      /is not known here/,
    ],
    [
      "a format that is not its change's",
      () => bytes(text(good()).replace(/"format":1(?=,"id")/, '"format":2')),
      /"format" is not that of its change/,
    ],
    [
      "rules of a newer unibus",
      () => bytes(text(good()).replace(/"format":1(?=,"id")/, '"format":9')),
      TOO_OLD,
    ],
    [
      "a value that is none",
      () => bytes(text(good()).replace('"member"', '"nember"')),
      /"role" is not one of/,
    ],
    ["not as it was written", () => bytes(`${text(good())} `), /not as it was written/],
    [
      "a second beginning",
      () => renderMessage({ mark: "m", operation: { ...FOUND, id: add().id } }),
      /does not follow/,
    ],
  ])("%s", async (_, damage, says) => {
    const before = rowsOf(store);
    stream.entries.push(damage(), good());
    stream.tell();
    const problem = await journal.fault;
    expect(problem.code).toBe(says === TOO_OLD ? "level-too-old" : "journal-damaged");
    expect(problem.detail).toMatch(says);
    expect(journal.stopped()).toBe(problem);
    expect(journal.fresh()).toBe(false);
    // What comes behind is not applied, and nothing is sent any more.
    stream.tell();
    expect(getBus(store).lastSeq).toBe(1);
    expect(rowsOf(store)).toBe(before);
    expect((await problemOf(journal.commit(add()))).code).toBe("journal-unavailable");
    expect(stream.entries).toHaveLength(3);
  });

  test("who waits for an answer then is told that there is none", async () => {
    stream.silent = true;
    const committing = problemOf(journal.commit(add()));
    await eventually(() => stream.entries.length === 2);
    journal.stop(new Problem("journal-damaged", "Cannot trust the journal: somebody said so"));
    expect((await committing).code).toBe("outcome-unknown");
  });
});

test("a full disk delays an entry and skips none", async () => {
  const { database } = store;
  const pages = database.query<{ page_count: number }, []>("PRAGMA page_count").get();
  database.run(`PRAGMA max_page_count = ${pages?.page_count ?? 1}`);
  let problem: Problem | null = null;
  while (!problem) {
    const [committed] = await Promise.allSettled([journal.commit(add())]);
    if (committed?.status === "rejected") problem = committed.reason;
  }
  // It is in the stream, and comes in when there is room.
  expect(problem.code).toBe("outcome-unknown");
  const sent = stream.entries.length;
  expect(await problemOf(journal.commit(add()))).toMatchObject({
    code: "journal-unavailable",
    detail: expect.stringContaining("the disk is full"),
  });
  expect(stream.entries).toHaveLength(sent);
  expect(journal.stopped()).toBeNull();
  database.run("PRAGMA max_page_count = 1000000");
  stream.tell();
  expect(journal.applied()).toBe(sent);
  expect((await journal.commit(add())).seq).toBe(sent + 1);
  expect(verifyJournal(store).entries).toBe(sent + 1);
});

describe("a leader that knows less than is applied here", () => {
  test("for a moment is waited for", async () => {
    await journal.commit(add());
    const { asked } = stream;
    stream.last = 1;
    await eventually(() => stream.asked > asked, { everyMs: 1 });
    stream.last = null;
    expect((await journal.commit(add())).seq).toBe(3);
    expect(journal.stopped()).toBeNull();
  });

  test("for longer has lost entries: the node stops and says what to do", async () => {
    await journal.commit(add());
    stream.last = 1;
    const { code, detail } = await journal.fault;
    expect(code).toBe("journal-damaged");
    expect(detail).toContain("ends at entry 1, and this node has applied entry 2");
    expect(detail).toContain("unibus node rebuild");
  });
});

describe("what a node knows", () => {
  test("is fresh once all is applied that the leader told of", async () => {
    await eventually(() => journal.fresh());
    expect(journal.stopped()).toBeNull();
  });

  test("is not fresh while there is no leader, or while an entry is missing here", async () => {
    await journal[Symbol.asyncDispose]();
    stream.last = "no leader";
    journal = open();
    const askedTwice = async (): Promise<void> => {
      const { asked } = stream;
      await eventually(() => stream.asked > asked + 1);
    };
    await askedTwice();
    expect(journal.fresh()).toBe(false);
    stream.last = 2;
    await askedTwice();
    expect(journal.fresh()).toBe(false);
    const operation = add();
    const committed: Promise<Committed> = journal.commit(operation);
    expect(codeOfOutcome((await committed).outcome)).toBe("applied");
    await eventually(() => journal.fresh());
  });
});
