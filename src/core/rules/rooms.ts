import type { UserId } from "../ids.ts";
import { ROOMS_PER_USER_MAX } from "../limits.ts";
import type { MemberState, RoomRole, UserState } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";
import { type ActorFacts, isAdmin, refuseInactive } from "./actors.ts";

/** What the rules know of a membership. */
export interface MemberFacts {
  readonly role: RoomRole;
  readonly state: MemberState;
}

/** What the rules know of an actor and a room. */
export interface RoomFacts {
  readonly actor: ActorFacts;
  /** Null when there is no such room. `createdBy`: `operator`, `anonymous` or a user id. */
  readonly room: { readonly createdBy: string } | null;
  /** The actor's own membership in it. */
  readonly actorMember: MemberFacts | null;
}

/**
 * Says whether an actor may act as an owner of a room. The local operator may in plain rooms, the
 * only ones there are, and `anonymous` in those that it made.
 */
export function ownsRoom({ actor, room, actorMember }: RoomFacts): boolean {
  if (actor.kind === "operator") return true;
  if (actor.kind === "anonymous") return room?.createdBy === "anonymous";
  return actor.role !== null && actorMember?.state === "active" && actorMember.role === "owner";
}

/** Says why a room is not there for an actor, or null. To outsiders it answers as if it were none. */
export function refuseUnseen(facts: RoomFacts, action: string): Refusal | null {
  const inactive = refuseInactive(facts.actor, action);
  if (inactive) return inactive;
  const seen = facts.actorMember !== null || ownsRoom(facts) || isAdmin(facts.actor);
  if (facts.room && seen) return null;
  return refusal("room-not-found", `Cannot ${action}: no room that you can see has this id`);
}

export interface RoomCreateFacts {
  readonly actor: ActorFacts;
  readonly roomExists: boolean;
  /** Who is named as its owner. */
  readonly owner: UserId | null;
  /** State of the owner to be, named or not; null when it is no user, or nobody. */
  readonly ownerState: UserState | null;
  /** Active memberships of the owner to be. */
  readonly ownerRooms: number;
}

/** Who owns a new room: never somebody else than the user who makes it. */
export function roomOwner({ actor, owner }: Pick<RoomCreateFacts, "actor" | "owner">) {
  return actor.kind === "user" ? actor.user : owner;
}

/** Says why a room may not be made, or null. */
export function refuseRoomCreate(facts: RoomCreateFacts): Refusal | null {
  const inactive = refuseInactive(facts.actor, "create the room");
  if (inactive) return inactive;
  if (facts.actor.kind !== "operator" && facts.owner !== null && !isOneself(facts)) {
    return refusal(
      "forbidden",
      "Cannot create the room: only the local operator may name somebody else as its owner",
    );
  }
  if (facts.roomExists) {
    return refusal("room-exists", "Cannot create the room: another room has this id");
  }
  if (roomOwner(facts) === null) return null;
  if (facts.ownerState === null) {
    return refusal("user-not-found", "Cannot create the room: its owner is no user of this bus");
  }
  if (facts.ownerState === "revoked") {
    return refusal("user-revoked", "Cannot create the room: its owner is revoked");
  }
  if (facts.ownerRooms >= ROOMS_PER_USER_MAX) {
    return refusal(
      "rooms-full",
      `Cannot create the room: its owner is in ${facts.ownerRooms} rooms and may be in ${ROOMS_PER_USER_MAX}`,
    );
  }
  return null;
}

function isOneself({ actor, owner }: RoomCreateFacts): boolean {
  return actor.kind === "user" && actor.user === owner;
}

/** Says why a room may not be deleted, or null. */
export function refuseRoomDelete(facts: RoomFacts): Refusal | null {
  const unseen = refuseUnseen(facts, "delete the room");
  if (unseen || ownsRoom(facts) || isAdmin(facts.actor)) return unseen;
  return refusal("forbidden", "Cannot delete the room: only its owners and admins may");
}
