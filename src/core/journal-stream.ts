/** One entry's place in the stream, from 1 on, and its bytes. */
export interface StreamEntry {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** What an operator does when the stream has lost entries, as the end of a message. */
export const MEND_STREAM =
  "stop all nodes, rebuild the stream from the one that has most (unibus node rebuild), and let the others take it from there (unibus node reset --streams)";

/** What became of a publish. */
export type Published =
  | { readonly kind: "taken"; readonly sequence: number }
  /** It is surely not in the stream, and never will be. */
  | { readonly kind: "not-taken"; readonly why: string }
  /** It may be in the stream, now or later. */
  | { readonly kind: "unknown"; readonly why: string };

export interface PublishOptions {
  readonly timeoutMs: number;
  /** What was sent with this text within the last minute is not taken a second time. */
  readonly once: string;
  /** It is taken only right behind this one. */
  readonly expectLastSequence?: number;
}

/** What is made of entries. "later": the same again in a moment; "stop": none any more. */
export type Taking = "taken" | "later" | "stop";

/** The stream of a cluster that orders all entries; all nodes read the same from it. */
export interface JournalStream {
  /** Never throws. */
  publish(bytes: Uint8Array, options: PublishOptions): Promise<Published>;
  /** The last sequence as a leader knows it that most nodes follow; null when there is none. */
  lastSequence(): Promise<number | null>;
  /** The bytes at a sequence; null when nothing is there, or nobody answers. */
  read(sequence: number): Promise<Uint8Array | null>;
  /** Hands over every entry from a sequence on, in order and some at once, until it is stopped. */
  follow(options: {
    readonly from: number;
    readonly onEntries: (entries: readonly StreamEntry[]) => Taking;
  }): AsyncDisposable;
}

/** What a peer answers: how far it has applied which bus, and its chain (hex) behind an entry. */
export interface PeerAnswer {
  readonly name: string;
  /** Null where the peer has no bus yet. */
  readonly bus: {
    readonly busId: string;
    readonly generation: string;
    readonly lastSeq: number;
  } | null;
  /** Null where the peer has not applied that entry. */
  readonly chain: string | null;
  /** Whether its disk has no more than what is kept for taking rights away. */
  readonly full: boolean;
}
