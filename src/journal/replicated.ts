import type { Entry } from "../core/entry.ts";
import type { JournalStream, StreamEntry, Taking } from "../core/journal-stream.ts";
import {
  JOURNAL_ANSWER_TIMEOUT_MS,
  JOURNAL_CURRENT_MS,
  JOURNAL_RETRY_MS,
  JOURNAL_SHORTER_MAX,
} from "../core/limits.ts";
import type { Committed, Operation } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { every, withTimeout } from "../system/wait.ts";
import { damaged, lost } from "./beginning.ts";
import { createFreshness } from "./freshness.ts";
import type { Journal } from "./local.ts";
import { parseMessage, renderMessage } from "./message.ts";

export interface ReplicatedJournal extends Journal, AsyncDisposable {
  /** The number of the last entry that is applied here. */
  applied(): number;
  /** Waits until all is applied here that the journal has now. False when nobody tells, or it takes long. */
  current(): Promise<boolean>;
  /** Whether all that the journal had at most `staleMaxMs` ago is applied here. */
  fresh(): boolean;
  /** How long that stays so if nothing more is heard; 0 when it is not. */
  freshMs(): number;
  /** Resolves when this node may apply no more entries. */
  readonly fault: Promise<Problem>;
  /** Stops applying, for a reason that is found elsewhere. */
  stop(problem: Problem): void;
}

export interface ReplicatedParts {
  readonly stream: JournalStream;
  /** Entry `base + 1` is the first of the stream. */
  readonly base: number;
  /** Applies entries that follow one another, all of them or none. */
  readonly apply: (entries: readonly Entry[]) => readonly Committed[];
  readonly lastSeq: () => number;
  /** The last entry that was ever applied here, as far as is known: the database may have lost it. */
  readonly knownSeq: () => number;
  readonly onApplied: (committed: Committed, operation: Operation) => void;
  /** A text that no other publish has. */
  readonly newMark: () => string;
  /** In ms, of a clock that never goes back. */
  readonly now: () => number;
  readonly staleMaxMs: number;
  /** How long a commit waits for its entry. */
  readonly commitTimeoutMs: number;
  /** How often it asks how far the journal goes. */
  readonly askMs: number;
}

/**
 * The order of operations in a cluster: the stream's. Every node applies every entry in that order, and
 * `commit` answers when its own is applied here, so whoever asked reads what was written. A repeat is
 * an entry too.
 * `commit` throws "journal-unavailable" when its entry is surely not in the stream, "outcome-unknown"
 * when it may be. An entry that is missing, or that cannot be read or applied, stops this node for good:
 * to stop is better than to diverge.
 */
export function openReplicatedJournal(parts: ReplicatedParts): ReplicatedJournal {
  const { stream, base, now } = parts;
  const fault = Promise.withResolvers<Problem>();
  const waiting = new Map<string, PromiseWithResolvers<Committed>>();
  /** Who waits for an entry to be applied. */
  const behind = new Set<{ readonly last: number; readonly reached: () => void }>();
  let asking: Promise<unknown> = Promise.resolve();
  let nextAsking: Promise<number | null> | null = null;
  const freshness = createFreshness(parts);
  let stopped: Problem | null = null;
  /** Why the next entry cannot be applied just now: the disk is full, or somebody holds the database. */
  let stuck: Problem | null = null;
  let applied = parts.lastSeq();
  freshness.applied(applied);

  function stop(problem: Problem): void {
    if (stopped) return;
    stopped = problem;
    for (const one of waiting.values()) one.reject(unknown("this node stopped applying entries"));
    fault.resolve(problem);
  }

  /** Applies all of them, or none. Throws when one cannot be read or applied. */
  function applyAll(entries: readonly StreamEntry[]): void {
    const read = entries.map((entry, at) => readEntry(entry, { base, seq: applied + 1 + at }));
    const committed = parts.apply(read);
    stuck = null;
    for (const [at, { seq, operation, mark }] of read.entries()) {
      const one = committed[at];
      if (!one) continue;
      applied = seq;
      waiting.get(mark)?.resolve(one);
      // A repeat has the number of the first.
      if (one.seq === seq) parts.onApplied(one, operation);
    }
    freshness.applied(applied);
    for (const one of [...behind]) if (one.last <= applied) one.reached();
  }

  function take(entries: readonly StreamEntry[]): Taking {
    if (stopped) return "stop";
    const next = entries.filter(({ sequence }) => base + sequence > applied);
    try {
      if (next.length > 0) applyAll(next);
      return "taken";
    } catch (error) {
      if (next.length > 1) return takeEach(next);
      if (error instanceof Problem && error.code === "journal-unavailable") {
        stuck = error;
        return "later";
      }
      const seq = applied + 1;
      stop(error instanceof Problem ? error : damaged(`entry ${seq} cannot be applied: ${error}`));
      return "stop";
    }
  }

  /** One of them cannot be applied: those before it can. */
  function takeEach(entries: readonly StreamEntry[]): Taking {
    for (const entry of entries) {
      const taking = take([entry]);
      if (taking !== "taken") return taking;
    }
    return "taken";
  }
  const following = stream.follow({ from: applied - base + 1, onEntries: take });
  const checking = every(
    parts.askMs,
    createAsker({
      ...{ ...parts, freshness, stop },
      applied: () => Math.max(applied, parts.knownSeq()),
    }),
  );

  async function commit(operation: Operation): Promise<Committed> {
    const reason = stopped ?? stuck;
    if (reason) throw unavailable(reason.detail);
    // Another entry could take the number of one that was lost here and is to come again.
    if (applied < parts.knownSeq()) throw unavailable("this node takes again what it lost");
    const mark = parts.newMark();
    const bytes = renderMessage({ mark, operation });
    const own = Promise.withResolvers<Committed>();
    waiting.set(mark, own);
    const sentAt = now();
    const deadlineAt = sentAt + parts.commitTimeoutMs;
    try {
      const refused = publishPatiently({ bytes, mark, deadlineAt }).then((why) => {
        if (why !== null) throw unavailable(why);
        return withTimeout(own.promise, Math.max(0, deadlineAt - now()));
      });
      const committed = await Promise.race([own.promise, refused]);
      if (committed === "timeout") throw unknown("its entry did not come back in time");
      // Whoever is told that it was recorded may read it: a refusal would say that it was not.
      freshness.recorded(sentAt);
      if (!freshness.isFresh(now())) throw unknown("this node does not know the latest changes");
      return committed;
    } finally {
      waiting.delete(mark);
    }
  }

  /** Asks how far the journal goes: once for all who came before the asking began. */
  function askLast(): Promise<number | null> {
    nextAsking ??= asking.then(() => {
      nextAsking = null;
      const asked = stream.lastSequence();
      asking = asked;
      return asked;
    });
    return nextAsking;
  }

  async function current(): Promise<boolean> {
    const sequence = stopped ? null : await askLast();
    if (sequence === null) return false;
    const last = base + sequence;
    if (last <= applied) return stopped === null;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waits = { last, reached: resolve };
    behind.add(waits);
    try {
      await withTimeout(promise, JOURNAL_CURRENT_MS);
    } finally {
      behind.delete(waits);
    }
    return last <= applied;
  }

  /**
   * Publishes until it is taken, as one entry however often it is sent. Answers why it is in the stream
   * surely not, or null: then it may be.
   */
  async function publishPatiently(sent: {
    readonly bytes: Uint8Array;
    readonly mark: string;
    readonly deadlineAt: number;
  }): Promise<string | null> {
    const { bytes, mark, deadlineAt } = sent;
    let maybe = false;
    while (waiting.has(mark)) {
      const timeoutMs = Math.max(1, Math.min(JOURNAL_ANSWER_TIMEOUT_MS, deadlineAt - now()));
      const published = await stream.publish(bytes, { timeoutMs, once: mark });
      if (published.kind === "taken") return null;
      maybe ||= published.kind === "unknown";
      if (now() + JOURNAL_RETRY_MS > deadlineAt || stopped) return maybe ? null : published.why;
      await Bun.sleep(JOURNAL_RETRY_MS);
    }
    return null;
  }

  return {
    commit,
    current,
    stopped: () => stopped,
    applied: () => applied,
    fresh: () => stopped === null && freshness.isFresh(now()),
    freshMs: () => (stopped === null ? Math.max(0, freshness.freshMs(now())) : 0),
    fault: fault.promise,
    stop,
    async [Symbol.asyncDispose]() {
      await checking[Symbol.asyncDispose]();
      await following[Symbol.asyncDispose]();
      for (const one of waiting.values()) one.reject(unknown("this node stops"));
    },
  };
}

/** Reads what has to be entry `seq`. Throws "journal-damaged" when it is not. */
function readEntry(
  { sequence, bytes }: StreamEntry,
  { base, seq }: { readonly base: number; readonly seq: number },
): Entry & { readonly mark: string } {
  if (base + sequence !== seq) throw damaged(`entry ${seq} is missing`);
  const message = parseMessage(bytes);
  if ("fault" in message) throw damaged(`entry ${seq} cannot be read: ${message.fault}`);
  return { seq, ...message };
}

/** Asks how far the journal goes. One that ends before what is applied here has lost entries. */
function createAsker(parts: {
  readonly stream: JournalStream;
  readonly base: number;
  readonly now: () => number;
  readonly applied: () => number;
  readonly freshness: ReturnType<typeof createFreshness>;
  readonly stop: (problem: Problem) => void;
}): () => Promise<void> {
  const { stream, base, now, applied, freshness, stop } = parts;
  let shorter = 0;
  return async () => {
    const askedAt = now();
    // Before the asking: what is applied meanwhile may be newer than the answer.
    const appliedThen = applied();
    const sequence = await stream.lastSequence();
    if (sequence === null) return;
    const last = base + sequence;
    shorter = last < appliedThen ? shorter + 1 : 0;
    // A leader that is new may not have read all of it yet.
    if (shorter >= JOURNAL_SHORTER_MAX) stop(lost(appliedThen, last));
    else if (shorter === 0) freshness.answered({ askedAt, last });
  };
}

function unavailable(why: string): Problem {
  return new Problem("journal-unavailable", `Cannot record the operation: ${why}`);
}

function unknown(why: string): Problem {
  return new Problem(
    "outcome-unknown",
    `Cannot say what came of the operation: ${why}; repeat it with the same Idempotency-Key`,
  );
}
