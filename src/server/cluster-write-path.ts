import { Problem } from "../core/problems.ts";
import type { ReplicatedWritePath } from "./replicated-write-path.ts";
import type { AppliedListener, WritePath } from "./write-path.ts";

/** A write path whose journal comes later, when the other nodes are there. */
export interface ClusterWritePath extends WritePath, AsyncDisposable {
  /** Takes the journal's. Until then nothing is taken: a node of a cluster has no journal of its own. */
  open(path: ReplicatedWritePath): void;
  /** Whether this node follows the journal, and how far. */
  state(): { readonly ready: boolean; readonly detail: string };
  /** Whether what is here is recent enough for reads and logins. */
  isFresh(): boolean;
  /** How long that stays so if nothing more is heard, in ms; 0 when it is not. */
  freshMs(): number;
}

/** Makes the write path of a node of a cluster. */
export function createClusterWritePath(): ClusterWritePath {
  const listeners: AppliedListener[] = [];
  let opened: ReplicatedWritePath | null = null;
  let fault: Problem | null = null;

  function state(): { readonly ready: boolean; readonly detail: string } {
    if (!opened) return { ready: false, detail: "waits for a majority of the nodes" };
    if (fault) return { ready: false, detail: `stopped: ${fault.detail}` };
    const entry = `entry ${opened.applied()} is applied`;
    return opened.fresh()
      ? { ready: true, detail: entry }
      : { ready: false, detail: `${entry}, and nobody tells whether there are more` };
  }

  return {
    async commit(operation) {
      if (opened) return await opened.commit(operation);
      throw new Problem(
        "journal-unavailable",
        "Cannot record the operation: the cluster's journal is not reached yet, a majority of the nodes is needed",
      );
    },
    settled: async (operation) => (await opened?.settled(operation)) ?? null,
    onApplied: (listener) => {
      listeners.push(listener);
    },
    stopped: () => opened?.stopped() ?? null,
    withoutRoom: () => opened?.withoutRoom?.() ?? [],
    open(path) {
      opened = path;
      path.onApplied((committed, operation) => {
        for (const listener of listeners) listener(committed, operation);
      });
      void path.fault.then((problem) => {
        fault = problem;
      });
    },
    state,
    isFresh: () => opened !== null && fault === null && opened.fresh(),
    freshMs: () => (fault === null ? (opened?.freshMs() ?? 0) : 0),
    async [Symbol.asyncDispose]() {
      await opened?.[Symbol.asyncDispose]();
    },
  };
}
