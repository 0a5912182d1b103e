import type { JournalStream } from "../core/journal-stream.ts";
import { LEVEL_NEWEST } from "../core/level.ts";
import { JOURNAL_ASK_MS, JOURNAL_COMMIT_TIMEOUT_MS, JOURNAL_RETRY_MS } from "../core/limits.ts";
import type { Beginning, Committed, Operation } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { beginJournal, type Here, type Position } from "../journal/beginning.ts";
import { openReplicatedJournal, type ReplicatedJournal } from "../journal/replicated.ts";
import { applyTogether, findSettled } from "../store/apply.ts";
import { findBeginning } from "../store/beginning.ts";
import { findBus, findEntry, getBus } from "../store/journal.ts";
import type { Store } from "../store/open.ts";
import { ownOperation } from "./own-operation.ts";
import { randomBytes } from "./reads.ts";
import { joinWritePath, type WritePath } from "./write-path.ts";

export interface ReplicatedWritePath extends WritePath, AsyncDisposable {
  /** The number of the last entry that is applied here. */
  applied(): number;
  /** Whether all that the journal had at most `staleMaxMs` ago is applied here. */
  fresh(): boolean;
  readonly freshMs: ReplicatedJournal["freshMs"];
  readonly fault: ReplicatedJournal["fault"];
  readonly stop: ReplicatedJournal["stop"];
}

/** What the entry is about by which a cluster's journal begins. */
const BEGINNING = "beginning";
/** Some answers may be lost, or the node stand still for half of it, and what is known is still fresh. */
const ASKS_PER_STALE_MAX = 8;

/**
 * Joins the journal of a cluster with the store that applies its entries, once it is known that both are
 * of one bus. Throws as `beginJournal` does.
 */
export async function openReplicatedWritePath(options: {
  readonly store: Store;
  readonly stream: JournalStream;
  readonly staleMaxMs: number;
  /** Whether no peer has a bus that could go on; asked where the stream and the database are empty. */
  readonly mayFound: () => Promise<boolean>;
  /** Whether the bus that is here may go on in an empty stream; asked right before it does. */
  readonly mayGoOn?: (position: Position) => Promise<boolean>;
  /** Fills the empty database with what a peer's holds; answers whether a peer had one to give. */
  readonly takeCopy: (beginning: Beginning) => Promise<boolean>;
  /** True when the operator said that the stream is lost, and this node is the one that has most. */
  readonly rebuild?: boolean;
  /** The time of the entry that the journal begins with, in ms since the epoch; else the machine's. */
  readonly now?: () => number;
  readonly signal: AbortSignal;
}): Promise<ReplicatedWritePath> {
  const { store, stream } = options;
  const base = await begin(options);
  const { path, open } = joinWritePath(
    (onApplied) =>
      openReplicatedJournal({
        ...{ stream, base, onApplied, newMark },
        apply: (entries) => applyTogether(store, entries),
        lastSeq: () => findBus(store)?.lastSeq ?? 0,
        knownSeq: () => store.head?.seq() ?? 0,
        now: () => performance.now(),
        staleMaxMs: options.staleMaxMs,
        commitTimeoutMs: JOURNAL_COMMIT_TIMEOUT_MS,
        askMs: Math.min(JOURNAL_ASK_MS, options.staleMaxMs / ASKS_PER_STALE_MAX),
      }),
    (journal, operation) => findSettledNow(store, journal, operation),
  );
  const { applied, fresh, freshMs, fault, stop } = open;
  return {
    ...path,
    ...{ applied, fresh, freshMs, fault, stop },
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  };
}

/**
 * Finds what needs no entry. What this node refuses another one may have allowed a moment ago: a refusal
 * counts once all is applied here that the journal has now.
 * Throws "journal-unavailable" where nobody tells how far that goes, or it is far ahead.
 */
async function findSettledNow(
  store: Store,
  journal: Pick<ReplicatedJournal, "current">,
  operation: Operation,
): Promise<Committed | null> {
  const settled = findSettled(store, operation);
  if (!settled || settled.isFinal) return settled?.committed ?? null;
  if (await journal.current()) return findSettled(store, operation)?.committed ?? null;
  // In the journal it would stay for good, and whoever may do nothing could send as many as it likes.
  throw new Problem(
    "journal-unavailable",
    "Cannot decide the operation: this node may not know the latest changes, a majority of the nodes is needed",
  );
}

async function begin(options: Parameters<typeof openReplicatedWritePath>[0]): Promise<number> {
  const { store, now = () => Date.now() } = options;
  const begun = await beginJournal({
    ...options,
    here: hereOf(store, { rebuild: options.rebuild ?? false }),
    found: () =>
      ownOperation(
        { kind: "bus.found", busId: newId(), generation: newId(), level: LEVEL_NEWEST },
        now(),
        BEGINNING,
      ),
    goOn: (position) => ownOperation({ kind: "bus.continued", ...position }, now(), BEGINNING),
    newMark,
  });
  if (begun.kind === "begun") return begun.base;
  if (await options.takeCopy(begun.beginning)) return await begin(options);
  if (!begun.needed) return 0;
  await Bun.sleep(JOURNAL_RETRY_MS);
  return await begin(options);
}

function hereOf(store: Store, { rebuild }: { readonly rebuild: boolean }): Here {
  return {
    position: () => positionOf(store),
    findOperation: (seq) => findEntry(store, seq)?.operation ?? null,
    // A stream that is rebuilt goes on from here, as it would from a bus that stood alone.
    begun: () => !rebuild && findBeginning(store) !== null,
  };
}

/** How far the journal goes that is applied here; null where there is no bus yet. */
export function positionOf(store: Store): Position | null {
  if (findBus(store) === null) return null;
  const { busId, generation, lastSeq, chain } = getBus(store);
  return { busId, generation, lastSeq, chain: chain.toHex() };
}

function newId(): string {
  return randomBytes(16).toHex();
}

const newMark = newId;
