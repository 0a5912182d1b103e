import type { UserId } from "../core/ids.ts";
import type { Operation } from "../core/operations.ts";
import { decideUserRevoke } from "./apply-users.ts";
import { actorFacts } from "./decision.ts";
import { findBus } from "./journal.ts";
import type { Store } from "./open.ts";

/** Names the users that an operation would revoke if it were recorded now: none where the rules refuse it. */
export function listRevokedBy(store: Store, { change, actor, at }: Operation): readonly UserId[] {
  const bus = findBus(store);
  if (!bus || change.kind !== "user.revoke") return [];
  const latestAt = Math.max(bus.latestAt, at);
  const decision = decideUserRevoke(store, change, {
    actor: actorFacts(store, actor, latestAt),
    at: latestAt,
    level: bus.level,
  });
  if (decision.kind !== "applied") return [];
  return decision.effects.flatMap((effect) =>
    effect.kind === "rights.changed" ? effect.users : [],
  );
}
