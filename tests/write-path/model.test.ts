import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { StoredEntry } from "../../src/core/entry.ts";
import type { InviteId, RoomId } from "../../src/core/ids.ts";
import {
  PENDING_PER_USER_MAX,
  ROOMS_PER_USER_MAX,
  TOKENS_PER_USER_MAX,
} from "../../src/core/limits.ts";
import type { Committed, Operation } from "../../src/core/operations.ts";
import type { RoomRecord, TokenRecord, UserRecord } from "../../src/core/records.ts";
import { apply, findSettled, type Settled } from "../../src/store/apply.ts";
import { findInvite } from "../../src/store/invites.ts";
import { getBus } from "../../src/store/journal.ts";
import {
  countRoomsOf,
  findMember,
  listAllMembers,
  listMemberships,
  listRoomsOf,
} from "../../src/store/members.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { findGenesis, findRoom } from "../../src/store/rooms.ts";
import { findToken, listTokens } from "../../src/store/tokens.ts";
import { findUser, hasActiveAdmin } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { rowsOf } from "../harness/builders.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { openLocalBus, openReplicatedBus } from "../harness/journals.ts";
import { INVITES, operation, PRELUDE, ROOMS, USERS } from "../harness/model-operations.ts";

const OPERATIONS_PER_RUN = 50;

const ZEROS = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes);

test.each([
  ["one node's", () => openLocalBus({ random: ZEROS }), { random: ZEROS, repeats: "unnumbered" }],
  ["a cluster's", () => openReplicatedBus(), { random: null, repeats: "numbered" }],
] as const)(
  "random operations in %s journal keep every invariant, and replaying them gives the same bus",
  async (whose, openBus, replaying) => {
    const runs = Math.ceil(count("model-operations") / OPERATIONS_PER_RUN);
    const seed = randomBytes(4).readInt32BE();
    let applied = 0;
    const kinds = new Set<string>();
    const property = fc.asyncProperty(
      fc.array(operation, { minLength: OPERATIONS_PER_RUN, maxLength: OPERATIONS_PER_RUN }),
      async (operations) => {
        await using bus = await openBus();
        const admitted = new Map<InviteId, number>();
        for (const next of [...PRELUDE, ...operations]) {
          const before = seen(bus.store, next);
          const settled = findSettled(bus.store, next);
          const committed = await bus.writePath.commit(next);
          checkSettled(settled, committed);
          const after = seen(bus.store, next);
          checkStep({ operation: next, committed, before, after });
          checkInvites({ operation: next, committed, admitted });
          checkState(bus.store);
          if (committed.outcome.status === "refused") continue;
          applied += 1;
          kinds.add(next.change.kind);
        }
        replay(bus.store, { ...replaying, operations });
      },
    );
    // A failure prints the seed and the smallest operations that fail.
    await fc.assert(property, { numRuns: runs, seed, endOnFailure: false });
    const drawn = {
      operations: runs * OPERATIONS_PER_RUN,
      applied: applied - runs * PRELUDE.length,
    };
    recordProof(whose === "one node's" ? "model" : "model-replicated", {
      seed,
      ...drawn,
      kinds: kinds.size,
    });
    expect(drawn.applied).toBeGreaterThan(drawn.operations / 10);
    expect(kinds.size).toBeGreaterThan(proving ? 14 : 6);
  },
  300_000,
);

/** What needs no entry is known before it has one, and is what the entry says. */
function checkSettled(settled: Settled | null, { outcome, repeated }: Committed): void {
  const isNew = outcome.status === "applied" && !repeated;
  expect(
    settled && { outcome: settled.committed.outcome, repeated: settled.committed.repeated },
  ).toEqual(isNew ? null : { outcome, repeated });
}

interface Seen {
  readonly rows: string;
  /** Each user's rights, as one text. */
  readonly rights: ReadonlyMap<string, string>;
  readonly acting: UserRecord | null;
  /** The token that acts, if one of this id there is. */
  readonly token: TokenRecord | null;
  /** The latest time that any entry named, this one too. */
  readonly at: number;
  /** State of the membership that a user is added to, and whose adding that user takes. */
  readonly memberState: string | null;
  readonly accept: string | null;
  readonly hasAdmin: boolean;
  /** Rooms with an owner who could do something there. */
  readonly owned: ReadonlySet<RoomId>;
  readonly rooms: ReadonlyMap<RoomId, RoomRecord | null>;
}

function seen(store: Store, { actor, change, at }: Operation): Seen {
  const added = change.kind === "member.add" ? change : null;
  return {
    rows: rowsOf(store),
    rights: new Map(
      USERS.map((user) => [user, JSON.stringify(listMemberships(store, user, OPEN))]),
    ),
    acting: "user" in actor ? findUser(store, actor.user) : null,
    token: actor.kind === "token" ? findToken(store, actor.token) : null,
    at: Math.max(getBus(store).latestAt, at),
    memberState: added && (findMember(store, added)?.state ?? null),
    accept: added && (findUser(store, added.user)?.accept ?? null),
    hasAdmin: hasActiveAdmin(store),
    owned: new Set(ROOMS.filter((room) => hasOwner(store, room))),
    rooms: new Map(ROOMS.map((room) => [room, findRoom(store, room)])),
  };
}

const OPEN = { plainRooms: true };

function hasOwner(store: Store, room: RoomId): boolean {
  return listAllMembers(store, room).some(
    ({ user, role, state }) =>
      role === "owner" && state === "active" && findUser(store, user)?.state === "active",
  );
}

interface Step {
  readonly operation: Operation;
  readonly committed: Committed;
  readonly before: Seen;
  readonly after: Seen;
}

/** What every single operation has to respect. */
function checkStep(step: Step): void {
  const { operation, committed, before, after } = step;
  const { outcome } = committed;
  if (outcome.status === "refused") {
    expect(after.rows).toBe(before.rows);
    return;
  }
  const named = outcome.effects.flatMap((effect) =>
    effect.kind === "rights.changed" ? effect.users : [],
  );
  for (const user of USERS) {
    if (before.rights.get(user) !== after.rights.get(user)) expect(named).toContain(user);
  }
  checkActor(step);
  checkLast(step);
  const { actor, change } = operation;
  // Nobody but the operator and admins puts somebody into a room who did not agree.
  const puts = change.kind === "member.add" && before.memberState !== "active";
  const trusted = actor.kind === "operator" || before.acting?.role === "admin";
  if (puts && !trusted && before.accept !== "all") expect(after.memberState).toBe("pending");
}

/** Whoever acts is somebody, may do it, and a token less than its user. */
function checkActor({ operation: { actor, change }, before }: Step): void {
  const isAdmin = before.acting?.role === "admin";
  if ("user" in actor && change.kind !== "invite.redeem") {
    expect(before.acting?.state).toBe("active");
  }
  const manages = /^user\.(seed|add|revoke|restore)$|^invite\.(create|revoke)$/.test(change.kind);
  if (manages) expect(actor.kind === "operator" || isAdmin).toBe(true);
  const own = change.kind === "user.update" || change.kind === "user.replace-key";
  if (own) {
    const oneself = "user" in actor && actor.user === change.user;
    expect(actor.kind === "operator" || isAdmin || oneself).toBe(true);
  }
  if (actor.kind !== "token") return;
  expect(before.token?.user).toBe(actor.user);
  expect(before.token?.expiresAt).toBeGreaterThan(before.at);
  expect(before.token?.scope).not.toBe("read");
  expect(change.kind).not.toMatch(/^token\.|^invite\.|^user\.replace-key$/);
  const only = before.token?.room ?? null;
  if (only !== null) expect("room" in change && change.room).toBe(only);
  if (manages) expect(before.token?.scope).toBe("admin");
}

/** Nobody but the operator leaves a bus without an admin, or a room without an owner, by accident. */
function checkLast({ operation: { actor, change }, before, after }: Step): void {
  if (actor.kind === "operator") return;
  if (before.hasAdmin) expect(after.hasAdmin).toBe(true);
  for (const room of before.owned) {
    const record = after.rooms.get(room);
    if (!record || after.owned.has(room) || change.kind === "user.revoke") continue;
    // Only the members of an encrypted room can put a new key in it, and an admin puts somebody else's
    // new key in no room: the operator finds an owner, as after a revocation.
    const elsewhere = "user" in change && "user" in actor && change.user !== actor.user;
    expect([change.kind, elsewhere || record.content]).toEqual([
      "user.replace-key",
      elsewhere || "encrypted",
    ]);
  }
}

/** An invite admits once, as long as it is there, and spends nothing when it refuses. */
function checkInvites(step: {
  readonly operation: Operation;
  readonly committed: Committed;
  readonly admitted: Map<InviteId, number>;
}): void {
  const { change } = step.operation;
  if (step.committed.outcome.status === "refused" || !("invite" in change)) return;
  const { admitted } = step;
  if (change.kind !== "invite.redeem") admitted.set(change.invite, 0);
  else admitted.set(change.invite, (admitted.get(change.invite) ?? 0) + 1);
  expect(admitted.get(change.invite)).toBeLessThanOrEqual(1);
}

/** What has to be true at all times. */
function checkState(store: Store): void {
  for (const user of USERS) {
    const rights = listMemberships(store, user, OPEN);
    const active = countRoomsOf(store, { user, state: "active" });
    const isActive = findUser(store, user)?.state === "active";
    expect(active).toBeLessThanOrEqual(ROOMS_PER_USER_MAX);
    expect(countRoomsOf(store, { user, state: "pending" })).toBeLessThanOrEqual(
      PENDING_PER_USER_MAX,
    );
    expect(rights).toHaveLength(isActive ? active : 0);
    expect(listRoomsOf(store, user).filter(({ state }) => state === "active")).toHaveLength(active);
    // A token never outlives its user.
    const tokens = listTokens(store, { user, limit: 1_000 });
    expect(tokens.length).toBeLessThanOrEqual(isActive ? TOKENS_PER_USER_MAX : 0);
  }
  for (const room of ROOMS) {
    const record = findRoom(store, room);
    if (record?.content === "plain") expect(findGenesis(store, room)).toBeNull();
    if (record?.content === "encrypted") expect(findGenesis(store, room)).not.toBeNull();
  }
  for (const invite of INVITES) {
    const redeemedBy = findInvite(store, invite)?.redeemedBy ?? null;
    if (redeemedBy !== null) expect(findUser(store, redeemedBy)).not.toBeNull();
  }
  expect(verifyJournal(store).entries).toBe(getBus(store).lastSeq);
}

function replay(
  store: Store,
  options: {
    readonly random: typeof ZEROS | null;
    readonly repeats: "numbered" | "unnumbered";
    /** As they were asked for: of a long change that is refused a digest is kept. */
    readonly operations: readonly Operation[];
  },
): void {
  const folder = mkdtempSync(join(tmpdir(), "unibus-replay-"));
  using other = openStore({ path: join(folder, "unibus.db"), random: options.random });
  const entries = store.database
    .query<{ entry: string }, []>("SELECT entry FROM journal ORDER BY seq")
    .all();
  for (const { entry } of entries) {
    const { seq, operation: kept }: StoredEntry = JSON.parse(entry);
    const isWhole = !("sha256" in kept.change);
    const asked = options.operations.find(
      ({ id, requestDigest }) => id === kept.id && requestDigest === kept.requestDigest,
    );
    apply(
      other,
      isWhole || !asked ? JSON.parse(entry) : { seq, operation: asked },
      options.repeats,
    );
  }
  expect(getBus(other)).toEqual(getBus(store));
  expect(rowsOf(other)).toBe(rowsOf(store));
  rmSync(folder, { recursive: true });
}
