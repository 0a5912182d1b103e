import type { TokenId, UserId } from "../core/ids.ts";
import type { TokenRecord } from "../core/records.ts";
import type { Store } from "./open.ts";
import { pageRows } from "./users.ts";

const COLUMNS = `token, user, label, scope, room, hash, created_at AS createdAt,
  expires_at AS expiresAt`;

/** Finds a token by its id, an expired one too. */
export function findToken({ database }: Store, token: TokenId): TokenRecord | null {
  return database
    .query<TokenRecord, { token: string }>(`SELECT ${COLUMNS} FROM tokens WHERE token = $token`)
    .get({ token });
}

/** Lists the tokens of a user by id, those after `after`; expired ones too. */
export function listTokens(
  { database }: Store,
  options: {
    readonly user: UserId;
    readonly after?: TokenId | undefined;
    readonly limit: number;
  },
): readonly TokenRecord[] {
  const { user, after, limit } = options;
  return database
    .query<TokenRecord, { user: string; after: string; limit: number }>(
      `SELECT ${COLUMNS} FROM tokens WHERE user = $user AND token > $after
       ORDER BY token LIMIT $limit`,
    )
    .all({ user, after: after ?? "", limit: pageRows(limit) });
}
