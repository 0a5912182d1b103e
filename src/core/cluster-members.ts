import type { NodeRecord } from "./records.ts";
import { isNode } from "./rules/nodes.ts";

type Recorded = Pick<NodeRecord, "node" | "announcedAt" | "removedAt">;

/** The other nodes that a node has to have routes to. */
export interface ExpectedNodes {
  readonly count: number;
  /** Those whose names are known; the settings name routes, not nodes. */
  readonly names: readonly string[];
  /** Names of those that were removed: a route to one is none. */
  readonly removed: readonly string[];
}

/**
 * Which other nodes there should be: those that are recorded, or as many as the settings have routes to
 * others, less those that were removed, where these are more. Before nodes have told of themselves only
 * the settings are there; afterwards a route to a node that is gone for good may stay in them.
 */
export function expectedNodes(facts: {
  readonly self: string;
  /** Routes of the settings to other nodes. */
  readonly configured: number;
  readonly nodes: readonly Recorded[];
}): ExpectedNodes {
  const others = facts.nodes.filter(({ node }) => node !== facts.self);
  const names = others.filter(isNode).map(({ node }) => node);
  const removed = others.filter(({ removedAt }) => removedAt !== null).map(({ node }) => node);
  return { count: Math.max(names.length, facts.configured - removed.length), names, removed };
}

/** Which of the nodes that should be there are, by the names that this one has routes to. */
export function presentNodes(
  expected: ExpectedNodes,
  connected: readonly string[],
): {
  readonly routes: readonly string[];
  readonly away: readonly string[];
  readonly missing: number;
} {
  const routes = connected.filter((name) => !expected.removed.includes(name));
  const away = expected.names.filter((name) => !routes.includes(name));
  return { routes, away, missing: Math.max(away.length, expected.count - routes.length, 0) };
}
