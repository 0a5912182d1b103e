import type { UserId } from "../ids.ts";
import { ADMIN_TOKEN_LIFE_MS_MAX, TOKEN_LIFE_MS_MAX, TOKENS_PER_USER_MAX } from "../limits.ts";
import type { TokenScope } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";
import { type ActorFacts, refuseInactive, refuseToken } from "./actors.ts";
import { type RoomFacts, refuseUnseen } from "./rooms.ts";

export interface TokenCreateFacts {
  readonly actor: ActorFacts;
  /** Whose token it shall be. */
  readonly user: UserId;
  readonly scope: TokenScope;
  readonly expiresAt: number;
  /** The latest time that any entry named. */
  readonly at: number;
  /** Another token has this id. */
  readonly tokenExists: boolean;
  /** Tokens of the user that have not expired. */
  readonly tokens: number;
  /** The one room it shall be for, or null for all of the user's. */
  readonly bound: RoomFacts | null;
}

/** Says why a token may not be made, or null. It is made for oneself, with one's own key. */
export function refuseTokenCreate(facts: TokenCreateFacts): Refusal | null {
  const { actor, user, scope, bound } = facts;
  const forbidden = refuseInactive(actor, "make the token") ?? refuseToken(actor, "make the token");
  if (forbidden) return forbidden;
  if (actor.kind !== "user" || actor.user !== user) {
    return refusal("forbidden", "Cannot make the token: everybody makes their own, with their key");
  }
  if (scope === "admin" && actor.role !== "admin") {
    return refusal(
      "forbidden",
      'Cannot make the token: only an admin may make one of scope "admin"',
    );
  }
  return (bound && refuseBound(bound)) ?? refuseLife(facts) ?? refuseTokenCount(facts);
}

function refuseBound(bound: RoomFacts): Refusal | null {
  const unseen = refuseUnseen(bound, "make the token");
  if (unseen || bound.actorMember?.state === "active") return unseen;
  return refusal("forbidden", "Cannot make the token: it can be for a room only that you are in");
}

function refuseLife({ scope, expiresAt, at }: TokenCreateFacts): Refusal | null {
  const mostMs = scope === "admin" ? ADMIN_TOKEN_LIFE_MS_MAX : TOKEN_LIFE_MS_MAX;
  const lifeMs = expiresAt - at;
  if (lifeMs > 0 && lifeMs <= mostMs) return null;
  return refusal(
    "request-invalid",
    `Cannot make the token: it would live ${lifeMs} ms by the journal's time and may live 1 to ${mostMs}`,
  );
}

function refuseTokenCount({ tokenExists, tokens }: TokenCreateFacts): Refusal | null {
  if (tokenExists) {
    return refusal("already-issued", "Cannot make the token: another token has this id");
  }
  if (tokens < TOKENS_PER_USER_MAX) return null;
  return refusal(
    "tokens-full",
    `Cannot make the token: this user has ${tokens} and may have ${TOKENS_PER_USER_MAX}, revoke one`,
  );
}

export interface TokenRevokeFacts {
  readonly actor: ActorFacts;
  /** Whose token it is, or null when there is none of this id. */
  readonly owner: UserId | null;
}

/** Says why a token may not be revoked, or null. To others it answers as if there were none. */
export function refuseTokenRevoke({ actor, owner }: TokenRevokeFacts): Refusal | null {
  const forbidden =
    refuseInactive(actor, "revoke the token") ?? refuseToken(actor, "revoke the token");
  if (forbidden) return forbidden;
  if (actor.kind !== "user") {
    return refusal("forbidden", "Cannot revoke the token: only its user may, with the key");
  }
  if (owner === actor.user) return null;
  return refusal("token-not-found", "Cannot revoke the token: you have none of this id");
}
