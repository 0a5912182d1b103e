import type { UserId } from "../ids.ts";
import type { BusRole } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";

/** What the rules know of who acts. */
export type ActorFacts =
  | { readonly kind: "operator" }
  | { readonly kind: "anonymous" }
  /** The role is null when the key belongs to no user who is active now. */
  | { readonly kind: "user"; readonly user: UserId; readonly role: BusRole | null };

/** Says whether a bus admin acts. The operator is none: it is no user. */
export function isAdmin(actor: ActorFacts): boolean {
  return actor.kind === "user" && actor.role === "admin";
}

/** Says why an actor may do nothing at all, or null. `action` completes "Cannot …". */
export function refuseInactive(actor: ActorFacts, action: string): Refusal | null {
  if (actor.kind !== "user" || actor.role !== null) return null;
  return refusal("forbidden", `Cannot ${action}: the acting key is no active user of this bus`);
}

/** Says why an actor may not manage users, or null. */
export function refuseUserManager(actor: ActorFacts, action: string): Refusal | null {
  if (actor.kind === "operator" || isAdmin(actor)) return null;
  return (
    refuseInactive(actor, action) ??
    refusal("forbidden", `Cannot ${action}: only an admin or the local operator may`)
  );
}
