import { dirname, join } from "node:path";
import { RESTORE_FILE } from "../core/node-files.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { findBeginning } from "../store/beginning.ts";
import { findNode } from "../store/nodes.ts";
import type { Store } from "../store/open.ts";
import { readRestoreMark } from "./restore-mark.ts";

/** Throws "cluster-refused" where a node of a cluster ran: its journal is not for one node to go on with. */
export function refuseClusterFolder(store: Store): void {
  if (!findBeginning(store)) return;
  throw new Problem(
    "cluster-refused",
    "Cannot use this folder: it is that of a node of a cluster, whose journal is kept by all of them; start the node with --cluster-name, as before",
  );
}

/**
 * Throws "cluster-refused" where a node of a cluster waits for its journal: without a database of its
 * bus, or with one that others may have gone on with.
 */
export function refuseMarkedFolder(db: string): void {
  const mark = readRestoreMark(db);
  if (!mark) return;
  const why =
    mark.kind === "growth"
      ? `its bus was about to go on in a cluster, and may have; start the node with --cluster-name, as before (to go back to one node, where no other was ever ready: stop them all, and remove "${join(dirname(db), RESTORE_FILE)}")`
      : `unibus node ${mark.kind} was run on it; start the node with --cluster-name, so that it takes up its cluster's journal`;
  throw new Problem("cluster-refused", `Cannot use this folder: ${why}`);
}

/** Whether the journal, as far as it is known here, removed the node of this name. */
export function isRemoved(store: Store, name: string): boolean {
  return (findNode(store, name)?.removedAt ?? null) !== null;
}

/** What a node ends with that was removed, and may not start with. */
export function removedProblem(name: string): Problem {
  return new Problem(
    "node-removed",
    `Cannot take part in the cluster: this node, ${quote(name)}, was removed from it, for good; keep what you need of its folder, and let the machine join as a new one, with an empty folder, a new token (unibus node token) and another name`,
  );
}
