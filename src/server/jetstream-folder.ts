import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { LOCK_RETRY_MS, NATS_TAKEOVER_WAIT_MS } from "../core/limits.ts";
import { LOCK_FILE } from "../core/node-files.ts";
import { Problem } from "../core/problems.ts";
import { wordsOf } from "../core/thrown.ts";
import { renameDurably } from "../system/files.ts";
import { acquireGuardLock } from "../system/lock.ts";
import type { Log } from "../system/log.ts";

/** What nats-server makes inside the folder that it is given (`server/jetstream.go`). */
const STREAMS = "jetstream";
/** What a server of a cluster keeps of its votes, in its system account (`server/jetstream_cluster.go`). */
const VOTES = join(STREAMS, "SYS", "_js_");

/** Whose the streams in a folder of JetStream are: one server's alone, a cluster's, or nobody's. */
export function streamsOf(natsStore: string): "alone" | "cluster" | "none" {
  if (existsSync(join(natsStore, VOTES))) return "cluster";
  const streams = join(natsStore, STREAMS);
  return existsSync(streams) && readdirSync(streams).length > 0 ? "alone" : "none";
}

/**
 * Takes a folder of JetStream as nats-server does, so that none runs there; waits a moment for one whose
 * node was just killed. Throws "folder-in-use".
 */
export function lockStreams(natsStore: string): Disposable {
  if (!existsSync(natsStore)) return new DisposableStack();
  const deadlineAt = performance.now() + NATS_TAKEOVER_WAIT_MS;
  for (;;) {
    const lock = acquireGuardLock(join(natsStore, LOCK_FILE));
    if (lock) return lock;
    if (performance.now() > deadlineAt) break;
    Bun.sleepSync(LOCK_RETRY_MS);
  }
  throw new Problem(
    "folder-in-use",
    `Cannot put aside what is in "${natsStore}": a nats-server uses it; stop it first`,
  );
}

/**
 * Puts JetStream's folder aside, beside where it lay, and answers where it is; null where there is none.
 * Call it with the folder locked. Throws "file-unusable".
 */
export function putStreamsAside(natsStore: string, name: string): string | null {
  const from = join(natsStore, STREAMS);
  if (!existsSync(from)) return null;
  const to = join(natsStore, `${STREAMS}-${name}`);
  try {
    renameDurably(from, to);
  } catch (cause) {
    throw new Problem(
      "file-unusable",
      `Cannot put the folder "${from}" aside as "${to}": ${wordsOf(cause)}`,
      { cause },
    );
  }
  return to;
}

/**
 * Keeps what one server stored alone and what it stored in a cluster apart: nats-server deletes the
 * streams of the one when it runs as the other. What is not of the kind that is started is put aside;
 * what is stays as it is, for a server that forgets its votes may vote against what it acknowledged.
 * Throws "folder-in-use" or "file-unusable".
 */
export function keepStreamsApart(options: {
  readonly natsStore: string;
  readonly clustered: boolean;
  readonly at: number;
  readonly log: Pick<Log, "warn">;
}): void {
  const { natsStore, clustered, at, log } = options;
  const found = streamsOf(natsStore);
  if (found === "none" || found === (clustered ? "cluster" : "alone")) return;
  using _lock = lockStreams(natsStore);
  const name = clustered ? "of-one-node" : "of-a-cluster";
  const aside = putStreamsAside(natsStore, `${name}-${stampOf(at)}`);
  const whose = clustered
    ? "this node's nats-server stored while it was on its own"
    : "this node's nats-server stored in a cluster that never took up its bus";
  log.warn("streams.put-aside", `what ${whose} was put aside, and is kept: ${aside}`, { aside });
}

/** A time as part of a file's name. */
export function stampOf(at: number): string {
  return new Date(at).toISOString().replaceAll(/[:.]/g, "-");
}
