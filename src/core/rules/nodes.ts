import { NODE_TOKEN_LIFE_MS_MAX, NODE_TOKENS_OPEN_MAX, NODES_MAX } from "../limits.ts";
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
  /** Names of the nodes that joined before. */
  readonly nodes: readonly string[];
}

/** Says why a node may not join by a token, or null. Only joining spends it, a refusal does not. */
export function refuseNodeJoined(facts: NodeJoinedFacts): Refusal | null {
  const action = "let the node join";
  const forbidden = refuseToken(facts.actor, action) ?? refuseUserManager(facts.actor, action);
  if (forbidden) return forbidden;
  const dead = refuseDeadNodeToken(facts.token, facts.at);
  if (dead) return dead;
  if (facts.nodes.includes(facts.node)) return nodeNameTaken(facts.node);
  if (facts.nodes.length < NODES_MAX) return null;
  return refusal("node-tokens-full", `Cannot ${action}: ${NODES_MAX} have joined, and no more may`);
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
