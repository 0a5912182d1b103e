import { canonicalJson } from "../core/canonical.ts";
import {
  type Entry,
  renderChanges,
  renderEntry,
  renderOutcome,
  type StoredOutcome,
} from "../core/entry.ts";
import { LEVEL_NEWEST, levelTooOld } from "../core/level.ts";
import type { Committed, Operation, Outcome } from "../core/operations.ts";
import { Problem, refusal } from "../core/problems.ts";
import { decideBeginning, decideRaise, takeBus } from "./apply-bus.ts";
import { decideInviteCreate, decideInviteRedeem, decideInviteRevoke } from "./apply-invites.ts";
import { decideMemberAccept, decideMemberAdd, decideMemberRemove } from "./apply-members.ts";
import {
  decideNodeAnnounced,
  decideNodeJoined,
  decideNodeRemoved,
  decideNodeToken,
} from "./apply-nodes.ts";
import { decideKeyReplace } from "./apply-replace-key.ts";
import { decideRoomCreate, decideRoomDelete, decideRoomUpdate } from "./apply-rooms.ts";
import { decideTokenCreate, decideTokenRevoke } from "./apply-tokens.ts";
import {
  decideUserAdd,
  decideUserRestore,
  decideUserRevoke,
  decideUserSeed,
  decideUserUpdate,
} from "./apply-users.ts";
import { digest, nextChain } from "./chain.ts";
import { actorFacts, type Circumstances, type Decision, refused } from "./decision.ts";
import { codeOf } from "./faults.ts";
import { type BusRecord, findRecorded, getBus, isSignatureUsed } from "./journal.ts";
import type { Store } from "./open.ts";
import { keyColumns, type RowWrite, TABLES, type Table, wholeRow } from "./tables.ts";

const DISK_FULL = "the disk is full, free some of it";
/** Faults of the disk or of another process: nothing was written, and the next entry may fit. */
const PASSING: Readonly<Record<string, string>> = {
  SQLITE_FULL: DISK_FULL,
  SQLITE_IOERR_SHMSIZE: DISK_FULL,
  SQLITE_BUSY: "another process holds the database, stop it",
};

/**
 * Applies an entry in one transaction: facts, rules, rows, outcome, chain. It reads the database and
 * the entry, nothing else, so that every node makes the same of it. A repeat of an operation answers
 * what was recorded; a repeat of a signature is refused, also if its operation is recorded: whoever
 * overheard a request learns nothing by sending it again. `repeats` says whether these take numbers:
 * in a cluster they have one before anybody knows that they repeat.
 * Throws "journal-unavailable" when the disk is full or another process holds the database. Any other
 * error means that this unibus cannot go on from here; the transaction is rolled back.
 */
export function apply(
  store: Store,
  entry: Entry,
  repeats: "unnumbered" | "numbered" = "unnumbered",
): Committed {
  return inTransaction(store, () => applyInside(store, entry, repeats));
}

/** Applies entries of a cluster's journal that follow one another, all of them or none: one write to the disk. */
export function applyTogether(store: Store, entries: readonly Entry[]): readonly Committed[] {
  return inTransaction(store, () => entries.map((entry) => applyInside(store, entry, "numbered")));
}

function inTransaction<Answer>({ database, head }: Store, work: () => Answer): Answer {
  const checked = (): Answer => {
    const answer = work();
    head?.verify();
    return answer;
  };
  try {
    const answer = database.transaction(checked).immediate();
    head?.keep();
    return answer;
  } catch (error) {
    const fault = PASSING[codeOf(error)];
    if (fault === undefined) throw error;
    throw new Problem("journal-unavailable", `Cannot record the operation: ${fault}`, {
      cause: error,
    });
  }
}

function applyInside(store: Store, entry: Entry, repeats: "unnumbered" | "numbered"): Committed {
  const { seq, operation } = entry;
  if (operation.format > LEVEL_NEWEST) throw levelTooOld(`entry ${seq}`, operation.format);
  const signatureUsed =
    operation.signatureId !== null && isSignatureUsed(store, operation.signatureId);
  const signatureId = signatureUsed ? null : operation.signatureId;
  const recorded = findRecorded(store, operation.id);
  if (recorded) {
    const committed = repeat(recorded, operation, { signatureUsed });
    if (repeats === "numbered") {
      const outcome = committed.repeated
        ? ({ status: "repeated", of: recorded.seq } as const)
        : committed.outcome;
      const bus = busBefore(store, entry);
      record(store, { entry, outcome, writes: [], bus, operationId: null, signatureId });
    }
    return committed;
  }
  const bus = busBefore(store, entry);
  const latestAt = Math.max(bus.latestAt, operation.at);
  const decision = signatureUsed
    ? refused(SIGNATURE_REPEATED)
    : decide(store, operation, {
        actor: actorFacts(store, operation.actor, latestAt),
        at: latestAt,
        level: bus.level,
      });
  const outcome: Outcome =
    decision.kind === "applied"
      ? { status: "applied", effects: decision.effects }
      : { status: "refused", refusal: decision.refusal };
  const writes = decision.kind === "applied" ? decision.writes : [];
  for (const write of writes) writeRow(store, write);
  record(store, { entry, outcome, writes, bus, operationId: operation.id, signatureId });
  return { seq, outcome, repeated: false };
}

/** Reads the bus that an entry follows. Throws when that is not where this entry has its place. */
function busBefore(store: Store, { seq, operation: { change } }: Entry): BusRecord {
  if (change.kind === "bus.found") takeBus(store, change);
  const bus = getBus(store);
  if (seq === bus.lastSeq + 1) return bus;
  throw new Error(`Cannot apply entry ${seq}: the last one here is ${bus.lastSeq}`);
}

const SIGNATURE_REPEATED = refusal(
  "signature-repeated",
  "Cannot do it again: this signed request was used, sign it anew",
);

/** Answers an operation whose id is recorded. */
function repeat(
  recorded: { readonly seq: number; readonly operation: Operation; readonly outcome: Outcome },
  operation: Operation,
  { signatureUsed }: { readonly signatureUsed: boolean },
): Committed {
  const { seq, outcome } = recorded;
  if (signatureUsed) {
    return { seq, outcome: { status: "refused", refusal: SIGNATURE_REPEATED }, repeated: false };
  }
  if (recorded.operation.requestDigest === operation.requestDigest) {
    return { seq, outcome, repeated: true };
  }
  const conflict = refusal(
    "idempotency-conflict",
    "Cannot use this Idempotency-Key: another request used it, send a new key",
  );
  return { seq, outcome: { status: "refused", refusal: conflict }, repeated: false };
}

function decide(store: Store, { change }: Operation, circumstances: Circumstances): Decision {
  switch (change.kind) {
    case "bus.found":
    case "bus.continued":
      return decideBeginning(store, change);
    case "bus.raise":
      return decideRaise(store, change, circumstances);
    case "user.seed":
      return decideUserSeed(store, change, circumstances);
    case "user.add":
      return decideUserAdd(store, change, circumstances);
    case "user.revoke":
      return decideUserRevoke(store, change, circumstances);
    case "user.restore":
      return decideUserRestore(store, change, circumstances);
    case "user.update":
      return decideUserUpdate(store, change, circumstances);
    case "user.replace-key":
      return decideKeyReplace(store, change, circumstances);
    case "token.create":
      return decideTokenCreate(store, change, circumstances);
    case "token.revoke":
      return decideTokenRevoke(store, change, circumstances);
    case "invite.create":
      return decideInviteCreate(store, change, circumstances);
    case "invite.revoke":
      return decideInviteRevoke(store, change, circumstances);
    case "invite.redeem":
      return decideInviteRedeem(store, change, circumstances);
    case "room.create":
      return decideRoomCreate(store, change, circumstances);
    case "room.update":
      return decideRoomUpdate(store, change, circumstances);
    case "room.delete":
      return decideRoomDelete(store, change, circumstances);
    case "member.add":
      return decideMemberAdd(store, change, circumstances);
    case "member.accept":
      return decideMemberAccept(store, change, circumstances);
    case "member.remove":
      return decideMemberRemove(store, change, circumstances);
    case "node.token":
      return decideNodeToken(store, change, circumstances);
    case "node.joined":
      return decideNodeJoined(store, change, circumstances);
    case "node.announced":
      return decideNodeAnnounced(store, change, circumstances);
    case "node.removed":
      return decideNodeRemoved(store, change, circumstances);
    default: {
      const unknown: never = change;
      throw new Error(`Cannot apply the change ${JSON.stringify(unknown)}: it is not known here`);
    }
  }
}

function writeRow({ database }: Store, { table, key, row }: RowWrite): void {
  if (row) database.query(upsertOf(table)).run({ ...wholeRow(table, row) });
  else database.query(deleteOf(table)).run({ ...keyColumns(table, key) });
}

function upsertOf(table: Table): string {
  const { key, columns } = TABLES[table];
  const all = [...key, ...columns];
  return `INSERT INTO ${table} (${all.join(", ")})
    VALUES (${all.map((column) => `$${column}`).join(", ")})
    ON CONFLICT (${key.join(", ")})
    DO UPDATE SET ${columns.map((column) => `${column} = $${column}`).join(", ")}`;
}

function deleteOf(table: Table): string {
  const conditions = TABLES[table].key.map((column) => `${column} = $${column}`);
  return `DELETE FROM ${table} WHERE ${conditions.join(" AND ")}`;
}

function record(
  { database }: Store,
  parts: {
    readonly entry: Entry;
    readonly outcome: StoredOutcome;
    readonly writes: readonly RowWrite[];
    /** The bus as it was before. */
    readonly bus: BusRecord;
    /** Null where it repeats that of an earlier entry; the same holds for the signature. */
    readonly operationId: string | null;
    readonly signatureId: string | null;
  },
): void {
  const { seq, operation } = parts.entry;
  const { bus, operationId, signatureId } = parts;
  const isApplied = parts.outcome.status === "applied";
  const entry = renderEntry(
    isApplied || bus.level < 2 ? parts.entry : withoutEvidence(parts.entry),
  );
  const outcome = renderOutcome(parts.outcome);
  const changes = renderChanges(parts.writes);
  const encoder = new TextEncoder();
  const chain = nextChain(bus.chain, {
    entry: encoder.encode(entry),
    outcome: encoder.encode(outcome),
    changes: encoder.encode(changes),
  });
  database
    .query(
      `INSERT INTO journal (seq, entry, outcome, changes, chain, detail, operation_id, signature_id, at)
       VALUES
         ($seq, $entry, $outcome, $changes, $chain, $detail, $operationId, $signatureId, $at)`,
    )
    .run({
      ...{ seq, entry, outcome, changes, chain },
      detail: parts.outcome.status === "refused" ? parts.outcome.refusal.detail : null,
      ...{ operationId, signatureId, at: operation.at },
    });
  database
    .query("UPDATE bus SET last_seq = $seq, chain = $chain, latest_at = $latestAt, format = $level")
    .run({
      ...{ seq, chain, latestAt: Math.max(bus.latestAt, operation.at) },
      level: levelAfter(operation, parts.outcome) ?? bus.level,
    });
}

/**
 * What is kept of an entry that changed nothing: who asked for what, and of the request that proves it a
 * digest. The whole would be most of the entry, and whoever may do nothing could fill the disk with it.
 */
function withoutEvidence({ seq, operation }: Entry): Entry {
  const { evidence } = operation;
  if (evidence.kind !== "signature") return { seq, operation };
  const sha256 = digest(new TextEncoder().encode(canonicalJson({ ...evidence }))).toHex();
  return {
    seq,
    operation: { ...operation, evidence: { kind: "digest", of: evidence.kind, sha256 } },
  };
}

/** The level that an entry gives to the bus; null where it leaves it as it is. */
export function levelAfter(
  { change }: Pick<Operation, "change">,
  { status }: Pick<StoredOutcome, "status">,
): number | null {
  return change.kind === "bus.raise" && status === "applied" ? change.level : null;
}
