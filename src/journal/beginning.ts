import { type JournalStream, MEND_STREAM } from "../core/journal-stream.ts";
import {
  JOURNAL_ANSWER_TIMEOUT_MS,
  JOURNAL_REPLAY_ENTRIES_MAX,
  JOURNAL_RETRY_MS,
  JOURNAL_SHORTER_MAX,
} from "../core/limits.ts";
import type { Beginning, Operation } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { parseMessage, renderMessage } from "./message.ts";

/** How far the journal goes that this node has applied. */
export interface Position {
  readonly busId: string;
  readonly generation: string;
  readonly lastSeq: number;
  /** In hex. */
  readonly chain: string;
}

/** What the beginning is judged by, of what this node has. */
export interface Here {
  /** Null in an empty database. */
  position(): Position | null;
  /** The operation that a number has here. */
  findOperation(seq: number): Pick<Operation, "id"> | null;
  /** Whether this bus was part of a cluster: then a stream without entries has lost some. */
  begun(): boolean;
}

/** Where the numbers of the stream begin: entry `base + 1` is its first. */
export type Begun =
  | { readonly kind: "begun"; readonly base: number }
  /** A copy of a peer's database is faster than all entries; "needed" where the first are not in the stream. */
  | { readonly kind: "copy-wanted"; readonly beginning: Beginning; readonly needed: boolean };

/**
 * Finds which bus the stream is of and whether what is here is part of it, and names the bus where
 * nothing is: who comes first has named it for all.
 * Throws "cluster-refused" when what is here is no part of it, "journal-damaged" when the stream has
 * lost what is here, "not-ready" when `signal` ends the waiting for an answer.
 */
export async function beginJournal(parts: {
  readonly stream: JournalStream;
  readonly here: Here;
  /** Makes the operation by which an empty database founds a bus. */
  readonly found: () => Operation;
  /** Makes the operation by which a bus goes on as a cluster. */
  readonly goOn: (position: Position) => Operation;
  /** Whether nobody else has a bus that could go on instead. */
  readonly mayFound: () => Promise<boolean>;
  /** Whether a bus may go on as a cluster from here; asked right before. May throw why it never may. */
  readonly mayGoOn?: (position: Position) => Promise<boolean>;
  readonly newMark: () => string;
  readonly signal: AbortSignal;
}): Promise<Begun> {
  const { stream, here, signal } = parts;
  for (;;) {
    if (signal.aborted) throw noLeader();
    const last = await stream.lastSequence();
    if (last === 0) await propose(parts);
    else if (last !== null) {
      const first = await stream.read(1);
      if (first) return await judge({ stream, here, first, last, signal });
    }
    await Bun.sleep(JOURNAL_RETRY_MS);
  }
}

async function propose(parts: Parameters<typeof beginJournal>[0]): Promise<void> {
  const { stream, here, newMark } = parts;
  const position = here.position();
  if (position && here.begun()) throw lost(position.lastSeq, 0);
  if (!position && !(await parts.mayFound())) return;
  if (position && parts.mayGoOn && !(await parts.mayGoOn(position))) return;
  const operation = position ? parts.goOn(position) : parts.found();
  // Whatever becomes of it: the next look tells what the first entry is.
  const mark = newMark();
  await stream.publish(renderMessage({ mark, operation }), {
    timeoutMs: JOURNAL_ANSWER_TIMEOUT_MS,
    once: mark,
    expectLastSequence: 0,
  });
}

async function judge(parts: {
  readonly stream: JournalStream;
  readonly here: Here;
  readonly first: Uint8Array;
  readonly last: number;
  readonly signal: AbortSignal;
}): Promise<Begun> {
  const { here } = parts;
  const first = parseMessage(parts.first);
  if ("fault" in first) throw damaged(`its first entry cannot be read: ${first.fault}`);
  const { change } = first.operation;
  if (change.kind !== "bus.found" && change.kind !== "bus.continued") {
    throw damaged("its first entry does not say which bus it is of");
  }
  const base = change.kind === "bus.found" ? 0 : change.lastSeq;
  const position = here.position();
  if (!position) {
    // The entries before it are in no stream, nor is the bus that they are of.
    const needed = change.kind === "bus.continued";
    return needed || parts.last > JOURNAL_REPLAY_ENTRIES_MAX
      ? { kind: "copy-wanted", beginning: change, needed }
      : { kind: "begun", base };
  }
  if (position.busId !== change.busId || position.generation !== change.generation) {
    throw refused(
      `the cluster is bus ${change.busId} in generation ${change.generation}, and the database here is of bus ${position.busId} in generation ${position.generation}`,
    );
  }
  if (position.lastSeq < base) {
    throw refused(
      `its journal goes on from entry ${base}, and the one here ends at ${position.lastSeq}`,
    );
  }
  if (position.lastSeq === base) {
    if (change.kind === "bus.continued" && change.chain !== position.chain) {
      throw refused(`entry ${base} of the cluster is not entry ${base} here`);
    }
    return { kind: "begun", base };
  }
  const own = here.findOperation(base + 1);
  if (own?.id !== first.operation.id) {
    throw refused(`entry ${base + 1} of the cluster is not entry ${base + 1} here`);
  }
  await compareLast({ ...parts, sequence: position.lastSeq - base, seq: position.lastSeq });
  return { kind: "begun", base };
}

/** What was applied last has to be in the stream, and be the same there. */
async function compareLast(parts: {
  readonly stream: JournalStream;
  readonly here: Here;
  readonly sequence: number;
  readonly seq: number;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { stream, here, sequence, seq, signal } = parts;
  let last: number | null = null;
  // A leader that is new may not have read all of it yet.
  for (let missing = 0; missing < JOURNAL_SHORTER_MAX; ) {
    if (signal.aborted) throw noLeader();
    const bytes = await stream.read(sequence);
    if (bytes) {
      const message = parseMessage(bytes);
      if ("operation" in message && message.operation.id === here.findOperation(seq)?.id) return;
      throw refused(`entry ${seq} of the cluster is not entry ${seq} here`);
    }
    last = await stream.lastSequence();
    if (last !== null) missing += 1;
    await Bun.sleep(JOURNAL_RETRY_MS);
  }
  if (last !== null && last >= sequence) throw damaged(`entry ${seq} is missing`);
  throw lost(seq, seq - sequence + (last ?? 0));
}

function noLeader(): Problem {
  return new Problem("not-ready", "Cannot open the journal of the cluster: it has no leader yet");
}

export function lost(applied: number, last: number): Problem {
  return damaged(
    `the cluster's stream ends at entry ${last}, and this node has applied entry ${applied}`,
  );
}

export function damaged(fault: string): Problem {
  return new Problem(
    "journal-damaged",
    `Cannot trust the cluster's journal: ${fault}; every node keeps all entries that it applied: ${MEND_STREAM}`,
  );
}

function refused(fault: string): Problem {
  return new Problem(
    "cluster-refused",
    `Cannot join this cluster: ${fault}; join the cluster that it is of, or start with an empty folder: unibus node reset puts that of a cluster's node aside`,
  );
}
