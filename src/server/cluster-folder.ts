import { Problem } from "../core/problems.ts";
import { findBeginning } from "../store/beginning.ts";
import type { Store } from "../store/open.ts";

/** Throws "cluster-refused" where a node of a cluster ran: its journal is not for one node to go on with. */
export function refuseClusterFolder(store: Store): void {
  if (!findBeginning(store)) return;
  throw new Problem(
    "cluster-refused",
    "Cannot use this folder: it is that of a node of a cluster, whose journal is kept by all of them; start the node with --cluster-name, as before",
  );
}
