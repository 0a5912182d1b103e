import type { RoomId, UserId } from "../ids.ts";
import { ROOMS_PER_USER_MAX } from "../limits.ts";
import type { MemberState, RoomRole, UserState } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";
import type { RoomContent } from "../records.ts";
import { type ActorFacts, isAdmin, isBoundElsewhere, refuseInactive } from "./actors.ts";

/** What the rules know of a membership. */
export interface MemberFacts {
  readonly role: RoomRole;
  readonly state: MemberState;
}

/** What the rules know of an actor and a room. */
export interface RoomFacts {
  readonly actor: ActorFacts;
  /** Null when there is no such room. `createdBy`: `operator`, `anonymous` or a user id. */
  readonly room: {
    readonly room: RoomId;
    readonly content: RoomContent;
    readonly createdBy: string;
  } | null;
  /** The actor's own membership in it. */
  readonly actorMember: MemberFacts | null;
}

/**
 * Says whether an actor may act as an owner of a room. The local operator may in plain rooms, and
 * `anonymous` in those that it made.
 */
export function ownsRoom({ actor, room, actorMember }: RoomFacts): boolean {
  if (actor.kind === "operator") return room?.content === "plain";
  if (actor.kind === "anonymous") return room?.createdBy === "anonymous";
  if (actor.role === null || isBoundElsewhere(actor, room?.room ?? null)) return false;
  return actorMember?.state === "active" && actorMember.role === "owner";
}

/** Says whether an actor may delete any room and remove anybody from it, but not look into it. */
export function overseesRooms(actor: ActorFacts): boolean {
  return actor.kind === "operator" || isAdmin(actor);
}

/** Says why a room is not there for an actor, or null. To outsiders it answers as if it were none. */
export function refuseUnseen(facts: RoomFacts, action: string): Refusal | null {
  const { actor, room, actorMember } = facts;
  const inactive = refuseInactive(actor, action);
  if (inactive) return inactive;
  const seen = actorMember !== null || ownsRoom(facts) || overseesRooms(actor);
  if (room && seen && !isBoundElsewhere(actor, room.room)) return null;
  return refusal("room-not-found", `Cannot ${action}: no room that you can see has this id`);
}

export interface RoomCreateFacts {
  readonly actor: ActorFacts;
  readonly roomExists: boolean;
  readonly content: RoomContent;
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
  const maker = refuseRoomMaker(facts);
  if (maker) return maker;
  if (facts.roomExists) {
    return refusal("room-exists", "Cannot create the room: there is or was a room of this id");
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

function refuseRoomMaker(facts: RoomCreateFacts): Refusal | null {
  const { actor, owner, content } = facts;
  const inactive = refuseInactive(actor, "create the room");
  if (inactive) return inactive;
  if (isBoundElsewhere(actor, null)) {
    return refusal("forbidden", "Cannot create the room: the token is for one room only");
  }
  const isOneself = actor.kind === "user" && actor.user === owner;
  if (content === "encrypted" && !isOneself) {
    return refusal(
      "forbidden",
      "Cannot create the room: an encrypted one is made by its owner, who signed its first record",
    );
  }
  if (actor.kind === "operator" || owner === null || isOneself) return null;
  return refusal(
    "forbidden",
    "Cannot create the room: only the local operator may name somebody else as its owner",
  );
}

export interface RoomUpdateFacts extends RoomFacts {
  /** False when the caller saw another version than the one there is. */
  readonly isVersion: boolean;
}

/** Says why a room may not be changed, or null. */
export function refuseRoomUpdate(facts: RoomUpdateFacts): Refusal | null {
  const unseen = refuseUnseen(facts, "change the room");
  if (unseen) return unseen;
  if (!ownsRoom(facts)) {
    return refusal("forbidden", "Cannot change the room: only its owners may");
  }
  return facts.isVersion ? null : versionConflict("change the room");
}

/** Says that a record is not the one that the caller saw. */
export function versionConflict(action: string): Refusal {
  return refusal(
    "version-conflict",
    `Cannot ${action}: it was changed after the version that If-Match names, read it again`,
  );
}

/** Says why a room may not be deleted, or null. */
export function refuseRoomDelete(facts: RoomFacts): Refusal | null {
  const unseen = refuseUnseen(facts, "delete the room");
  if (unseen || ownsRoom(facts) || overseesRooms(facts.actor)) return unseen;
  return refusal("forbidden", "Cannot delete the room: only its owners and admins may");
}
