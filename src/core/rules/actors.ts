import type { RoomId, UserId } from "../ids.ts";
import type { Actor, BusRole, TokenScope, UserState } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";

/** What a token lets its user do: never more than the user's own rights. */
export interface TokenFacts {
  readonly scope: TokenScope;
  /** The one room it is for, or null for all of the user's. */
  readonly room: RoomId | null;
}

/** What the rules know of who acts. */
export type ActorFacts =
  | { readonly kind: "operator" }
  | { readonly kind: "anonymous" }
  | {
      readonly kind: "user";
      readonly user: UserId;
      /** Null when the key is no active user's now, or the token that stands for it counts no more. */
      readonly role: BusRole | null;
      /** What stands for the key; null where the key itself signed. */
      readonly token: TokenFacts | null;
    };

/** Joins who acts with what is stored of it. `at`: ms since the epoch; a token ends at its expiry. */
export function actorFactsOf(
  actor: Actor,
  stored: {
    readonly user: { readonly role: BusRole; readonly state: UserState } | null;
    /** The token of the actor's id, if there is one. */
    readonly token: (TokenFacts & { readonly user: UserId; readonly expiresAt: number }) | null;
    readonly at: number;
  },
): ActorFacts {
  if (actor.kind !== "user" && actor.kind !== "token") return actor;
  const { user } = actor;
  const role = stored.user?.state === "active" ? stored.user.role : null;
  if (actor.kind === "user") return { kind: "user", user, role, token: null };
  const { token, at } = stored;
  const counts = token !== null && token.user === user && token.expiresAt > at;
  return {
    kind: "user",
    user,
    role: counts ? role : null,
    token: counts ? { scope: token.scope, room: token.room } : { scope: "read", room: null },
  };
}

/** Says whether a bus admin acts, with all that an admin may. The operator is none: it is no user. */
export function isAdmin(actor: ActorFacts): boolean {
  if (actor.kind !== "user" || actor.role !== "admin") return false;
  return actor.token === null || (actor.token.scope === "admin" && actor.token.room === null);
}

/** Says why an actor may change nothing at all, or null. `action` completes "Cannot …". */
export function refuseInactive(actor: ActorFacts, action: string): Refusal | null {
  if (actor.kind !== "user") return null;
  if (actor.role === null) {
    const words = actor.token
      ? "the token has ended, or its user is no active one"
      : "the acting key is no active user of this bus";
    return refusal("forbidden", `Cannot ${action}: ${words}`);
  }
  if (actor.token?.scope !== "read") return null;
  return refusal("forbidden", `Cannot ${action}: the token may only read`);
}

/** Says why an actor may not manage users, or null. */
export function refuseUserManager(actor: ActorFacts, action: string): Refusal | null {
  if (actor.kind === "operator" || isAdmin(actor)) return null;
  return (
    refuseInactive(actor, action) ??
    refusal("forbidden", `Cannot ${action}: only an admin or the local operator may`)
  );
}

/**
 * Says why what acts for good may not be made by this actor, or null: keys, tokens and invites are
 * never made by a token, so that whoever stole one has it for its life and no longer.
 */
export function refuseToken(actor: ActorFacts, action: string): Refusal | null {
  if (actor.kind !== "user" || actor.token === null) return null;
  return refusal("forbidden", `Cannot ${action}: a token may not, sign the request with the key`);
}

/** Says whether a token acts that is for one room, and not for this one. */
export function isBoundElsewhere(actor: ActorFacts, room: RoomId | null): boolean {
  if (actor.kind !== "user") return false;
  const bound = actor.token?.room ?? null;
  return bound !== null && bound !== room;
}
