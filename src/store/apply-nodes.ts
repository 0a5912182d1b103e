import assert from "node:assert/strict";
import { canonicalJson } from "../core/canonical.ts";
import { INVITES_PRUNED_MAX, NODE_TOKEN_KEPT_MS } from "../core/limits.ts";
import type { ChangeOf } from "../core/operations.ts";
import type { NodeRecord, NodeTokenRecord } from "../core/records.ts";
import {
  refuseNodeAnnounced,
  refuseNodeJoined,
  refuseNodeRemoved,
  refuseNodeToken,
} from "../core/rules/nodes.ts";
import { applied, type Circumstances, type Decision, refused } from "./decision.ts";
import { countOpenNodeTokens, findNodeToken, listExpiredNodeTokens, listNodes } from "./nodes.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";

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
  const nodes = listNodes(store);
  const refusal = refuseNodeJoined({ ...{ actor, node, at, nodes }, token: record });
  if (refusal) return refused(refusal);
  assert(record);
  const row = { node, route, certificate, certificate_ends_at: certificateEndsAt, joined_at: at };
  return applied([nodeTokenWrite({ ...record, usedBy: node }), { table: "nodes", key: node, row }]);
}

/** Records what a node tells of itself, beside when it joined. */
export function decideNodeAnnounced(
  store: Store,
  { kind: _, format: level, ...announcement }: ChangeOf<"node.announced">,
  { actor, at }: Circumstances,
): Decision {
  const { node } = announcement;
  const nodes = listNodes(store);
  const refusal = refuseNodeAnnounced({ actor, node, nodes });
  if (refusal) return refused(refusal);
  const known = nodes.find((one) => one.node === node);
  const route = announcement.route ?? known?.route ?? null;
  const joinedAt = known?.joinedAt ?? null;
  return applied([
    nodeWrite({ ...announcement, level, route, joinedAt, announcedAt: at, removedAt: null }),
  ]);
}

/** Takes a node out for good: its row stays, so that its name is never used again. */
export function decideNodeRemoved(
  store: Store,
  { node }: ChangeOf<"node.removed">,
  { actor, at }: Circumstances,
): Decision {
  const nodes = listNodes(store);
  const refusal = refuseNodeRemoved({ actor, node, nodes });
  if (refusal) return refused(refusal);
  const known = nodes.find((one) => one.node === node);
  assert(known);
  return applied([nodeWrite({ ...known, removedAt: at })]);
}

function nodeWrite(record: NodeRecord): RowWrite {
  const { node, route, certificate, certificateEndsAt, joinedAt } = record;
  const { clientUrls, apiUrls, version, level, announcedAt, removedAt } = record;
  return {
    table: "nodes",
    key: node,
    row: {
      ...{ node, route, certificate, certificate_ends_at: certificateEndsAt, joined_at: joinedAt },
      ...{ client_urls: canonicalJson(clientUrls), api_urls: canonicalJson(apiUrls) },
      ...{ version, format: level, announced_at: announcedAt, removed_at: removedAt },
    },
  };
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
