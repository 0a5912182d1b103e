import { PAGE_ROWS_MAX } from "../core/limits.ts";
import type { ChangeOf } from "../core/operations.ts";
import type { TokenRecord } from "../core/records.ts";
import { refuseTokenCreate, refuseTokenRevoke } from "../core/rules/tokens.ts";
import { roomFacts } from "./apply-rooms.ts";
import { applied, type Circumstances, type Decision, refused } from "./decision.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";
import { findToken, listTokens } from "./tokens.ts";

/** Makes a token, and forgets those of its user that have expired. */
export function decideTokenCreate(
  store: Store,
  change: ChangeOf<"token.create">,
  { actor, at }: Circumstances,
): Decision {
  const { user, token, scope, room, expiresAt } = change;
  const own = listTokens(store, { user, limit: PAGE_ROWS_MAX });
  const expired = own.filter((record) => record.expiresAt <= at);
  const refusal = refuseTokenCreate({
    ...{ actor, user, scope, expiresAt, at },
    tokenExists: findToken(store, token) !== null,
    tokens: own.length - expired.length,
    bound: room === null ? null : roomFacts(store, room, actor),
  });
  if (refusal) return refused(refusal);
  return applied([
    ...expired.map((record): RowWrite => ({ table: "tokens", key: record.token, row: null })),
    tokenWrite({ ...change, createdAt: at }),
  ]);
}

export function decideTokenRevoke(
  store: Store,
  { token }: ChangeOf<"token.revoke">,
  { actor }: Circumstances,
): Decision {
  const refusal = refuseTokenRevoke({ actor, owner: findToken(store, token)?.user ?? null });
  return refusal ? refused(refusal) : applied([{ table: "tokens", key: token, row: null }]);
}

function tokenWrite(record: TokenRecord): RowWrite {
  const { token, user, label, scope, room, hash, createdAt, expiresAt } = record;
  return {
    table: "tokens",
    key: token,
    row: { token, user, label, scope, room, hash, created_at: createdAt, expires_at: expiresAt },
  };
}
