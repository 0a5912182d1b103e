import { type Entry, renderChanges, renderEntry, renderOutcome } from "../core/entry.ts";
import {
  type Committed,
  OPERATION_FORMAT,
  type Operation,
  type Outcome,
} from "../core/operations.ts";
import { Problem, refusal } from "../core/problems.ts";
import { decideInviteCreate, decideInviteRedeem, decideInviteRevoke } from "./apply-invites.ts";
import { decideMemberAccept, decideMemberAdd, decideMemberRemove } from "./apply-members.ts";
import { decideKeyReplace } from "./apply-replace-key.ts";
import { decideRoomCreate, decideRoomDelete, decideRoomUpdate } from "./apply-rooms.ts";
import { decideTokenCreate, decideTokenRevoke } from "./apply-tokens.ts";
import { decideUserAdd, decideUserSeed, decideUserState, decideUserUpdate } from "./apply-users.ts";
import { nextChain } from "./chain.ts";
import { actorFacts, type Circumstances, type Decision, refused } from "./decision.ts";
import { codeOf } from "./faults.ts";
import { findRecorded, getBus, isSignatureUsed } from "./journal.ts";
import type { Store } from "./open.ts";
import { keyColumns, type RowWrite, TABLES, type Table } from "./tables.ts";

const DISK_FULL = "the disk is full, free some of it";
/** Faults of the disk or of another process: nothing was written, and the next entry may fit. */
const PASSING: Readonly<Record<string, string>> = {
  SQLITE_FULL: DISK_FULL,
  SQLITE_IOERR_SHMSIZE: DISK_FULL,
  SQLITE_BUSY: "another process holds the database, stop it",
};

/**
 * Applies an entry in one transaction: facts, rules, rows, outcome, chain. It reads the database and
 * the entry, nothing else, so that every node makes the same of it. A repeat of an operation takes
 * no number and answers what was recorded; a repeat of a signature takes none either if its operation is
 * recorded, and is refused: whoever overheard a request learns nothing by sending it again.
 * Throws "journal-unavailable" when the disk is full or another process holds the database. Any other
 * error means that this unibus cannot go on from here; the transaction is rolled back.
 */
export function apply(store: Store, entry: Entry): Committed {
  try {
    return store.database.transaction(() => applyInside(store, entry)).immediate();
  } catch (error) {
    const fault = PASSING[codeOf(error)];
    if (fault === undefined) throw error;
    throw new Problem("journal-unavailable", `Cannot record the operation: ${fault}`, {
      cause: error,
    });
  }
}

function applyInside(store: Store, entry: Entry): Committed {
  const { seq, operation } = entry;
  if (operation.format !== OPERATION_FORMAT) {
    throw new Error(`Cannot apply entry ${seq}: its format ${operation.format} is not known here`);
  }
  const signatureUsed =
    operation.signatureId !== null && isSignatureUsed(store, operation.signatureId);
  const recorded = findRecorded(store, operation.id);
  if (recorded) return repeat(recorded, operation, { signatureUsed });
  const bus = getBus(store);
  if (seq !== bus.lastSeq + 1) {
    throw new Error(`Cannot apply entry ${seq}: the last one here is ${bus.lastSeq}`);
  }
  const latestAt = Math.max(bus.latestAt, operation.at);
  const decision = signatureUsed
    ? refused(SIGNATURE_REPEATED)
    : decide(store, operation, {
        actor: actorFacts(store, operation.actor, latestAt),
        at: latestAt,
      });
  const outcome: Outcome =
    decision.kind === "applied"
      ? { status: "applied", effects: decision.effects }
      : { status: "refused", refusal: decision.refusal };
  const writes = decision.kind === "applied" ? decision.writes : [];
  for (const write of writes) writeRow(store, write);
  record(store, {
    entry,
    outcome,
    writes,
    previous: bus.chain,
    signatureId: signatureUsed ? null : operation.signatureId,
    latestAt,
  });
  return { seq, outcome, repeated: false };
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
    case "user.seed":
      return decideUserSeed(store, change, circumstances);
    case "user.add":
      return decideUserAdd(store, change, circumstances);
    case "user.revoke":
    case "user.restore":
      return decideUserState(store, change, circumstances);
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
    default: {
      const unknown: never = change;
      throw new Error(`Cannot apply the change ${JSON.stringify(unknown)}: it is not known here`);
    }
  }
}

function writeRow({ database }: Store, { table, key, row }: RowWrite): void {
  if (row) database.query(upsertOf(table)).run({ ...row });
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
    readonly outcome: Outcome;
    readonly writes: readonly RowWrite[];
    readonly previous: Uint8Array;
    readonly signatureId: string | null;
    readonly latestAt: number;
  },
): void {
  const { seq, operation } = parts.entry;
  const entry = renderEntry(parts.entry);
  const outcome = renderOutcome(parts.outcome);
  const changes = renderChanges(parts.writes);
  const encoder = new TextEncoder();
  const chain = nextChain(parts.previous, {
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
      operationId: operation.id,
      signatureId: parts.signatureId,
      at: operation.at,
    });
  database
    .query("UPDATE bus SET last_seq = $seq, chain = $chain, latest_at = $latestAt")
    .run({ seq, chain, latestAt: parts.latestAt });
}
