/** A node of a cluster whose database lost its last entries: the stream has them, or nobody goes on. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Operation } from "../../src/core/operations.ts";
import { Problem } from "../../src/core/problems.ts";
import { renderMessage } from "../../src/journal/message.ts";
import {
  openReplicatedWritePath,
  type ReplicatedWritePath,
} from "../../src/server/replicated-write-path.ts";
import { openNodeStore } from "../../src/store/head.ts";
import { headPath, openHeadFile } from "../../src/store/head-file.ts";
import { getBus } from "../../src/store/journal.ts";
import type { Store } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { anOperation, aUser } from "../harness/builders.ts";
import { eventually } from "../harness/eventually.ts";
import { createMemoryStream, type MemoryStream } from "../harness/memory-stream.ts";

const BEFORE = 3;
const AFTER = 7;
let folder = "";
let db = "";
let stream: MemoryStream;
let nodes: AsyncDisposableStack;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "unibus-rolled-back-"));
  db = join(folder, "unibus.db");
  stream = createMemoryStream();
  nodes = new AsyncDisposableStack();
  await using first = new AsyncDisposableStack();
  const { path, store } = await open(first, 10_000);
  for (let seq = 2; seq <= AFTER; seq++) {
    await path.commit(addUser());
    if (seq === BEFORE) store.database.query("VACUUM INTO $path").run({ path: `${db}.older` });
  }
});
afterEach(async () => {
  await nodes.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
});

function addUser(): Operation {
  return anOperation({ kind: "user.add", user: aUser(), name: null, role: "member" });
}

/** It asks the leader four times in `staleMaxMs`. */
async function open(
  stack: AsyncDisposableStack = nodes,
  staleMaxMs = 200,
): Promise<{ readonly store: Store; readonly path: ReplicatedWritePath }> {
  const store = stack.use(openNodeStore({ path: db, random: null, clustered: true }));
  verifyJournal(store);
  const path = stack.use(
    await openReplicatedWritePath({
      ...{ store, stream, staleMaxMs },
      mayFound: async () => true,
      takeCopy: async () => false,
      signal: AbortSignal.timeout(10_000),
    }),
  );
  return { store, path };
}

/** Puts the database back to what it was: as far as it goes, it is whole. */
function rollBack(): void {
  for (const file of [`${db}-wal`, `${db}-shm`]) rmSync(file, { force: true });
  copyFileSync(`${db}.older`, db);
}

test("takes what its database lost from the stream, and is not fresh before it has all", async () => {
  rollBack();
  // Its leader tells of all, and the last of it is a while on its way.
  stream.last = AFTER;
  const whole = stream.entries.splice(BEFORE + 1);
  const { store, path } = await open(nodes, 10_000);
  expect([store.head?.lostUpTo(), store.head?.seq()]).toEqual([AFTER, AFTER]);
  await eventually(() => path.applied() === BEFORE + 1);
  const refused = await path.commit(addUser()).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "journal-unavailable" });
  expect([path.fresh(), stream.entries.length]).toEqual([false, BEFORE + 1]);
  stream.entries.push(...whole);
  stream.last = null;
  stream.tell();
  await eventually(() => path.applied() === AFTER && path.fresh());
  expect([store.head?.lostUpTo(), getBus(store).lastSeq]).toEqual([null, AFTER]);
  expect((await path.commit(addUser())).seq).toBe(AFTER + 1);
  using file = openHeadFile(headPath(db));
  expect(file.last()).toMatchObject({ seq: AFTER + 1, chain: getBus(store).chain.toHex() });
});

test("stops, and is never fresh, where the stream ends before what was applied here", async () => {
  rollBack();
  stream.entries.splice(AFTER - 1);
  const { store, path } = await open();
  const problem = await path.fault;
  expect([problem.code, problem.detail]).toEqual([
    "journal-damaged",
    expect.stringContaining(`ends at entry ${AFTER - 1}, and this node has applied entry ${AFTER}`),
  ]);
  expect([path.fresh(), store.head?.lostUpTo()]).toEqual([false, AFTER]);
});

test("stops before the entry that is another one than was applied here, and keeps none of it", async () => {
  rollBack();
  const operation = addUser();
  stream.entries[AFTER - 1] = renderMessage({ mark: "another", operation });
  stream.entries.push(renderMessage({ mark: "one more", operation: addUser() }));
  const { store, path } = await open();
  const problem = await path.fault;
  expect([problem.code, problem.detail]).toEqual([
    "journal-damaged",
    expect.stringContaining(`entry ${AFTER} of the cluster is not the one that was here`),
  ]);
  expect([getBus(store).lastSeq, path.fresh()]).toEqual([AFTER - 1, false]);
  using file = openHeadFile(headPath(db));
  expect(file.last()?.seq).toBe(AFTER);
});

test("is refused where nothing of its bus is left, for it could begin another", async () => {
  for (const file of [db, `${db}-wal`, `${db}-shm`]) rmSync(file, { force: true });
  const problem = await open().catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(Problem);
  expect(problem).toMatchObject({ code: "journal-rolled-back" });
});
