import type { UserId } from "../ids.ts";
import {
  MEMBERS_PER_ROOM_MAX,
  PENDING_PER_USER_MAX,
  RIGHTS_TAKEN_PAUSE_MS,
  ROOMS_PER_USER_MAX,
} from "../limits.ts";
import type { AcceptSetting, MemberState, RoomRole, UserState } from "../operations.ts";
import { losesRights } from "../permissions.ts";
import { type Refusal, refusal } from "../problems.ts";
import { type ActorFacts, isAdmin } from "./actors.ts";
import {
  type MemberFacts,
  overseesRooms,
  ownsRoom,
  type RoomFacts,
  refuseUnseen,
} from "./rooms.ts";
import { mayOrphan } from "./users.ts";

interface LastOwnerFacts {
  readonly actor: ActorFacts;
  /** The level of the bus. */
  readonly level: number;
  /** The change says that the room may be left without an owner. */
  readonly orphan: boolean;
  /** The target is an active owner of the room, and no other active user is one. */
  readonly isLastOwner: boolean;
}

export interface MemberAddFacts extends RoomFacts, LastOwnerFacts {
  /** The user to be added, or null when it is none. */
  readonly target: { readonly state: UserState; readonly accept: AcceptSetting } | null;
  /** The membership it has already. */
  readonly targetMember: MemberFacts | null;
  /** The role that it shall have. */
  readonly role: RoomRole;
  /** Memberships of the room, pending ones too. */
  readonly roomMembers: number;
  /** The user's active memberships in all rooms. */
  readonly targetRooms: number;
  /** The user's pending memberships in all rooms. */
  readonly targetPending: number;
  /** The latest time that any entry named. */
  readonly at: number;
  /** When this actor last took rights from the user; null where it did not. */
  readonly rightsTakenAt: number | null;
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
    (facts.role === "owner" ? null : refuseLastOwner(facts, "change the role")) ??
    refuseFull(facts) ??
    refuseGivenBack(facts)
  );
}

/** The role that counts on the data plane; null where a membership waits, or there is none. */
function activeRole(member: MemberFacts | null): RoomRole | null {
  return member?.state === "active" ? member.role : null;
}

/**
 * Taking rights is never refused or delayed. Each time closes the user's connections, so whoever took some
 * gives none back for a while: it would throw the user off the whole bus as often as it liked.
 */
function refuseGivenBack(facts: MemberAddFacts): Refusal | null {
  const { level, at, rightsTakenAt, targetMember, role } = facts;
  if (level < 2 || rightsTakenAt === null) return null;
  const waitMs = rightsTakenAt + RIGHTS_TAKEN_PAUSE_MS - at;
  const after = activeRole({ role, state: memberStateOnAdd(facts) });
  if (waitMs <= 0 || !losesRights(after, activeRole(targetMember))) return null;
  return refusal(
    "rights-taken-lately",
    `Cannot give the user rights: you took some from it less than ${RIGHTS_TAKEN_PAUSE_MS / 1000} s ago, wait ${Math.ceil(waitMs / 1000)} s`,
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

export interface MemberRemoveFacts extends MemberFactsOfTarget, LastOwnerFacts {
  readonly actor: ActorFacts;
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

/** The local operator may, if it says so: it can make an owner again. */
function refuseLastOwner(facts: LastOwnerFacts, action: string): Refusal | null {
  if (!facts.isLastOwner || mayOrphan(facts)) return null;
  const advice = facts.actor.kind === "operator" ? ", or leave it without any: --orphan" : "";
  return refusal(
    "last-owner",
    `Cannot ${action}: the room has no other owner, make one first or delete the room${advice}`,
  );
}

function isOneself({ actor, user }: MemberFactsOfTarget): boolean {
  return actor.kind === "user" && actor.user === user;
}

function memberNotFound(action: string): Refusal {
  return refusal("member-not-found", `Cannot ${action}: this user is no member of the room`);
}
