import type { UserId } from "../core/ids.ts";
import { PAGE_ROWS_MAX } from "../core/limits.ts";
import type { UserRecord } from "../core/records.ts";
import { nameKey } from "../core/rules/names.ts";
import type { Store } from "./open.ts";

const COLUMNS = `user, name, role, state, accept, created_at AS createdAt, changed_at AS changedAt,
  successor, COALESCE(key_number, 1) AS keyNumber`;

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

/** Lists users by key, those after `after`; keys that were replaced are in it if `replaced` says so. */
export function listUsers(
  { database }: Store,
  options: {
    readonly after?: UserId | undefined;
    readonly limit: number;
    readonly replaced?: boolean | undefined;
  },
): readonly UserRecord[] {
  const { after = "", limit, replaced = false } = options;
  const present = replaced ? "" : "AND successor IS NULL";
  return database
    .query<UserRecord, { after: string; limit: number }>(
      `SELECT ${COLUMNS} FROM users WHERE user > $after ${present} ORDER BY user LIMIT $limit`,
    )
    .all({ after, limit: pageRows(limit) });
}

/** Lists a user and the keys that took its place one after the other; [] for no user. */
export function listSuccessors(store: Store, user: UserId): readonly UserRecord[] {
  const chain: UserRecord[] = [];
  // A key is new when it takes another's place, so that no chain leads back into itself.
  for (let next: UserId | null = user; next !== null; ) {
    const record = findUser(store, next);
    if (!record) break;
    chain.push(record);
    next = record.successor;
  }
  return chain;
}

/** Counts the replacements that led to a key after a time, at most `limit`. */
export function countReplacements(
  store: Store,
  head: UserRecord,
  { after, limit }: { readonly after: number; readonly limit: number },
): number {
  let count = 0;
  for (let record: UserRecord | null = head; record && count < limit; count++) {
    if (record.keyNumber === 1 || record.createdAt <= after) break;
    record = findPredecessor(store, record.user);
  }
  return count;
}

function findPredecessor({ database }: Store, user: UserId): UserRecord | null {
  return database
    .query<UserRecord, { user: string }>(`SELECT ${COLUMNS} FROM users WHERE successor = $user`)
    .get({ user });
}

/** Says whether the bus knows anybody at all. */
export function hasUsers({ database }: Store): boolean {
  return database.query("SELECT 1 FROM users LIMIT 1").get() !== null;
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
