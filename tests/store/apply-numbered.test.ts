// Tries src/store/apply.ts and src/store/apply-bus.ts as the journal of a cluster uses them.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Change, Committed, Operation } from "../../src/core/operations.ts";
import { isNode } from "../../src/core/rules/nodes.ts";
import { apply } from "../../src/store/apply.ts";
import { findBus, findEntry, getBus, isSignatureUsed } from "../../src/store/journal.ts";
import { listNodes } from "../../src/store/nodes.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import {
  anOperation,
  anOperationId,
  aUser,
  codeOfOutcome,
  NO_ROWS,
  rowsOf,
} from "../harness/builders.ts";
import { expectGolden } from "../harness/golden.ts";
import { nodeAnnounced } from "../harness/node-builders.ts";

const FOUND: Change = {
  kind: "bus.found",
  busId: "0b".repeat(16),
  generation: "0e".repeat(16),
};

/** A database of a cluster's node, and what gives entries the next number. */
interface Node extends Disposable {
  readonly store: Store;
  take(operation: Operation): Committed;
}

function openNode(...first: readonly Operation[]): Node {
  const folder = mkdtempSync(join(tmpdir(), "unibus-numbered-"));
  const store = openStore({ path: join(folder, "unibus.db"), random: null });
  const take = (operation: Operation): Committed =>
    apply(store, { seq: (findBus(store)?.lastSeq ?? 0) + 1, operation }, "numbered");
  for (const operation of first) take(operation);
  return {
    store,
    take,
    [Symbol.dispose]: () => {
      store[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const found = (): Operation => anOperation(FOUND, { id: anOperationId("found") });
const addUser = (label: string, more: Partial<Operation> = {}): Operation =>
  anOperation(
    { kind: "user.add", user: aUser(label), name: null, role: "member" },
    { id: anOperationId(label), ...more },
  );

function outcomes({ database }: Store): readonly string[] {
  const rows = database.query<{ outcome: string }, []>("SELECT outcome FROM journal ORDER BY seq");
  return rows.all().map(({ outcome }) => outcome);
}

describe("an operation again, in the journal of a cluster", () => {
  test("takes a number that names the first, answers its outcome and changes no row", () => {
    using node = openNode(found());
    const first = node.take(addUser("bob"));
    const before = rowsOf(node.store);
    expect(node.take(addUser("bob", { at: 7 }))).toEqual({ ...first, repeated: true });
    expect(first.seq).toBe(2);
    expect(getBus(node.store).lastSeq).toBe(3);
    expect(outcomes(node.store)[2]).toBe('{"of":2,"status":"repeated"}');
    expect(rowsOf(node.store)).toBe(before);
    expect(verifyJournal(node.store).entries).toBe(3);
  });

  test("takes a number as a conflict too, if it is another request", () => {
    using node = openNode(found(), addUser("bob"));
    const { outcome } = node.take(addUser("carol", { id: anOperationId("bob") }));
    expect(codeOfOutcome(outcome)).toBe("idempotency-conflict");
    expect(getBus(node.store).lastSeq).toBe(3);
    expect(verifyJournal(node.store).entries).toBe(3);
  });

  test("uses its signature up, so that nobody has it answered again on another node", () => {
    const [one, two] = ["a".repeat(64), "b".repeat(64)];
    using node = openNode(found(), addUser("bob", { signatureId: one }));
    expect(node.take(addUser("bob", { signatureId: two })).repeated).toBe(true);
    expect(isSignatureUsed(node.store, two)).toBe(true);
    for (const signatureId of [one, two]) {
      const { outcome } = node.take(addUser("bob", { signatureId }));
      expect(codeOfOutcome(outcome)).toBe("signature-repeated");
    }
    expect(verifyJournal(node.store).entries).toBe(5);
  });

  test("makes the same of it on every node, down to the chain", () => {
    const history = [
      found(),
      addUser("bob", { signatureId: "a".repeat(64) }),
      addUser("bob", { signatureId: "b".repeat(64), at: 1_700_000_000_001 }),
      addUser("carol", { id: anOperationId("bob") }),
      addUser("bob", { signatureId: "a".repeat(64) }),
      addUser("dave", { signatureId: "b".repeat(64) }),
      addUser("dave"),
    ];
    using one = openNode(...history);
    using other = openNode(...history);
    expect(getBus(one.store)).toEqual(getBus(other.store));
    const entries = one.store.database
      .query<object, []>(
        `SELECT entry, outcome, changes, operation_id, signature_id, lower(hex(chain)) AS chain
         FROM journal ORDER BY seq`,
      )
      .all();
    expectGolden("entry-chain-cluster.json", { entries });
  });

  test.each([
    ["an entry that is no repeat loses its operation's id", "operation_id = NULL WHERE seq = 2"],
    ["a repeat gets another's", "operation_id = 'x' WHERE seq = 3"],
  ])("%s: that is found", (_, damage) => {
    using node = openNode(found(), addUser("bob"), addUser("bob"));
    expect(verifyJournal(node.store).entries).toBe(3);
    node.store.database.run(`UPDATE journal SET ${damage}`);
    expect(() => verifyJournal(node.store)).toThrow("is not what its columns say");
  });
});

describe("the first entry", () => {
  test("names the bus of an empty database", () => {
    using node = openNode();
    expect(findBus(node.store)).toBeNull();
    expect(verifyJournal(node.store)).toEqual({ entries: 0, chain: "" });
    expect(node.take(found()).seq).toBe(1);
    expect(getBus(node.store)).toMatchObject({
      busId: "0b".repeat(16),
      generation: "0e".repeat(16),
      lastSeq: 1,
    });
    expect(findEntry(node.store, 1)?.operation.change).toEqual(FOUND);
    expect(rowsOf(node.store)).toBe(NO_ROWS);
    expect(verifyJournal(node.store).entries).toBe(1);
  });

  test("is not another bus's, and comes once", () => {
    using node = openNode(found());
    const before = getBus(node.store);
    for (const more of [{}, { busId: "0c".repeat(16) }]) {
      expect(() => node.take(anOperation({ ...FOUND, ...more }))).toThrow("does not follow");
    }
    expect(getBus(node.store)).toEqual(before);
  });

  test("is not something else: nothing applies before the bus has a name", () => {
    using node = openNode();
    expect(() => node.take(addUser("bob"))).toThrow("which bus this is");
    expect(findBus(node.store)).toBeNull();
  });

  test("continues a bus that has entries, where the chain is the same", () => {
    using node = openNode(found(), addUser("bob"));
    const { busId, generation, lastSeq, chain } = getBus(node.store);
    const continued = { busId, generation, lastSeq, chain: chain.toHex() };
    const kind = "bus.continued";
    for (const wrong of [{ lastSeq: 1 }, { chain: "0".repeat(64) }, { generation: busId }]) {
      const change = { kind, ...continued, ...wrong } as const;
      expect(() => node.take(anOperation(change))).toThrow("does not follow entry 2");
    }
    expect(node.take(anOperation({ kind, ...continued })).seq).toBe(3);
    expect(verifyJournal(node.store).entries).toBe(3);
  });

  test("that continues a bus forgets its nodes, but for those whose names are used up", () => {
    const told = ["n1", "n2", "n3"].map((node) => anOperation(nodeAnnounced(node)));
    const removed = anOperation({ kind: "node.removed", node: "n3" });
    using node = openNode(found(), ...told, removed);
    const { busId, generation, lastSeq, chain } = getBus(node.store);
    const kind = "bus.continued";
    node.take(anOperation({ kind, busId, generation, lastSeq, chain: chain.toHex() }));
    expect(listNodes(node.store).map((one) => one.node)).toEqual(["n3"]);
    node.take(anOperation(nodeAnnounced("n1")));
    const { outcome } = node.take(anOperation(nodeAnnounced("n3")));
    expect(outcome).toMatchObject({ refusal: { code: "node-removed" } });
    expect(listNodes(node.store).filter(isNode)).toMatchObject([{ node: "n1" }]);
    expect(verifyJournal(node.store).entries).toBe(8);
  });
});

test("a database that waited for a cluster is a bus of its own once it is opened alone", () => {
  const folder = mkdtempSync(join(tmpdir(), "unibus-numbered-"));
  const path = join(folder, "unibus.db");
  openStore({ path, random: null })[Symbol.dispose]();
  {
    using alone = openStore({ path, random: (sizeBytes) => new Uint8Array(sizeBytes).fill(7) });
    expect(getBus(alone).busId).toBe("07".repeat(16));
  }
  // A bus that is there stays what it is.
  using again = openStore({ path, random: null });
  expect(getBus(again).busId).toBe("07".repeat(16));
  rmSync(folder, { recursive: true, force: true });
});
