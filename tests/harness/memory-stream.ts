import type {
  JournalStream,
  Published,
  StreamEntry,
  Taking,
} from "../../src/core/journal-stream.ts";

/** A stream in memory that does what a test says, where a real one could not be made to do it. */
export interface MemoryStream extends JournalStream {
  readonly entries: Uint8Array[];
  /** What the next publishes are answered; the entry is stored unless it is "not-taken", or lost. */
  readonly answers: (Published["kind"] | "lost")[];
  /** While true, entries are stored and nobody is told of them. */
  silent: boolean;
  /** What a leader answers; null for as many as there are. */
  last: number | "no leader" | null;
  /** How often it was asked how far it goes. */
  asked: number;
  /** Tells of what nobody was told of yet. */
  tell(): void;
}

export function createMemoryStream(): MemoryStream {
  const entries: Uint8Array[] = [];
  const followers = new Set<() => void>();
  const sent = new Map<string, number>();

  function follow({
    from,
    onEntries,
  }: {
    readonly from: number;
    readonly onEntries: (entries: readonly StreamEntry[]) => Taking;
  }): AsyncDisposable {
    let next = from;
    const catchUp = (): void => {
      // An entry without bytes is one that is gone.
      const missed = entries
        .map((bytes, at) => ({ sequence: at + 1, bytes }))
        .filter(({ sequence, bytes }) => sequence >= next && bytes.length > 0);
      if (missed.length > 0 && onEntries(missed) === "taken") next = entries.length + 1;
    };
    followers.add(catchUp);
    queueMicrotask(catchUp);
    return {
      async [Symbol.asyncDispose]() {
        followers.delete(catchUp);
      },
    };
  }
  const stream: MemoryStream = {
    entries,
    answers: [],
    silent: false,
    last: null,
    asked: 0,
    follow,
    tell() {
      for (const catchUp of followers) catchUp();
    },
    async publish(bytes, { once, expectLastSequence }) {
      const kind = stream.answers.shift() ?? "taken";
      const expected = expectLastSequence ?? entries.length;
      if (kind === "not-taken" || expected !== entries.length) {
        return { kind: "not-taken", why: "the stream has no leader" };
      }
      if (kind !== "lost" && !sent.has(once)) sent.set(once, entries.push(bytes));
      if (!stream.silent) queueMicrotask(stream.tell);
      const sequence = sent.get(once) ?? 0;
      return kind === "taken" ? { kind, sequence } : { kind: "unknown", why: "no answer" };
    },
    async lastSequence() {
      stream.asked += 1;
      return stream.last === "no leader" ? null : (stream.last ?? entries.length);
    },
    read: async (sequence) => entries[sequence - 1] ?? null,
  };
  return stream;
}
