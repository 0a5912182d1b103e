import type { Entry } from "../core/entry.ts";
import { LEVEL_NEWEST, levelTooOld } from "../core/level.ts";
import type { Committed, Operation, Outcome } from "../core/operations.ts";
import { Problem, refusal } from "../core/problems.ts";
import { takeBus } from "./apply-bus.ts";
import { decide } from "./decide.ts";
import { actorFacts, type Decision, refused } from "./decision.ts";
import { codeOf } from "./faults.ts";
import { type BusRecord, findBus, findRecorded, getBus, isSignatureUsed } from "./journal.ts";
import type { Store } from "./open.ts";
import { record, writeRow } from "./record.ts";

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

/** What is known of an operation before it has a number: the outcome that it has already, or a decision. */
type Judged =
  | { readonly kind: "recorded"; readonly first: number; readonly committed: Committed }
  | { readonly kind: "decided"; readonly decision: Decision; readonly bus: BusRecord };

/**
 * Decides an operation by what is here: the one place where it is decided, whether it then becomes an
 * entry or not. `bus` is asked where it is no repeat. Writes nothing.
 */
function judge(
  store: Store,
  operation: Operation,
  parts: { readonly bus: () => BusRecord; readonly signatureUsed: boolean },
): Judged {
  const { signatureUsed } = parts;
  const recorded = findRecorded(store, operation.id);
  if (recorded) {
    const committed = repeat(recorded, operation, { signatureUsed });
    return { kind: "recorded", first: recorded.seq, committed };
  }
  const bus = parts.bus();
  if (signatureUsed) return { kind: "decided", decision: refused(SIGNATURE_REPEATED), bus };
  const at = Math.max(bus.latestAt, operation.at);
  const actor = actorFacts(store, operation.actor, at);
  const decision = decide(store, operation, { actor, at, level: bus.level });
  return { kind: "decided", decision, bus };
}

/** What an operation would come to, and whether whatever is entered before it could change that. */
export interface Settled {
  readonly committed: Committed;
  readonly isFinal: boolean;
}

/**
 * Finds what is settled about an operation without an entry: the outcome of a repeat, which is final, or
 * a refusal by the rules as things stand here; null when it has to be entered. A refusal has the number
 * of the last entry that it takes into account. By the same decision as `apply`, and writes nothing.
 */
export function findSettled(store: Store, operation: Operation): Settled | null {
  try {
    return store.database.transaction(() => settledInside(store, operation))();
  } catch {
    // Whatever it is, `apply` meets it too, and knows what has to come of it.
    return null;
  }
}

function settledInside(store: Store, operation: Operation): Settled | null {
  const bus = findBus(store);
  if (!bus || operation.format > LEVEL_NEWEST) return null;
  const signatureUsed = isUsed(store, operation);
  const judged = judge(store, operation, { bus: () => bus, signatureUsed });
  if (judged.kind === "recorded") return { committed: judged.committed, isFinal: true };
  const { decision } = judged;
  if (decision.kind === "applied") return null;
  const outcome = { status: "refused", refusal: decision.refusal } as const;
  return { committed: { seq: bus.lastSeq, outcome, repeated: false }, isFinal: signatureUsed };
}

function isUsed(store: Store, { signatureId }: Operation): boolean {
  return signatureId !== null && isSignatureUsed(store, signatureId);
}

function applyInside(store: Store, entry: Entry, repeats: "unnumbered" | "numbered"): Committed {
  const { seq, operation } = entry;
  if (operation.format > LEVEL_NEWEST) throw levelTooOld(`entry ${seq}`, operation.format);
  const signatureUsed = isUsed(store, operation);
  const signatureId = signatureUsed ? null : operation.signatureId;
  const judged = judge(store, operation, { bus: () => busBefore(store, entry), signatureUsed });
  if (judged.kind === "recorded") {
    const { committed, first } = judged;
    if (repeats === "numbered") {
      const outcome = committed.repeated
        ? ({ status: "repeated", of: first } as const)
        : committed.outcome;
      const bus = busBefore(store, entry);
      record(store, { entry, outcome, writes: [], bus, operationId: null, signatureId });
    }
    return committed;
  }
  const { decision, bus } = judged;
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
  recorded: {
    readonly seq: number;
    readonly operation: Pick<Operation, "requestDigest">;
    readonly outcome: Outcome;
  },
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
