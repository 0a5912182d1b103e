import type { UserId } from "../core/ids.ts";
import { formatOf } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { hasActiveAdmin, hasUsers } from "../store/users.ts";
import type { RunningNode } from "./boot.ts";
import { newOperationId } from "./reads.ts";

/**
 * Says whether the bus has nobody yet. One that had an admin and has none now gets none unasked: its
 * operator may have meant that.
 */
export function needsFirstAdmin({ store }: RunningNode): boolean {
  return !hasUsers(store);
}

/** Says whether nobody but the operator may admit others. */
export function lacksAdmin({ store }: RunningNode): boolean {
  return !hasActiveAdmin(store);
}

/** Makes a user the first admin, as this machine's operator. Throws what the rules refuse. */
export async function seedFirstAdmin({ writePath }: RunningNode, user: UserId): Promise<void> {
  const id = newOperationId();
  const change = { kind: "user.seed", user, name: null } as const;
  const { outcome } = await writePath.commit({
    format: formatOf(change),
    id,
    at: Date.now(),
    actor: { kind: "operator" },
    evidence: { kind: "local", uid: process.getuid?.() ?? 0 },
    signatureId: null,
    idempotencyKey: null,
    requestDigest: id,
    change,
  });
  if (outcome.status === "refused") throw new Problem(outcome.refusal.code, outcome.refusal.detail);
}
