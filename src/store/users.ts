import type { UserId } from "../core/ids.ts";
import { PAGE_ROWS_MAX } from "../core/limits.ts";
import type { UserRecord } from "../core/records.ts";
import { nameKey } from "../core/rules/names.ts";
import type { Store } from "./open.ts";

const COLUMNS = "user, name, role, state, accept, created_at AS createdAt, changed_at AS changedAt";

export function findUser({ database }: Store, user: UserId): UserRecord | null {
  return database
    .query<UserRecord, { user: string }>(`SELECT ${COLUMNS} FROM users WHERE user = $user`)
    .get({ user });
}

/** Finds the user of a name, in whatever case it is typed. */
export function findUserByName({ database }: Store, name: string): UserRecord | null {
  return database
    .query<UserRecord, { nameKey: string }>(
      `SELECT ${COLUMNS} FROM users WHERE name_key = $nameKey`,
    )
    .get({ nameKey: nameKey(name) });
}

/** Lists users by key, those after `after`. */
export function listUsers(
  { database }: Store,
  { after, limit }: { readonly after?: UserId | undefined; readonly limit: number },
): readonly UserRecord[] {
  return database
    .query<UserRecord, { after: string; limit: number }>(
      `SELECT ${COLUMNS} FROM users WHERE user > $after ORDER BY user LIMIT $limit`,
    )
    .all({ after: after ?? "", limit: pageRows(limit) });
}

/** Says whether anybody but the operator could manage the bus. */
export function hasActiveAdmin({ database }: Store): boolean {
  return (
    database
      .query("SELECT 1 FROM users WHERE role = 'admin' AND state = 'active' LIMIT 1")
      .get() !== null
  );
}

/** Says whether a user is an active admin, and no other one is. */
export function isLastAdmin({ database }: Store, user: UserId): boolean {
  const [first, second] = database
    .query<{ user: string }, []>(
      "SELECT user FROM users WHERE role = 'admin' AND state = 'active' LIMIT 2",
    )
    .all();
  return first?.user === user && !second;
}

/** The rows of one page: no list is unbounded, whatever is asked. */
export function pageRows(limit: number): number {
  return Math.max(0, Math.min(limit, PAGE_ROWS_MAX));
}
