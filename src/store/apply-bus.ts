import type { Database } from "bun:sqlite";
import assert from "node:assert/strict";
import type { Entry } from "../core/entry.ts";
import type { UserId } from "../core/ids.ts";
import { LEVEL_FIRST, LEVEL_NEWEST, levelTooOld } from "../core/level.ts";
import type { Beginning, ChangeOf } from "../core/operations.ts";
import type { UserRecord } from "../core/records.ts";
import { refuseRaise } from "../core/rules/levels.ts";
import { userWrite } from "./apply-users.ts";
import { firstChain } from "./chain.ts";
import { applied, type Circumstances, type Decision, refused } from "./decision.ts";
import { findBus, getBus } from "./journal.ts";
import { listNodes } from "./nodes.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";
import { findUser } from "./users.ts";

/** Makes the one row that says which bus this is, and at which level it begins, before its first entry. */
export function createBus(
  database: Database,
  bus: { readonly busId: string; readonly generation: string; readonly level: number },
): void {
  const { busId, generation, level } = bus;
  database
    .query(
      `INSERT INTO bus (one, bus_id, generation, format, first_level, last_seq, chain, latest_at)
       VALUES (1, $busId, $generation, $level, $level, 0, $chain, 0)`,
    )
    .run({ busId, generation, level, chain: firstChain(bus) });
}

/** An empty database takes the bus that the first entry names. */
export function takeBus(store: Store, beginning: Beginning): void {
  if (beginning.kind !== "bus.found" || findBus(store)) return;
  createBus(store.database, { ...beginning, level: beginning.level ?? LEVEL_FIRST });
}

/**
 * The entry that a cluster's journal begins with is there to be chained. Where a bus goes on, the nodes
 * that it had are none until they tell of themselves again: some may be gone for good. Throws when it
 * does not follow what is here, because nothing after it would.
 */
export function decideBeginning(store: Store, beginning: Beginning): Decision {
  const bus = getBus(store);
  const follows =
    beginning.busId === bus.busId &&
    beginning.generation === bus.generation &&
    (beginning.kind === "bus.found"
      ? bus.lastSeq === 0
      : beginning.lastSeq === bus.lastSeq && beginning.chain === bus.chain.toHex());
  if (follows) {
    const before = listNodes(store).filter(({ removedAt }) => removedAt === null);
    return applied(before.map(({ node }): RowWrite => ({ table: "nodes", key: node, row: null })));
  }
  throw new Error(
    `Cannot begin the journal of a cluster here: it does not follow entry ${bus.lastSeq}`,
  );
}

/** Raises the level of the bus by one. Throws "level-too-old" where this unibus does not know the next. */
export function decideRaise(
  store: Store,
  { level: next }: ChangeOf<"bus.raise">,
  { actor, level }: Circumstances,
): Decision {
  const refusal = refuseRaise({ actor, level, next, nodes: listNodes(store) });
  if (refusal) return refused(refusal);
  if (next > LEVEL_NEWEST) throw levelTooOld("the bus", next);
  return applied(next === 2 ? successorWrites(store) : []);
}

/** Level 2 has a column for the key that took a user's place: filled by what was replaced before. */
function successorWrites(store: Store): readonly RowWrite[] {
  const users = new Map<UserId, UserRecord>();
  const get = (user: UserId): UserRecord => {
    const record = users.get(user) ?? findUser(store, user);
    assert(record);
    return record;
  };
  for (const { user, by } of listReplacements(store)) {
    const [old, next] = [get(user), get(by)];
    users.set(user, { ...old, successor: by });
    users.set(by, { ...next, keyNumber: old.keyNumber + 1 });
  }
  return [...users.values()].map((record) => userWrite(record, 2));
}

/** The applied replacements of keys, in order. Text that a user chose cannot look like one: its quotes are escaped. */
function listReplacements({ database }: Store): readonly ChangeOf<"user.replace-key">[] {
  return database
    .query<{ entry: string }, []>(
      `SELECT entry FROM journal
       WHERE instr(entry, '"kind":"user.replace-key"') > 0
         AND instr(outcome, '"status":"applied"') > 0
       ORDER BY seq`,
    )
    .all()
    .flatMap(({ entry }) => {
      // Rendered by apply.
      const { change } = (JSON.parse(entry) as Entry).operation;
      return change.kind === "user.replace-key" ? [change] : [];
    });
}
