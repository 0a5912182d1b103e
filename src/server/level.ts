import { LEVEL_NEWEST } from "../core/level.ts";
import { NODE_ANNOUNCE_MS_MIN } from "../core/limits.ts";
import type { Commit } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { NodeRecord } from "../core/records.ts";
import { nodesBehind } from "../core/rules/levels.ts";
import { findBus, getBus } from "../store/journal.ts";
import { listNodes } from "../store/nodes.ts";
import type { Store } from "../store/open.ts";
import type { Log } from "../system/log.ts";
import { ownOperation } from "./own-operation.ts";

/**
 * Raises the bus of a node on its own to the newest level: nobody else has to know it. Where nothing can
 * be recorded just now it stays as it is until the next start.
 */
export async function raiseLoneBus(parts: {
  readonly store: Store;
  readonly commit: Commit;
  /** Ms since the epoch. */
  readonly now: () => number;
}): Promise<void> {
  const { store, commit, now } = parts;
  for (let { level } = getBus(store); level < LEVEL_NEWEST; level++) {
    const outcome = await commit(raise(level + 1, now())).then(
      (committed) => committed.outcome,
      (error: unknown) => {
        if (error instanceof Problem && error.code === "journal-unavailable") return null;
        throw error;
      },
    );
    if (outcome === null) return;
    if (outcome.status === "applied") continue;
    throw new Problem(outcome.refusal.code, outcome.refusal.detail);
  }
}

/**
 * Looks once whether the bus of a cluster can be raised, and raises it by one: when every node that is
 * not removed, and as many as the settings expect, announced that it knows the next level. All nodes see
 * that at once; each waits its turn, so that one does it and another stands in for it.
 */
export function createLevelRaiser(parts: {
  readonly store: Store;
  /** This node's server name. */
  readonly name: string;
  /** Nodes that there have to be at least, this one too. */
  readonly nodesExpected: () => number;
  readonly commit: Commit;
  /** Ms since the epoch. */
  readonly now: () => number;
  readonly log: Pick<Log, "info">;
}): () => Promise<void> {
  const { store, name, nodesExpected, commit, now, log } = parts;
  let dueAt: number | null = null;
  return async () => {
    const level = findBus(store)?.level ?? LEVEL_NEWEST;
    const nodes = listNodes(store).filter(({ removedAt }) => removedAt === null);
    const turn = nodes.findIndex(({ node }) => node === name);
    const isReady =
      level < LEVEL_NEWEST &&
      turn >= 0 &&
      nodes.length >= nodesExpected() &&
      nodesBehind(nodes, level + 1).length === 0;
    dueAt = isReady ? (dueAt ?? now() + turn * NODE_ANNOUNCE_MS_MIN) : null;
    if (dueAt === null || now() < dueAt) return;
    dueAt = null;
    const { seq, outcome } = await commit(raise(level + 1, now()));
    if (outcome.status === "refused") return;
    log.info("bus.raised", `the bus is of level ${level + 1}`, { seq, level: level + 1 });
  };
}

/** What keeps the bus from the newest level, for an operator; null when nothing does. */
export function levelWarning(
  level: number,
  nodes: readonly Pick<NodeRecord, "node" | "level" | "removedAt">[],
): string | null {
  const behind = level < LEVEL_NEWEST ? nodesBehind(nodes, level + 1) : [];
  if (behind.length === 0) return null;
  return `the bus stays at level ${level} until a newer unibus runs on ${behind.join(", ")}`;
}

function raise(level: number, at: number) {
  return ownOperation({ kind: "bus.raise", level }, at, "level");
}
