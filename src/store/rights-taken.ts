import type { UserId } from "../core/ids.ts";
import { RIGHTS_TAKEN_PAUSE_MS, RIGHTS_TAKEN_PRUNED_MAX } from "../core/limits.ts";
import type { ActorFacts } from "../core/rules/actors.ts";
import type { Circumstances } from "./decision.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";

/** Finds when an actor last took rights from a user; null where it did not, or is no user. */
export function findRightsTaken(
  { database }: Store,
  { actor, user }: { readonly actor: ActorFacts; readonly user: UserId },
): number | null {
  if (actor.kind !== "user") return null;
  const row = database
    .query<{ at: number }, { actor: string; user: string }>(
      "SELECT at FROM rights_taken WHERE actor = $actor AND user = $user",
    )
    .get({ actor: actor.user, user });
  return row?.at ?? null;
}

/**
 * What is written where an actor takes rights from users: when it did, in the place of what is long over.
 * Nothing for the operator, and nothing of what a user gives up itself.
 */
export function rightsTakenWrites(
  store: Store,
  users: readonly UserId[],
  { actor, at, level }: Circumstances,
): readonly RowWrite[] {
  if (level < 2 || actor.kind !== "user") return [];
  const others = users.filter((user) => user !== actor.user);
  if (others.length === 0) return [];
  return [
    ...listOver(store, at - RIGHTS_TAKEN_PAUSE_MS).map(
      (key): RowWrite => ({ table: "rights_taken", key, row: null }),
    ),
    ...others.map(
      (user): RowWrite => ({
        table: "rights_taken",
        key: `${actor.user} ${user}`,
        row: { actor: actor.user, user, at },
      }),
    ),
  ];
}

/** Names the oldest rows that matter no more. */
function listOver({ database }: Store, until: number): readonly string[] {
  return database
    .query<{ key: string }, { until: number; limit: number }>(
      `SELECT actor || ' ' || user AS key FROM rights_taken WHERE at <= $until
       ORDER BY at, actor, user LIMIT $limit`,
    )
    .all({ until, limit: RIGHTS_TAKEN_PRUNED_MAX })
    .map(({ key }) => key);
}
