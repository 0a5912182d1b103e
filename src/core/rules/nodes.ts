import {
  CLUSTER_NODES_MIN,
  NODE_TOKEN_LIFE_MS_MAX,
  NODE_TOKENS_OPEN_MAX,
  NODES_MAX,
} from "../limits.ts";
import { type Refusal, refusal } from "../problems.ts";
import { quote } from "../quote.ts";
import { type ActorFacts, refuseToken, refuseUserManager } from "./actors.ts";

export interface NodeTokenFacts {
  readonly actor: ActorFacts;
  readonly expiresAt: number;
  /** The latest time that any entry named. */
  readonly at: number;
  /** Another token has this id. */
  readonly tokenExists: boolean;
  /** Tokens for nodes that wait to be used. */
  readonly open: number;
}

/** Says why no token for a node may be made, or null. */
export function refuseNodeToken(facts: NodeTokenFacts): Refusal | null {
  const action = "make the token for a node";
  const forbidden = refuseToken(facts.actor, action) ?? refuseUserManager(facts.actor, action);
  if (forbidden) return forbidden;
  const lifeMs = facts.expiresAt - facts.at;
  if (lifeMs <= 0 || lifeMs > NODE_TOKEN_LIFE_MS_MAX) {
    return refusal(
      "request-invalid",
      `Cannot ${action}: it would live ${lifeMs} ms by the journal's time and may live 1 to ${NODE_TOKEN_LIFE_MS_MAX}`,
    );
  }
  if (facts.tokenExists) {
    return refusal("already-issued", `Cannot ${action}: another one has this id`);
  }
  if (facts.open < NODE_TOKENS_OPEN_MAX) return null;
  return refusal(
    "node-tokens-full",
    `Cannot ${action}: ${facts.open} wait to be used and ${NODE_TOKENS_OPEN_MAX} may`,
  );
}

export interface NodeJoinedFacts {
  readonly actor: ActorFacts;
  readonly node: string;
  /** Null when there is no such token. */
  readonly token: { readonly usedBy: string | null; readonly expiresAt: number } | null;
  /** The latest time that any entry named. */
  readonly at: number;
  /** The nodes that joined or told of themselves before, removed ones too. */
  readonly nodes: readonly Known[];
}

/** What the rules know of a node that is recorded. */
interface Known {
  readonly node: string;
  readonly announcedAt: number | null;
  readonly removedAt: number | null;
}

/** Says why a node may not join by a token, or null. Only joining spends it, a refusal does not. */
export function refuseNodeJoined(facts: NodeJoinedFacts): Refusal | null {
  const action = "let the node join";
  const forbidden = refuseToken(facts.actor, action) ?? refuseUserManager(facts.actor, action);
  if (forbidden) return forbidden;
  const dead = refuseDeadNodeToken(facts.token, facts.at);
  if (dead) return dead;
  const known = facts.nodes.find(({ node }) => node === facts.node);
  if (known) return known.removedAt === null ? nodeNameTaken(facts.node) : nameUsedUp(facts.node);
  return refuseOneMore(facts, action);
}

export interface NodeAnnouncedFacts {
  readonly actor: ActorFacts;
  readonly node: string;
  /** The nodes that joined or told of themselves before, removed ones too. */
  readonly nodes: readonly Known[];
}

/** Says why a node may not tell of itself, or null. No request asks for it: the node itself does. */
export function refuseNodeAnnounced(facts: NodeAnnouncedFacts): Refusal | null {
  const action = "announce the node";
  if (facts.actor.kind !== "operator") {
    return refusal("forbidden", `Cannot ${action}: only the node itself may`);
  }
  const known = facts.nodes.find(({ node }) => node === facts.node);
  if (!known) return refuseOneMore(facts, action);
  return known.removedAt === null ? null : nodeRemoved(facts.node, action);
}

export interface NodeRemovedFacts {
  readonly actor: ActorFacts;
  readonly node: string;
  /** All nodes that are recorded, this one too. */
  readonly nodes: readonly Known[];
}

/** Says why a node may not be removed, or null. It is for good, so no token may ask for it. */
export function refuseNodeRemoved(facts: NodeRemovedFacts): Refusal | null {
  const action = "remove the node";
  const forbidden = refuseToken(facts.actor, action) ?? refuseUserManager(facts.actor, action);
  if (forbidden) return forbidden;
  const known = facts.nodes.find(({ node }) => node === facts.node);
  if (!known) {
    return refusal("node-not-found", `Cannot ${action}: no node is named ${quote(facts.node)}`);
  }
  if (known.removedAt !== null) return nodeRemoved(facts.node, action);
  const remaining = facts.nodes.filter((one) => isNode(one) && one.node !== facts.node).length;
  if (remaining >= CLUSTER_NODES_MIN) return null;
  return refusal(
    "cluster-refused",
    `Cannot ${action}: ${remaining} would remain, and a cluster of one is none; let another machine join first`,
  );
}

/** Whether a recorded node is one of the cluster now: one that joined counts once it was there. */
export function isNode(known: Pick<Known, "announcedAt" | "removedAt">): boolean {
  return known.announcedAt !== null && known.removedAt === null;
}

/** The refusal of what names a node that was removed. */
export function nodeRemoved(node: string, action: string): Refusal {
  return refusal(
    "node-removed",
    `Cannot ${action}: ${quote(node)} was removed, and that is for good`,
  );
}

function refuseOneMore({ nodes }: { readonly nodes: readonly Known[] }, action: string) {
  if (nodes.length < NODES_MAX) return null;
  return refusal(
    "node-tokens-full",
    `Cannot ${action}: ${NODES_MAX} nodes are recorded, and no more may be`,
  );
}

function nameUsedUp(node: string): Refusal {
  return refusal(
    "node-name-taken",
    `Cannot join: ${quote(node)} is the name of a node that was removed, and names are used once; choose another with --server-name`,
  );
}

/** Says why a token lets no node in, or null. */
export function refuseDeadNodeToken(
  token: { readonly usedBy: string | null; readonly expiresAt: number } | null,
  at: number,
): Refusal | null {
  if (!token) {
    return refusal("node-token-wrong", "Cannot join: this bus has made no such token");
  }
  if (token.usedBy !== null) {
    const by = quote(token.usedBy);
    return refusal("node-token-used", `Cannot join: the node ${by} used the token, make a new one`);
  }
  if (token.expiresAt > at) return null;
  return refusal("node-token-expired", "Cannot join: the token has expired, make a new one");
}

/** The refusal of a name that another node has. */
export function nodeNameTaken(node: string): Refusal {
  return refusal(
    "node-name-taken",
    `Cannot join: another node is named ${quote(node)}, choose a name with --server-name`,
  );
}
