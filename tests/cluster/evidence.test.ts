// Tries tests/harness/cluster-evidence.ts: whoever judges what a cluster kept must see each fault in it.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Change, Operation } from "../../src/core/operations.ts";
import { apply } from "../../src/store/apply.ts";
import { findBus } from "../../src/store/journal.ts";
import { openStore } from "../../src/store/open.ts";
import { anOperation, aUser } from "../harness/builders.ts";
import type { Cluster } from "../harness/cluster.ts";
import { type Evidence, judgeEvidence, keepEvidence } from "../harness/cluster-evidence.ts";
import type { SentRequest } from "../harness/cluster-load.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const SEED = 5;
const NAMES = ["n1", "n2", "n3"] as const;
const USERS = 12;
/** Behind the entry that founds the bus. */
const seqOf = (number: number): number => number + 2;
const LAST = seqOf(USERS - 1);

const found: Change = { kind: "bus.found", busId: "b".repeat(32), generation: "a".repeat(32) };
const users = Array.from({ length: USERS }, (_, number) => aUser(`user ${number}`));
const add = (number: number, key = `key ${number}`): Operation => {
  const user = users[number] ?? aUser();
  const change: Change = { kind: "user.add", user, name: null, role: "member" };
  return anOperation(change, { idempotencyKey: key });
};
const operations: readonly Operation[] = [anOperation(found), ...users.map((_, at) => add(at))];

/** What whoever asked saw of one of them. */
function sent(number: number, more: Partial<SentRequest> = {}): SentRequest {
  return {
    ...{ key: `key ${number}`, node: "n1", method: "POST", path: "/v1/users" },
    ...{ body: { user: users[number] }, status: 201, code: "", seq: seqOf(number) },
    ...{ sentAt: number, answeredAt: number + 1, ...more },
  };
}
const HISTORY = users.map((_, number) => sent(number));

let folder: Disposable & { readonly path: string };
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());
const folderOf = (name: string): string => join(folder.path, name);

/** Has the database of a node apply operations, each under the next number. */
function write(name: string, all: readonly Operation[]): void {
  mkdirSync(folderOf(name), { recursive: true });
  using store = openStore({ path: join(folderOf(name), "unibus.db"), random: null });
  for (const operation of all) {
    apply(store, { seq: (findBus(store)?.lastSeq ?? 0) + 1, operation }, "numbered");
  }
}

function spoil(name: string, sql: string): void {
  using database = new Database(join(folderOf(name), "unibus.db"));
  expect(database.run(sql).changes).toBeGreaterThan(0);
}

function keep(history: readonly SentRequest[] = HISTORY): Evidence {
  // All that is asked of a cluster here.
  const nodes = NAMES.map((name) => ({ name, dataDir: folderOf(name) })) as unknown;
  return keepEvidence({ nodes } as Cluster, { seed: SEED, history });
}

function faultsOf(history: readonly SentRequest[] = HISTORY): readonly string[] {
  const evidence = keep(history);
  const { faults } = judgeEvidence(evidence);
  rmSync(evidence.folder, { recursive: true });
  return faults;
}

const OTHER_STATE = "n2: another state than that of the first node";

describe("whoever judges three nodes that kept all they acknowledged", () => {
  beforeEach(() => {
    for (const name of NAMES) write(name, operations);
  });

  test("finds nothing, and knows how many entries there are", () => {
    const evidence = keep();
    expect(judgeEvidence(evidence)).toEqual({ faults: [], entries: LAST });
    rmSync(evidence.folder, { recursive: true });
  });

  test.each([0, 5, USERS - 1])("sees that acknowledged entry %d was deleted by hand", (number) => {
    spoil("n2", `DELETE FROM journal WHERE seq = ${seqOf(number)}`);
    const faults = faultsOf();
    expect(faults).toContain(`n2: key ${number} POST /v1/users at n1: acknowledged, and not there`);
    expect(faults).toContain(OTHER_STATE);
    expect(faults.filter((fault) => /^n[13]: /.test(fault))).toEqual([]);
  });

  test.each([
    ["its entry", `entry = replace(entry, '"member"', '"admin"')`],
    ["its outcome", "outcome = replace(outcome, 'applied', 'Applied')"],
    ["its changes", "changes = '[]'"],
    ["its chain", "chain = zeroblob(32)"],
  ])("sees that of one entry %s was changed by hand", (_, change) => {
    spoil("n2", `UPDATE journal SET ${change} WHERE seq = ${seqOf(3)}`);
    const faults = faultsOf().filter((fault) => !fault.includes("acknowledged"));
    expect(faults).toContain(OTHER_STATE);
    expect(faults.filter((fault) => fault.startsWith("n2: Cannot"))).toHaveLength(1);
  });

  test("sees that one row is not what the entries made", () => {
    spoil("n2", `UPDATE users SET role = 'admin' WHERE user = '${users[3]}'`);
    const faults = faultsOf();
    expect(faults).toContain(OTHER_STATE);
    expect(faults.filter((fault) => fault.startsWith("n2: Cannot"))).toHaveLength(1);
  });

  test("sees the same change made by hand on every node", () => {
    for (const name of NAMES) spoil(name, `DELETE FROM users WHERE user = '${users[3]}'`);
    expect(faultsOf().map((fault) => fault.slice(0, 10))).toEqual(
      NAMES.map((name) => `${name}: Cannot`),
    );
  });

  test("sees that a node's database was not kept", () => {
    const evidence = keep();
    rmSync(join(evidence.folder, "n2.db"));
    expect(judgeEvidence(evidence).faults).toEqual(["n2: its database is not there"]);
    for (const name of ["n1", "n3"]) rmSync(join(evidence.folder, `${name}.db`));
    expect(judgeEvidence(evidence).faults).toHaveLength(3);
    rmSync(evidence.folder, { recursive: true });
  });

  test.each([
    ["acknowledged under another number", { seq: 3 }, "acknowledged as 3, and there as 7"],
    [
      "surely not taken",
      { status: 503, code: "journal-unavailable", seq: null },
      "surely not recorded, and there as 7",
    ],
    [
      "not ready to take it",
      { status: 503, code: "not-ready", seq: null },
      "surely not recorded, and there as 7",
    ],
    ["refused", { status: 409, code: "user-exists", seq: null }, "refused as user-exists, and"],
    ["answered as by a fault", { status: 500, code: "internal", seq: null }, "answered 500"],
  ])("sees a lie: %s, and it is there", (_, more, words) => {
    const faults = faultsOf(HISTORY.map((one, at) => (at === 5 ? sent(5, more) : one)));
    expect(faults).toHaveLength(3);
    expect(faults.join()).toContain(words);
  });

  test("takes what nobody knew for what it may be: there, or not", () => {
    const unknown = { status: 503, code: "outcome-unknown", seq: null };
    const history = [
      ...HISTORY.map((one, at) => (at === 5 ? sent(5, unknown) : one)),
      ...[sent(99, unknown), sent(98, { status: null, seq: null })],
    ];
    expect(faultsOf(history)).toEqual([]);
    // Asked again with the same key, it was taken.
    expect(faultsOf([...HISTORY, sent(5, { ...unknown, node: "n2" })])).toEqual([]);
  });
});

describe("whoever judges nodes that lost their last entries, and are whole but for them,", () => {
  test("sees it at one of them", () => {
    for (const name of ["n1", "n3"]) write(name, operations);
    write("n2", operations.slice(0, -3));
    const lost = [USERS - 3, USERS - 2, USERS - 1];
    expect(faultsOf()).toEqual([
      ...lost.map((at) => `n2: key ${at} POST /v1/users at n1: acknowledged, and not there`),
      OTHER_STATE,
    ]);
  });

  test("sees it at one of them though nobody was told that they were taken", () => {
    for (const name of ["n1", "n3"]) write(name, operations);
    write("n2", operations.slice(0, -3));
    expect(faultsOf(HISTORY.slice(0, -3))).toEqual([OTHER_STATE]);
  });

  test("sees it where all of them lost the same", () => {
    for (const name of NAMES) write(name, operations.slice(0, -1));
    const words = `key ${USERS - 1} POST /v1/users at n1: acknowledged, and not there`;
    expect(faultsOf()).toEqual(NAMES.map((name) => `${name}: ${words}`));
  });

  test("sees nodes that hold the same entries in another order", () => {
    for (const name of ["n1", "n3"]) write(name, operations);
    const [first, second, third, ...more] = operations;
    write(
      "n2",
      [first, third, second, ...more].filter((one) => one !== undefined),
    );
    const faults = faultsOf();
    expect(faults).toContain(OTHER_STATE);
    expect(faults).toContain("n2: key 0 POST /v1/users at n1: acknowledged as 2, and there as 3");
  });
});

test("whoever judges sees an operation that was recorded twice, and one that was acknowledged and refused", () => {
  const again = anOperation(
    { kind: "user.revoke", user: aUser("user 3") },
    { idempotencyKey: "key 3" },
  );
  const taken = add(4, "another key");
  for (const name of NAMES) write(name, [...operations, again, taken]);
  const history = [...HISTORY, sent(4, { key: "another key", seq: LAST + 2 })];
  const faults = faultsOf(history);
  expect(faults).toContain("n1: key 3: recorded 2 times");
  expect(faults).toContain("n1: another key POST /v1/users at n1: acknowledged, and refused there");
});
