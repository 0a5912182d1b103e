import { listNodes } from "../store/nodes.ts";
import type { Store } from "../store/open.ts";
import type { ClusterMembership } from "./cluster.ts";
import type { ClusterWritePath } from "./cluster-write-path.ts";
import { followRoll, type RouteRoll, type RouteRollOptions } from "./route-roll.ts";

/** Takes part in rolls of the bus CA, with what this node knows of the others; null without route TLS. */
export function openRoll(
  node: Pick<
    RouteRollOptions,
    "settings" | "dataPlane" | "routeTls" | "useRouteTls" | "roll" | "log"
  > & {
    readonly cluster: ClusterMembership | null;
    readonly store: Store;
    readonly journal: Pick<ClusterWritePath, "state">;
  },
): RouteRoll | null {
  const { cluster, store, journal } = node;
  if (!cluster || node.routeTls() === null) return null;
  const names = (isRemoved: boolean): readonly string[] =>
    listNodes(store)
      .filter(({ removedAt }) => (removedAt !== null) === isRemoved)
      .map(({ node: name }) => name);
  return followRoll({
    ...node,
    cluster,
    // One that joined and was never there counts too: it could come, and would be cut off.
    members: () => names(false),
    removed: () => names(true),
    follows: () => journal.state().ready,
  });
}
