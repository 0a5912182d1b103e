import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  StorageType,
  type StreamInfo,
} from "@nats-io/jetstream";
import {
  headers,
  type Msg,
  type NatsConnection,
  RequestError,
  TimeoutError,
} from "@nats-io/transport-node";
import {
  type JournalStream,
  MEND_STREAM,
  type Published,
  type PublishOptions,
} from "../core/journal-stream.ts";
import {
  JOURNAL_ANSWER_TIMEOUT_MS,
  JOURNAL_MISSING_MS,
  JOURNAL_QUORUM_MS,
  JOURNAL_RETRY_MS,
} from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { follow, JOURNAL_STREAM, SUBJECT, TOLD_SUBJECT } from "./follow-stream.ts";

/** nats-server's own codes (`server/errors.json`). */
const STREAM_NOT_FOUND = 10_059;
/** Said before an entry is handed to the other replicas; whatever is said later proves nothing. */
const NOT_TAKEN = new Set([
  10_008, // The cluster has no leader.
  10_009, // It is not the leader.
  10_071, // It is not the last sequence.
]);

/**
 * Opens the stream that orders the entries of a cluster, and waits for it as long as `signal` allows:
 * a cluster that starts has no leader for a while. It is made where it is missing, if `create` says so;
 * its replicas are raised to what is asked, never lowered.
 * Throws "journal-damaged" where it is missing and may not be made, "not-ready" when `signal` ends it.
 * Source: NATS ADR-8, ADR-31 (batched direct get), `server/stream.go` (republish).
 */
export async function openControlStream(options: {
  readonly connection: NatsConnection;
  readonly replicas: number;
  readonly create: boolean;
  /** With it, the stream is made only once it counts as lost: it may be there, and is not seen yet. */
  readonly rebuild?: boolean;
  readonly signal: AbortSignal;
}): Promise<JournalStream> {
  const { connection, signal, rebuild = false } = options;
  const timeout = JOURNAL_ANSWER_TIMEOUT_MS;
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout });
  let last = "nobody answers";
  let missingSince: number | null = null;
  let { create } = options;
  while (!signal.aborted) {
    try {
      if (await makeStream(manager, { ...options, create }))
        return controlStream(connection, manager);
      missingSince ??= performance.now();
      const isLost = performance.now() - missingSince > JOURNAL_MISSING_MS;
      if (isLost && !rebuild) throw streamLost();
      create ||= isLost;
    } catch (error) {
      if (!isPassing(error)) throw error;
      last = error.message;
      missingSince = null;
    }
    await Bun.sleep(JOURNAL_RETRY_MS);
  }
  throw new Problem("not-ready", `Cannot open the journal of the cluster: ${last}`);
}

function streamLost(): Problem {
  return new Problem(
    "journal-damaged",
    `Cannot go on with this journal: the cluster has lost the stream of its entries; every node still has them: ${MEND_STREAM}`,
  );
}

/** Answers whether the stream is there, made now or before. */
async function makeStream(
  manager: JetStreamManager,
  {
    replicas,
    create,
    signal,
  }: { readonly replicas: number; readonly create: boolean; readonly signal: AbortSignal },
): Promise<boolean> {
  const info = await findStream(manager);
  if (info === null) {
    if (!create) return false;
    await manager.streams.add({
      name: JOURNAL_STREAM,
      subjects: [SUBJECT],
      storage: StorageType.File,
      num_replicas: replicas,
      discard: DiscardPolicy.New,
      deny_delete: true,
      deny_purge: true,
      allow_direct: true,
      republish: { src: SUBJECT, dest: TOLD_SUBJECT },
    });
  } else if (info.config.num_replicas < replicas) {
    await manager.streams.update(JOURNAL_STREAM, { num_replicas: replicas });
    while (!signal.aborted && !(await isFilled(manager, replicas)))
      await Bun.sleep(JOURNAL_RETRY_MS);
  }
  return true;
}

/**
 * Says whether every replica has what the leader has. A new one counts for the majority before it can
 * vote: until it can, no other node may be missed.
 */
async function isFilled(manager: JetStreamManager, replicas: number): Promise<boolean> {
  const info = await findStream(manager);
  const others = info?.cluster?.replicas ?? [];
  return others.length + 1 >= replicas && others.every(({ current }) => current);
}

async function findStream(manager: JetStreamManager): Promise<StreamInfo | null> {
  try {
    return await manager.streams.info(JOURNAL_STREAM);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return null;
    throw error;
  }
}

/** What a cluster answers, or does not, while it has no leader or too few nodes. */
function isPassing(error: unknown): error is Error {
  return (
    error instanceof TimeoutError ||
    error instanceof RequestError ||
    error instanceof JetStreamApiError
  );
}

function controlStream(connection: NatsConnection, manager: JetStreamManager): JournalStream {
  const connected = watchConnection(connection);
  return {
    // What is sent without a connection would wait in memory, and go out when nobody expects it.
    publish: async (bytes, options) =>
      connected()
        ? await publish(connection, bytes, options)
        : { kind: "not-taken", why: "this node's nats-server does not answer" },
    lastSequence: () => lastSequence(manager),
    async read(sequence) {
      const message = await manager.direct
        .getMessage(JOURNAL_STREAM, { seq: sequence })
        .catch(() => null);
      return message?.data ?? null;
    },
    follow: (options) => follow({ connection, ...options }),
  };
}

function watchConnection(connection: NatsConnection): () => boolean {
  let connected = true;
  void (async () => {
    for await (const { type } of connection.status()) {
      if (type === "disconnect") connected = false;
      if (type === "reconnect") connected = true;
    }
    connected = false;
  })();
  return () => connected;
}

async function publish(
  connection: NatsConnection,
  bytes: Uint8Array,
  options: PublishOptions,
): Promise<Published> {
  const more = headers();
  more.set("Nats-Msg-Id", options.once);
  if (options.expectLastSequence !== undefined) {
    more.set("Nats-Expected-Last-Sequence", String(options.expectLastSequence));
  }
  try {
    const answer = await connection.request(SUBJECT, bytes, {
      timeout: options.timeoutMs,
      headers: more,
    });
    return readAnswer(answer);
  } catch (error) {
    // Nobody subscribes to the subject while the stream has no leader.
    if (error instanceof RequestError && error.isNoResponders()) {
      return { kind: "not-taken", why: "the journal of the cluster has no leader" };
    }
    return { kind: "unknown", why: error instanceof Error ? error.message : String(error) };
  }
}

function readAnswer(answer: Msg): Published {
  const { seq, error } = answer.json<{
    readonly seq?: number;
    readonly error?: { readonly err_code?: number; readonly description?: string };
  }>();
  if (error) {
    const why = error.description ?? "no reason is given";
    return { kind: NOT_TAKEN.has(error.err_code ?? 0) ? "not-taken" : "unknown", why };
  }
  return seq
    ? { kind: "taken", sequence: seq }
    : { kind: "unknown", why: "the answer is no answer" };
}

/** Only a leader knows that most nodes have heard just now may say how far the journal goes. */
async function lastSequence(manager: JetStreamManager): Promise<number | null> {
  try {
    const { config, cluster, state } = await manager.streams.info(JOURNAL_STREAM);
    if (config.num_replicas > 1) {
      if (!cluster?.leader) return null;
      const heard = (cluster.replicas ?? []).filter(
        ({ active, offline }) => offline !== true && active / 1e6 < JOURNAL_QUORUM_MS,
      );
      if ((heard.length + 1) * 2 <= config.num_replicas) return null;
    }
    return state.last_seq;
  } catch {
    return null;
  }
}
