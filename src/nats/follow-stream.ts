import type { NatsConnection } from "@nats-io/transport-node";
import type { JournalStream, StreamEntry, Taking } from "../core/journal-stream.ts";
import {
  JOURNAL_ANSWER_TIMEOUT_MS,
  JOURNAL_FETCH_BYTES_MAX,
  JOURNAL_FETCH_ENTRIES_MAX,
  JOURNAL_LOOK_MS,
} from "../core/limits.ts";
import { withTimeout } from "../system/wait.ts";

export const JOURNAL_STREAM = "JOURNAL";
/** Where entries are published. */
export const SUBJECT = "journal";
/** Where the stream's leader tells of each entry that was stored. */
export const TOLD_SUBJECT = "journal.stored";
const DIRECT_GET = `$JS.API.DIRECT.GET.${JOURNAL_STREAM}`;

type FollowOptions = Parameters<JournalStream["follow"]>[0] & {
  readonly connection: NatsConnection;
};

/**
 * Entries come by being told of, which costs no asking; what was missed is fetched from the replica
 * that is nearest. There is no consumer that a dying node could take along.
 */
export function follow(options: FollowOptions): AsyncDisposable {
  const { connection, onEntries } = options;
  let next = options.from;
  let stopped = false;
  let wake: () => void = () => undefined;

  function hand(entries: readonly StreamEntry[]): Taking {
    const taking = onEntries(entries);
    if (taking === "taken") next = (entries.at(-1)?.sequence ?? next - 1) + 1;
    if (taking === "stop") stopped = true;
    return taking;
  }
  let told: StreamEntry[] = [];
  /** Hands over together what came together; one that came alone does not wait. */
  function handTold(): void {
    const entries = told.filter(({ sequence }) => sequence >= next);
    told = [];
    if (stopped || entries.length === 0) return;
    const inOrder = entries.every(({ sequence }, at) => sequence === next + at);
    if (!inOrder || hand(entries) === "later") wake();
  }
  const subscription = connection.subscribe(TOLD_SUBJECT, {
    callback: (error, message) => {
      if (error || stopped) return;
      const sequence = Number(message.headers?.get("Nats-Sequence") ?? 0);
      told.push({ sequence, bytes: message.data });
      if (told.length === 1) queueMicrotask(handTold);
    },
  });

  /** Hands over what is there. Answers whether there may be more at once. */
  async function fetch(): Promise<boolean> {
    const asked = {
      ...{ seq: next, batch: JOURNAL_FETCH_ENTRIES_MAX, max_bytes: JOURNAL_FETCH_BYTES_MAX },
    };
    const entries: StreamEntry[] = [];
    // The last message has no payload: it says that the batch ends, or that there is nothing.
    const messages = await connection.requestMany(DIRECT_GET, JSON.stringify(asked), {
      strategy: "sentinel",
      maxWait: JOURNAL_ANSWER_TIMEOUT_MS,
    });
    for await (const { headers: about, data: bytes } of messages) {
      const sequence = Number(about?.get("Nats-Sequence") ?? 0);
      if (sequence > 0) entries.push({ sequence, bytes });
    }
    // Some may have come by being told of meanwhile.
    const missed = entries.filter(({ sequence }) => sequence >= next);
    return !stopped && missed.length > 0 && hand(missed) === "taken";
  }
  async function run(): Promise<void> {
    while (!stopped) {
      const woken = Promise.withResolvers<void>();
      wake = woken.resolve;
      const more = await fetch().catch(() => false);
      if (!more && !stopped) await withTimeout(woken.promise, JOURNAL_LOOK_MS);
    }
  }
  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      subscription.unsubscribe();
      wake();
      await running;
    },
  };
}
