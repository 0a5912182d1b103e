import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { PENDING_PER_USER_MAX, ROOMS_PER_USER_MAX } from "../../src/core/limits.ts";
import type { Actor, Change, Committed, Operation } from "../../src/core/operations.ts";
import { apply } from "../../src/store/apply.ts";
import { getBus } from "../../src/store/journal.ts";
import { countRoomsOf, findMember, listMemberships, listRoomsOf } from "../../src/store/members.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { findUser } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import {
  anOperation,
  anonymous,
  aRoom,
  asUser,
  aUser,
  openTestBus,
  operator,
  roomCreate,
  rowsOf,
} from "../harness/builders.ts";
import { count, recordProof } from "../harness/counts.ts";

const USERS = Array.from({ length: 6 }, (_, at) => aUser(`model ${at}`));
const ROOMS = Array.from({ length: 4 }, (_, at) => aRoom(`model ${at}`));
const OPERATIONS_PER_RUN = 50;

const user = fc.constantFrom(...USERS);
const room = fc.constantFrom(...ROOMS);
const name = fc.constantFrom(null, "Alice", "alice", "Bob");
const role = fc.constantFrom("owner", "member", "reader", "writer");
const actor: fc.Arbitrary<Actor> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(operator) },
  { weight: 5, arbitrary: user.map(asUser) },
  { weight: 1, arbitrary: fc.constant(anonymous) },
);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("user.seed"), user, name }),
  fc.record({
    kind: fc.constant("user.add"),
    user,
    name,
    role: fc.constantFrom("admin", "member"),
  }),
  fc.record({ kind: fc.constantFrom("user.revoke", "user.restore", "user.restore"), user }),
  fc.record({
    kind: fc.constant("room.create"),
    room,
    name: fc.constant("lobby"),
    history: fc.constantFrom("k", "n"),
    shard: fc.constantFrom("0", "f"),
    owner: fc.option(user),
  }),
  fc.record({ kind: fc.constant("room.delete"), room }),
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("member.add"), room, user, role }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("member.accept"), room, user }) },
  fc.record({ kind: fc.constant("member.remove"), room, user }),
);
const operation: fc.Arbitrary<Operation> = fc
  .record({ actor, change, at: fc.integer({ min: 0, max: 1_000 }) })
  .map(({ change, ...more }) => anOperation(change, more));

/** What every run begins with, so that most of what follows has something to act on. */
const PRELUDE: readonly Change[] = [
  ...USERS.slice(1).map(
    (user, at) =>
      ({ kind: "user.add", user, name: null, role: at === 0 ? "admin" : "member" }) as const,
  ),
  ...ROOMS.slice(1).map((room, at) => roomCreate(room, { owner: USERS[at + 1] ?? null })),
];

test("random operations keep every invariant, and replaying them gives the same bus", async () => {
  const runs = Math.ceil(count("model-operations") / OPERATIONS_PER_RUN);
  const seed = randomBytes(4).readInt32BE();
  let applied = 0;
  const property = fc.asyncProperty(
    fc.array(operation, { minLength: OPERATIONS_PER_RUN, maxLength: OPERATIONS_PER_RUN }),
    async (operations) => {
      using bus = openTestBus({ random: (sizeBytes) => new Uint8Array(sizeBytes) });
      for (const next of [...PRELUDE.map((first) => anOperation(first)), ...operations]) {
        const before = seen(bus.store, next);
        const committed = await bus.writePath.commit(next);
        const after = seen(bus.store, next);
        checkStep({ operation: next, committed, before, after });
        checkState(bus.store);
        applied += Number(committed.outcome.status === "applied");
      }
      replay(bus.store);
    },
  );
  // A failure prints the seed and the smallest operations that fail.
  await fc.assert(property, { numRuns: runs, seed, endOnFailure: false });
  const drawn = { operations: runs * OPERATIONS_PER_RUN, applied: applied - runs * PRELUDE.length };
  recordProof("model", { seed, ...drawn });
  expect(drawn.applied).toBeGreaterThan(drawn.operations / 10);
}, 300_000);

interface Seen {
  readonly rows: string;
  /** Each user's rights, as one text. */
  readonly rights: ReadonlyMap<string, string>;
  readonly actorIsActive: boolean;
  readonly actorIsAdmin: boolean;
  /** State of the membership that the change is about. */
  readonly memberState: string | null;
}

function seen(store: Store, { actor, change }: Operation): Seen {
  const acting = actor.kind === "user" ? findUser(store, actor.user) : null;
  const member = "room" in change && "user" in change ? findMember(store, change) : null;
  return {
    rows: rowsOf(store),
    rights: new Map(USERS.map((user) => [user, JSON.stringify(listMemberships(store, user))])),
    actorIsActive: actor.kind !== "user" || acting?.state === "active",
    actorIsAdmin: acting?.state === "active" && acting.role === "admin",
    memberState: member?.state ?? null,
  };
}

/** What every single operation has to respect. */
function checkStep(step: {
  readonly operation: Operation;
  readonly committed: Committed;
  readonly before: Seen;
  readonly after: Seen;
}): void {
  const { operation, committed, before, after } = step;
  const { outcome } = committed;
  if (outcome.status === "refused") {
    expect(after.rows).toBe(before.rows);
    return;
  }
  expect(before.actorIsActive).toBe(true);
  const named = outcome.effects.flatMap((effect) =>
    effect.kind === "rights.changed" ? effect.users : [],
  );
  for (const user of USERS) {
    if (before.rights.get(user) !== after.rights.get(user)) expect(named).toContain(user);
  }
  const { actor, change } = operation;
  if (change.kind.startsWith("user.")) {
    expect(actor.kind === "operator" || before.actorIsAdmin).toBe(true);
  }
  // Nobody but the operator and admins puts somebody into a room who did not agree.
  const puts = change.kind === "member.add" && before.memberState !== "active";
  if (puts && actor.kind !== "operator" && !before.actorIsAdmin) {
    expect(after.memberState).toBe("pending");
  }
}

/** What has to be true at all times. */
function checkState(store: Store): void {
  for (const user of USERS) {
    const rights = listMemberships(store, user);
    const active = countRoomsOf(store, { user, state: "active" });
    expect(active).toBeLessThanOrEqual(ROOMS_PER_USER_MAX);
    expect(countRoomsOf(store, { user, state: "pending" })).toBeLessThanOrEqual(
      PENDING_PER_USER_MAX,
    );
    expect(rights).toHaveLength(findUser(store, user)?.state === "active" ? active : 0);
    expect(listRoomsOf(store, user).filter(({ state }) => state === "active")).toHaveLength(active);
  }
  expect(verifyJournal(store).entries).toBe(getBus(store).lastSeq);
}

function replay(store: Store): void {
  const folder = mkdtempSync(join(tmpdir(), "unibus-replay-"));
  using other = openStore({
    path: join(folder, "unibus.db"),
    random: (sizeBytes) => new Uint8Array(sizeBytes),
  });
  const entries = store.database
    .query<{ entry: string }, []>("SELECT entry FROM journal ORDER BY seq")
    .all();
  for (const { entry } of entries) apply(other, JSON.parse(entry));
  expect(getBus(other)).toEqual(getBus(store));
  expect(rowsOf(other)).toBe(rowsOf(store));
  rmSync(folder, { recursive: true });
}
