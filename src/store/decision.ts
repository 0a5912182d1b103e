import type { RoomId, UserId } from "../core/ids.ts";
import type { Actor, Effect, MemberState, RoomRole } from "../core/operations.ts";
import type { Refusal } from "../core/problems.ts";
import { type ActorFacts, actorFactsOf } from "../core/rules/actors.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";
import { findToken } from "./tokens.ts";
import { findUser } from "./users.ts";

/** What the rules make of a change: nothing and why, or rows and effects. */
export type Decision =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | {
      readonly kind: "applied";
      readonly writes: readonly RowWrite[];
      readonly effects: readonly Effect[];
    };

/** What a change is decided on, beside itself and the database. */
export interface Circumstances {
  readonly actor: ActorFacts;
  /** The latest time that any entry named so far: it never goes back. */
  readonly at: number;
  /** The level of the bus: by which rules and with which columns it is decided. */
  readonly level: number;
}

export function refused(refusal: Refusal): Decision {
  return { kind: "refused", refusal };
}

export function applied(
  writes: readonly RowWrite[] = [],
  effects: readonly Effect[] = [],
): Decision {
  return { kind: "applied", writes, effects };
}

/** Finds what the rules know of an actor. `at`: what the expiry of a token is judged by. */
export function actorFacts(store: Store, actor: Actor, at: number): ActorFacts {
  const user = "user" in actor ? findUser(store, actor.user) : null;
  const token = actor.kind === "token" ? findToken(store, actor.token) : null;
  return actorFactsOf(actor, { user, token, at });
}

/** Who made something, as its row tells it: a user, `operator` or `anonymous`. */
export function creatorOf(actor: ActorFacts): string {
  return actor.kind === "user" ? actor.user : actor.kind;
}

/** A membership as it shall be stored. */
export function memberWrite(member: {
  readonly room: RoomId;
  readonly user: UserId;
  readonly role: RoomRole;
  readonly state: MemberState;
  readonly addedAt: number;
}): RowWrite {
  const { room, user, role, state, addedAt } = member;
  return {
    table: "members",
    key: `${room} ${user}`,
    row: { room, user, role, state, added_at: addedAt },
  };
}

export function rightsChanged(...users: readonly UserId[]): Effect {
  return { kind: "rights.changed", users };
}
