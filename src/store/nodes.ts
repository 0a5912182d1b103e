import type { NodeTokenId } from "../core/ids.ts";
import { NODES_MAX } from "../core/limits.ts";
import type { NodeRecord, NodeTokenRecord } from "../core/records.ts";
import type { Store } from "./open.ts";

/** Finds a token for a node by its id, a used or expired one too. */
export function findNodeToken({ database }: Store, token: NodeTokenId): NodeTokenRecord | null {
  return database
    .query<NodeTokenRecord, { token: string }>(
      `SELECT token, created_by AS createdBy, created_at AS createdAt, expires_at AS expiresAt,
         used_by AS usedBy
       FROM node_tokens WHERE token = $token`,
    )
    .get({ token });
}

/** Counts the tokens for nodes that none has used and that have not expired by then. */
export function countOpenNodeTokens({ database }: Store, at: number): number {
  const row = database
    .query<{ count: number }, { at: number }>(
      "SELECT count(*) AS count FROM node_tokens WHERE expires_at > $at AND used_by IS NULL",
    )
    .get({ at });
  return row?.count ?? 0;
}

/** Lists the ids of the tokens for nodes that expired first, at most `limit` and none after `until`. */
export function listExpiredNodeTokens(
  { database }: Store,
  { until, limit }: { readonly until: number; readonly limit: number },
): readonly NodeTokenId[] {
  return database
    .query<{ token: NodeTokenId }, { until: number; limit: number }>(
      `SELECT token FROM node_tokens WHERE expires_at <= $until
       ORDER BY expires_at, token LIMIT $limit`,
    )
    .all({ until, limit })
    .map(({ token }) => token);
}

type NodeRow = Omit<NodeRecord, "clientUrls" | "apiUrls"> & {
  readonly clientUrls: string | null;
  readonly apiUrls: string | null;
};

const NODE_COLUMNS = `node, route, certificate, certificate_ends_at AS certificateEndsAt,
  joined_at AS joinedAt, client_urls AS clientUrls, api_urls AS apiUrls, version, format AS level,
  announced_at AS announcedAt, removed_at AS removedAt`;

/** Finds a node by its name, a removed one too. */
export function findNode({ database }: Store, node: string): NodeRecord | null {
  const row = database
    .query<NodeRow, { node: string }>(`SELECT ${NODE_COLUMNS} FROM nodes WHERE node = $node`)
    .get({ node });
  return row && recordOf(row);
}

/** Lists the nodes that joined by a token or told of themselves by name, removed ones too. */
export function listNodes({ database }: Store): readonly NodeRecord[] {
  return database
    .query<NodeRow, { limit: number }>(
      `SELECT ${NODE_COLUMNS} FROM nodes ORDER BY node LIMIT $limit`,
    )
    .all({ limit: NODES_MAX })
    .map(recordOf);
}

function recordOf(row: NodeRow): NodeRecord {
  return { ...row, clientUrls: urlsOf(row.clientUrls), apiUrls: urlsOf(row.apiUrls) };
}

/** Null in the row of a node that has told nothing of itself. */
function urlsOf(text: string | null): readonly string[] {
  // Rendered by apply.
  return text === null ? [] : (JSON.parse(text) as readonly string[]);
}
