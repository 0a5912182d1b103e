import type { UserId } from "../ids.ts";
import { MEMBERS_PER_ROOM_MAX, PENDING_PER_USER_MAX, ROOMS_PER_USER_MAX } from "../limits.ts";
import type { AcceptSetting, MemberState, RoomRole, UserState } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";
import { isAdmin } from "./actors.ts";
import {
  type MemberFacts,
  overseesRooms,
  ownsRoom,
  type RoomFacts,
  refuseUnseen,
} from "./rooms.ts";

export interface MemberAddFacts extends RoomFacts {
  /** The user to be added, or null when it is none. */
  readonly target: { readonly state: UserState; readonly accept: AcceptSetting } | null;
  /** The membership it has already. */
  readonly targetMember: MemberFacts | null;
  /** The role that it shall have. */
  readonly role: RoomRole;
  /** It is an active owner of the room, and no other active user is one. */
  readonly isLastOwner: boolean;
  /** Memberships of the room, pending ones too. */
  readonly roomMembers: number;
  /** The user's active memberships in all rooms. */
  readonly targetRooms: number;
  /** The user's pending memberships in all rooms. */
  readonly targetPending: number;
}

/** Decides whether an added user is a member at once or has to accept first. */
export function memberStateOnAdd(facts: MemberAddFacts): MemberState {
  if (facts.actor.kind === "operator") return "active";
  if (facts.targetMember) return facts.targetMember.state;
  if (facts.target?.accept === "all") return "active";
  return facts.target?.accept === "from-admins" && isAdmin(facts.actor) ? "active" : "pending";
}

/** Says why a user may not be added to a room, or given another role in it, or null. */
export function refuseMemberAdd(facts: MemberAddFacts): Refusal | null {
  const unseen = refuseUnseen(facts, "add the member");
  if (unseen) return unseen;
  const owns = ownsRoom(facts);
  if (facts.room?.content === "encrypted" && (owns || facts.actor.kind === "operator")) {
    return refusal(
      "record-required",
      "Cannot add the member: the room is encrypted, and its members sign who joins them",
    );
  }
  if (!owns) {
    return refusal("forbidden", "Cannot add the member: only an owner of the room may");
  }
  if (!facts.target) {
    return refusal("user-not-found", "Cannot add the member: no user has this key");
  }
  if (facts.target.state === "revoked") {
    return refusal("user-revoked", "Cannot add the member: this user is revoked");
  }
  return (
    (facts.role === "owner" ? null : refuseLastOwner(facts, "change the role")) ?? refuseFull(facts)
  );
}

function refuseFull(facts: MemberAddFacts): Refusal | null {
  if (!facts.targetMember && facts.roomMembers >= MEMBERS_PER_ROOM_MAX) {
    return refusal(
      "room-full",
      `Cannot add the member: the room has ${facts.roomMembers} members and may have ${MEMBERS_PER_ROOM_MAX}`,
    );
  }
  const before = facts.targetMember?.state ?? null;
  const after = memberStateOnAdd(facts);
  if (before === after) return null;
  if (facts.targetRooms >= ROOMS_PER_USER_MAX) return roomsFull("add the member", facts);
  if (after === "pending" && facts.targetPending >= PENDING_PER_USER_MAX) {
    return refusal(
      "pending-full",
      `Cannot add the member: ${facts.targetPending} memberships of this user wait to be accepted and ${PENDING_PER_USER_MAX} may`,
    );
  }
  return null;
}

function roomsFull(action: string, { targetRooms }: { readonly targetRooms: number }): Refusal {
  return refusal(
    "rooms-full",
    `Cannot ${action}: this user is in ${targetRooms} rooms and may be in ${ROOMS_PER_USER_MAX}`,
  );
}

export interface MemberFactsOfTarget extends RoomFacts {
  readonly user: UserId;
  readonly targetMember: MemberFacts | null;
}

export interface MemberAcceptFacts extends MemberFactsOfTarget {
  readonly targetState: UserState | null;
  /** The user's active memberships in all rooms. */
  readonly targetRooms: number;
}

/** Says why a pending membership may not be accepted, or null. Doing it twice is allowed. */
export function refuseMemberAccept(facts: MemberAcceptFacts): Refusal | null {
  const unseen = refuseUnseen(facts, "accept the membership");
  if (unseen) return unseen;
  if (facts.actor.kind !== "operator" && !isOneself(facts)) {
    return refusal("forbidden", "Cannot accept the membership: only the user itself may");
  }
  if (!facts.targetMember) return memberNotFound("accept the membership");
  if (facts.targetState !== "active") {
    return refusal("user-revoked", "Cannot accept the membership: this user is revoked");
  }
  if (facts.targetMember.state === "pending" && facts.targetRooms >= ROOMS_PER_USER_MAX) {
    return roomsFull("accept the membership", facts);
  }
  return null;
}

export interface MemberRemoveFacts extends MemberFactsOfTarget {
  /** The target is an active owner of the room, and no other active user is one. */
  readonly isLastOwner: boolean;
}

/** Says why a member may not be removed, or null. Everybody but the last owner may leave. */
export function refuseMemberRemove(facts: MemberRemoveFacts): Refusal | null {
  const unseen = refuseUnseen(facts, "remove the member");
  if (unseen) return unseen;
  if (!ownsRoom(facts) && !overseesRooms(facts.actor) && !isOneself(facts)) {
    return refusal(
      "forbidden",
      "Cannot remove the member: only an owner of the room, an admin or the user itself may",
    );
  }
  if (!facts.targetMember) return memberNotFound("remove the member");
  return refuseLastOwner(facts, "remove the member");
}

/** The local operator may: it can make an owner again. */
function refuseLastOwner(
  { actor, isLastOwner }: Pick<MemberRemoveFacts, "actor" | "isLastOwner">,
  action: string,
): Refusal | null {
  if (!isLastOwner || actor.kind === "operator") return null;
  return refusal(
    "last-owner",
    `Cannot ${action}: the room has no other owner, make one first or delete the room`,
  );
}

function isOneself({ actor, user }: MemberFactsOfTarget): boolean {
  return actor.kind === "user" && actor.user === user;
}

function memberNotFound(action: string): Refusal {
  return refusal("member-not-found", `Cannot ${action}: this user is no member of the room`);
}
