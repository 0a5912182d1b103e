import assert from "node:assert/strict";
import { INVITES_PRUNED_MAX, NODE_TOKEN_KEPT_MS } from "../core/limits.ts";
import type { Change } from "../core/operations.ts";
import type { NodeTokenRecord } from "../core/records.ts";
import { refuseNodeJoined, refuseNodeToken } from "../core/rules/nodes.ts";
import { applied, type Circumstances, type Decision, refused } from "./decision.ts";
import { countOpenNodeTokens, findNodeToken, listExpiredNodeTokens, listNodes } from "./nodes.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";

type ChangeOf<Kind extends Change["kind"]> = Extract<Change, { kind: Kind }>;

/** Makes a token for a node, and forgets some of those that expired long ago. */
export function decideNodeToken(
  store: Store,
  { token, expiresAt }: ChangeOf<"node.token">,
  { actor, at }: Circumstances,
): Decision {
  const refusal = refuseNodeToken({
    ...{ actor, expiresAt, at },
    tokenExists: findNodeToken(store, token) !== null,
    open: countOpenNodeTokens(store, at),
  });
  if (refusal) return refused(refusal);
  const old = listExpiredNodeTokens(store, {
    until: at - NODE_TOKEN_KEPT_MS,
    limit: INVITES_PRUNED_MAX,
  });
  const createdBy = actor.kind === "user" ? actor.user : actor.kind;
  return applied([
    ...old.map((key): RowWrite => ({ table: "node_tokens", key, row: null })),
    nodeTokenWrite({ token, createdBy, createdAt: at, expiresAt, usedBy: null }),
  ]);
}

/** Spends a token on the node that joins by it. */
export function decideNodeJoined(
  store: Store,
  { token, node, route, certificate, certificateEndsAt }: ChangeOf<"node.joined">,
  { actor, at }: Circumstances,
): Decision {
  const record = findNodeToken(store, token);
  const nodes = listNodes(store).map((one) => one.node);
  const refusal = refuseNodeJoined({ ...{ actor, node, at, nodes }, token: record });
  if (refusal) return refused(refusal);
  assert(record);
  const row = { node, route, certificate, certificate_ends_at: certificateEndsAt, joined_at: at };
  return applied([nodeTokenWrite({ ...record, usedBy: node }), { table: "nodes", key: node, row }]);
}

function nodeTokenWrite(record: NodeTokenRecord): RowWrite {
  const { token, createdBy, createdAt, expiresAt, usedBy } = record;
  return {
    table: "node_tokens",
    key: token,
    row: {
      ...{ token, created_by: createdBy, created_at: createdAt },
      ...{ expires_at: expiresAt, used_by: usedBy },
    },
  };
}
