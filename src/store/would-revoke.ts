import type { UserId } from "../core/ids.ts";
import type { Operation } from "../core/operations.ts";
import { decideKeyReplace } from "./apply-replace-key.ts";
import { decideUserRevoke } from "./apply-users.ts";
import { actorFacts, type Circumstances, type Decision } from "./decision.ts";
import { findBus } from "./journal.ts";
import type { Store } from "./open.ts";

/** Names the users that an operation would revoke, if it were recorded now: none where the rules refuse it. */
export function listRevokedBy(store: Store, operation: Operation): readonly UserId[] {
  const bus = findBus(store);
  if (!bus) return [];
  const at = Math.max(bus.latestAt, operation.at);
  const actor = actorFacts(store, operation.actor, at);
  const decision = decide(store, operation, { actor, at, level: bus.level });
  if (decision?.kind !== "applied") return [];
  return decision.writes.flatMap(({ table, row }) =>
    table === "users" && row?.state === "revoked" ? [row.user as UserId] : [],
  );
}

function decide(
  store: Store,
  { change }: Operation,
  circumstances: Circumstances,
): Decision | null {
  switch (change.kind) {
    case "user.revoke":
      return decideUserRevoke(store, change, circumstances);
    case "user.replace-key":
      return decideKeyReplace(store, change, circumstances);
    default:
      return null;
  }
}
