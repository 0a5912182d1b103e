import { CLUSTER_WAIT_MS } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import type { NatsConnection } from "../nats/connection.ts";
import type { Store } from "../store/open.ts";
import type { Log } from "../system/log.ts";
import { withTimeout } from "../system/wait.ts";
import { awayWords, clusterParts } from "./cluster.ts";
import { isRemoved, removedProblem } from "./cluster-folder.ts";
import type { ClusterWritePath } from "./cluster-write-path.ts";
import type { DataPlane } from "./data-plane.ts";
import type { ReplicatedWritePath } from "./replicated-write-path.ts";

export interface Joining extends AsyncDisposable {
  /** Resolves when the node first does its work. */
  readonly ready: Promise<void>;
  /** Resolves with the reason when the node cannot take part. */
  readonly fault: Promise<Problem>;
}

/**
 * Takes part in a cluster: opens its journal as soon as the other nodes are there, however long that
 * takes, and tells the log when the node begins and ceases to do its work. It waits for nobody before it
 * is alive itself: so nodes may be started in any order.
 */
export function joinCluster(parts: {
  readonly dataPlane: DataPlane;
  readonly writePath: ClusterWritePath;
  readonly store: Store;
  /** This node's server name. */
  readonly name: string;
  readonly openJournal: (
    control: NatsConnection,
    signal: AbortSignal,
  ) => Promise<ReplicatedWritePath>;
  /** Tells the others of this node, from then on. */
  readonly announce: () => AsyncDisposable;
  /** What the line that tells readiness holds. */
  readonly urls: () => Readonly<Record<string, string>>;
  readonly log: Log;
}): Joining {
  const { dataPlane, writePath, store, name, log } = parts;
  const ready = Promise.withResolvers<void>();
  const fault = Promise.withResolvers<Problem>();
  const stopped = Promise.withResolvers<"stopped">();
  const stop = new AbortController();
  let stopping = false;
  let control: NatsConnection | null = null;
  let announcing: AsyncDisposable | null = null;

  async function open(): Promise<void> {
    if (!dataPlane.connectControl) return;
    const connection = await dataPlane.connectControl();
    control = connection;
    const path = await parts.openJournal(connection, stop.signal);
    writePath.open(path);
    void path.fault.then((problem) => {
      log.error("journal.stopped", problem.detail);
      // Only another unibus can go on, so there is nothing to wait for.
      if (problem.code === "level-too-old") fault.resolve(problem);
    });
    path.onApplied(({ outcome }, { change }) => {
      const isOwn = change.kind === "node.removed" && change.node === name;
      if (isOwn && outcome.status === "applied") leave(path);
    });
    // It may have been applied before anybody listened.
    if (isRemoved(store, name)) leave(path);
    else if (!stopping) announcing = parts.announce();
  }

  /** Takes no further part: nothing is answered and nobody is in from here on. */
  function leave(path: ReplicatedWritePath): void {
    const problem = removedProblem(name);
    path.stop(problem);
    dataPlane.admit(0);
    fault.resolve(problem);
  }

  /** The parts that are not ready, in words, none when the node does its work; and who is away. */
  async function look(): Promise<{
    readonly late: readonly string[];
    readonly away: string | null;
  }> {
    const { cluster, ready: plane, detail } = await dataPlane.report();
    const journal = { part: "journal", ...writePath.state() };
    const all = [{ part: "data-plane", ready: plane, detail }, ...clusterParts(cluster), journal];
    const late = all.filter((one) => !one.ready).map((one) => `${one.part}: ${one.detail}`);
    return { late, away: cluster && awayWords(cluster) };
  }

  async function follow(): Promise<void> {
    let told: string | null = null;
    let toldAway: string | null = null;
    while (!stopping) {
      // Who knows nothing new admits nobody: the latest change may be that somebody is revoked.
      dataPlane.admit(writePath.freshMs());
      const { late, away } = await look();
      const words = late.map((part) => part.split(":", 1)[0]).join(", ");
      if (words !== told && !stopping) {
        if (late.length > 0) log.warn("node.unready", `the node waits: ${late.join("; ")}`);
        else log.info("node.ready", "the node is ready", parts.urls());
        told = words;
      }
      if (late.length === 0) {
        if (away !== toldAway && away !== null) log.warn("node.away", away);
        toldAway = away;
        ready.resolve();
      }
      await withTimeout(stopped.promise, CLUSTER_WAIT_MS);
    }
  }

  const opening = open().catch((error: unknown) => {
    if (!stopping) fault.resolve(problemOf(error));
  });
  const following = follow();

  return {
    ready: ready.promise,
    fault: fault.promise,
    async [Symbol.asyncDispose]() {
      stopping = true;
      stopped.resolve("stopped");
      stop.abort();
      await following;
      await opening;
      const silenced = announcing?.[Symbol.asyncDispose]();
      await writePath[Symbol.asyncDispose]();
      await silenced;
      await control?.close();
    },
  };
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const why = error instanceof Error ? error.message : "unknown";
  return new Problem("start-failed", `take part in the cluster: ${why}`, { cause: error });
}
