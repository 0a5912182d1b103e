import type { UserId } from "../ids.ts";
import { INVITE_LIFE_MS_MAX, INVITES_OPEN_MAX, MEMBERS_PER_ROOM_MAX } from "../limits.ts";
import type { BusRole, UserState } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";
import type { RoomContent } from "../records.ts";
import { type ActorFacts, refuseToken, refuseUserManager } from "./actors.ts";
import { ownsRoom, type RoomFacts, refuseUnseen } from "./rooms.ts";

export interface InviteCreateFacts {
  readonly actor: ActorFacts;
  /** The rooms that it shall lead into. */
  readonly rooms: readonly RoomFacts[];
  readonly expiresAt: number;
  /** The latest time that any entry named. */
  readonly at: number;
  /** Another invite has this id. */
  readonly inviteExists: boolean;
  /** Invites that wait to be used. */
  readonly open: number;
}

/** Says why an invite may not be made, or null. It gives nothing that its maker could not give. */
export function refuseInviteCreate(facts: InviteCreateFacts): Refusal | null {
  const forbidden = refuseInviteManager(facts.actor, "make the invite");
  if (forbidden) return forbidden;
  for (const room of facts.rooms) {
    const wrong = refuseInviteRoom(room);
    if (wrong) return wrong;
  }
  const lifeMs = facts.expiresAt - facts.at;
  if (lifeMs <= 0 || lifeMs > INVITE_LIFE_MS_MAX) {
    return refusal(
      "request-invalid",
      `Cannot make the invite: it would live ${lifeMs} ms by the journal's time and may live 1 to ${INVITE_LIFE_MS_MAX}`,
    );
  }
  if (facts.inviteExists) {
    return refusal("already-issued", "Cannot make the invite: another invite has this id");
  }
  if (facts.open < INVITES_OPEN_MAX) return null;
  return refusal(
    "invites-full",
    `Cannot make the invite: ${facts.open} wait to be used and ${INVITES_OPEN_MAX} may, revoke one`,
  );
}

function refuseInviteManager(actor: ActorFacts, action: string): Refusal | null {
  return refuseToken(actor, action) ?? refuseUserManager(actor, action);
}

function refuseInviteRoom(facts: RoomFacts): Refusal | null {
  const unseen = refuseUnseen(facts, "make the invite");
  if (unseen) return unseen;
  if (facts.room?.content === "encrypted") {
    return refusal(
      "record-required",
      "Cannot make the invite: a room of it is encrypted, and its members sign who joins them",
    );
  }
  if (ownsRoom(facts)) return null;
  return refusal("forbidden", "Cannot make the invite: only an owner of a room may invite into it");
}

export interface InviteRevokeFacts {
  readonly actor: ActorFacts;
  /** Null when there is no such invite. */
  readonly invite: { readonly redeemedBy: UserId | null } | null;
}

/** Says why an invite may not be revoked, or null. */
export function refuseInviteRevoke({ actor, invite }: InviteRevokeFacts): Refusal | null {
  const forbidden = refuseInviteManager(actor, "revoke the invite");
  if (forbidden) return forbidden;
  if (!invite) return inviteNotFound("revoke the invite");
  if (invite.redeemedBy === null) return null;
  return refusal(
    "invite-redeemed",
    `Cannot revoke the invite: ${invite.redeemedBy} has used it, revoke that user if need be`,
  );
}

export interface InviteRedeemFacts {
  readonly actor: ActorFacts;
  /** The key that shall be a user's. */
  readonly user: UserId;
  /** Null when there is no such invite. */
  readonly invite: { readonly redeemedBy: UserId | null; readonly expiresAt: number } | null;
  /** False when whoever made it could not make it now. */
  readonly makerMay: boolean;
  /** The latest time that any entry named. */
  readonly at: number;
  /** State of the key's user, or null when it is none yet. */
  readonly existing: UserState | null;
  readonly nameTaken: boolean;
}

/** Says whether whoever made an invite could make it now. `maker` is null when that is no user. */
export function mayStillInvite(
  createdBy: string,
  maker: { readonly role: BusRole; readonly state: UserState } | null,
): boolean {
  return createdBy === "operator" || (maker?.state === "active" && maker.role === "admin");
}

/** Says why an invite may not be used, or null. Only using it spends it, a refusal does not. */
export function refuseInviteRedeem(facts: InviteRedeemFacts): Refusal | null {
  const { actor, user, existing } = facts;
  if (actor.kind !== "user" || actor.token !== null || actor.user !== user) {
    return refusal(
      "forbidden",
      "Cannot redeem the invite: whoever wants to be a user signs with that key",
    );
  }
  const dead = refuseDeadInvite(facts);
  if (dead) return dead;
  if (existing === "active") {
    return refusal("user-exists", "Cannot redeem the invite: this key is an active user already");
  }
  if (existing === "revoked") {
    return refusal("user-revoked", "Cannot redeem the invite: this user is revoked, ask an admin");
  }
  if (!facts.nameTaken) return null;
  return refusal(
    "name-taken",
    "Cannot redeem the invite: another user has this name, choose a new one",
  );
}

function refuseDeadInvite({ invite, makerMay, at }: InviteRedeemFacts): Refusal | null {
  if (!invite) return inviteNotFound("redeem the invite");
  if (invite.redeemedBy !== null) {
    return refusal("invite-redeemed", "Cannot redeem the invite: it was used, ask for a new one");
  }
  if (invite.expiresAt <= at) {
    return refusal("invite-expired", "Cannot redeem the invite: it has expired, ask for a new one");
  }
  if (makerMay) return null;
  return refusal(
    "invite-expired",
    "Cannot redeem the invite: whoever made it is no admin any more, ask for a new one",
  );
}

function inviteNotFound(action: string): Refusal {
  return refusal("invite-not-found", `Cannot ${action}: there is no invite of this id`);
}

/**
 * Says whether an invite still leads into one of its rooms. What changed since it was made shall not
 * keep anybody off the bus, so a room that is gone, full, or no longer its maker's is left out.
 */
export function leadsInto(facts: {
  readonly room: { readonly content: RoomContent } | null;
  readonly roomMembers: number;
  /** Whoever made the invite is an owner of the room, or the operator. */
  readonly makerOwns: boolean;
}): boolean {
  const { room, roomMembers, makerOwns } = facts;
  return room?.content === "plain" && roomMembers < MEMBERS_PER_ROOM_MAX && makerOwns;
}
