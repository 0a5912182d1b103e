import type { UserId } from "../ids.ts";
import { KEYS_REPLACED_MAX } from "../limits.ts";
import type { AcceptSetting, BusRole, KeyReplacementProof, UserState } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";
import { type ActorFacts, refuseInactive, refuseToken, refuseUserManager } from "./actors.ts";
import { versionConflict } from "./rooms.ts";

const REVOKED = "this user is revoked, bring it back with `unibus user restore USER`";

export interface UserSeedFacts {
  readonly actor: ActorFacts;
  readonly hasActiveAdmin: boolean;
  /** State of the key's user, or null when it is none yet. */
  readonly existing: UserState | null;
  readonly nameTaken: boolean;
}

/** Says why a key may not become the bus's first admin, or null. */
export function refuseUserSeed(facts: UserSeedFacts): Refusal | null {
  if (facts.actor.kind !== "operator") {
    return refusal("forbidden", "Cannot seed an admin: only the local operator may");
  }
  if (facts.hasActiveAdmin) {
    return refusal(
      "bus-has-admin",
      "Cannot seed an admin: the bus has one, add another with `unibus user add KEY --role admin`",
    );
  }
  if (facts.existing === "active") {
    return refusal(
      "user-exists",
      "Cannot seed an admin: this key is a member already, seed a key that is no user yet",
    );
  }
  if (facts.existing === "revoked") {
    return refusal("user-revoked", `Cannot seed an admin: ${REVOKED}`);
  }
  return refuseNameTaken(facts, "seed an admin");
}

export interface UserAddFacts {
  readonly actor: ActorFacts;
  readonly existing: UserState | null;
  readonly nameTaken: boolean;
}

/** Says why a user may not be added, or null. */
export function refuseUserAdd(facts: UserAddFacts): Refusal | null {
  const forbidden = refuseUserManager(facts.actor, "add the user");
  if (forbidden) return forbidden;
  if (facts.existing === "revoked") {
    return refusal("user-exists", `Cannot add the user: ${REVOKED}`);
  }
  if (facts.existing === "active") {
    return refusal("user-exists", "Cannot add the user: this key is an active user already");
  }
  return refuseNameTaken(facts, "add the user");
}

/**
 * Says why an actor may not make a user of this role, or null. Whoever stole a token has it for its
 * life, and would have an admin of their own for good.
 */
export function refuseMadeAdmin(
  { actor, role }: { readonly actor: ActorFacts; readonly role: BusRole | null },
  action: string,
): Refusal | null {
  return role === "admin" ? refuseToken(actor, action) : null;
}

function refuseNameTaken(facts: { readonly nameTaken: boolean }, action: string): Refusal | null {
  if (!facts.nameTaken) return null;
  return refusal("name-taken", `Cannot ${action}: another user has this name, choose a new one`);
}

interface LastAdminFacts {
  readonly actor: ActorFacts;
  /** The level of the bus. */
  readonly level: number;
  /** The change says that the bus may be left without an admin. */
  readonly orphan: boolean;
  /** The user is an active admin, and no other user is one. */
  readonly isLastAdmin: boolean;
}

export interface UserStateFacts extends LastAdminFacts {
  readonly existing: UserState | null;
  /** Its role; null when it is no user. */
  readonly existingRole: BusRole | null;
  /** The key in its place that is active; null where none is. */
  readonly activeSuccessor: UserId | null;
}

/** Says why a user may not be revoked, or null. Doing it twice is allowed. */
export function refuseUserRevoke(facts: UserStateFacts): Refusal | null {
  const action = "revoke the user";
  const forbidden = refuseUserManager(facts.actor, action);
  if (forbidden) return forbidden;
  if (!facts.existing) return userNotFound(action);
  return refuseTokenOverAdmin(facts, action) ?? refuseLastAdmin(facts, action);
}

/**
 * Says why a user may not be restored, or null. Doing it twice is allowed. A key that was replaced is
 * restored as a user of its own, when no key is active in its place.
 */
export function refuseUserRestore(facts: UserStateFacts): Refusal | null {
  const action = "restore the user";
  const forbidden = refuseUserManager(facts.actor, action);
  if (forbidden) return forbidden;
  if (!facts.existing) return userNotFound(action);
  if (facts.activeSuccessor === null) return null;
  return refusal(
    "key-replaced",
    `Cannot ${action}: ${facts.activeSuccessor} is in the place of this key, revoke that one first`,
  );
}

/**
 * A token is soon worth nothing; what it did to an admin would stay. Before level 2 it could revoke and
 * demote all admins but its own.
 */
function refuseTokenOverAdmin(
  facts: Pick<UserStateFacts, "actor" | "level" | "existingRole">,
  action: string,
): Refusal | null {
  if (facts.level < 2 || facts.existingRole !== "admin") return null;
  return refuseToken(facts.actor, `${action}, who is an admin`);
}

export interface UserUpdateFacts extends UserStateFacts {
  readonly user: UserId;
  /** What it shall be; null leaves it as it is. */
  readonly name: string | null;
  readonly role: BusRole | null;
  readonly accept: AcceptSetting | null;
  /** Another user has the name. */
  readonly nameTaken: boolean;
  /** False when the caller saw another version than the one there is. */
  readonly isVersion: boolean;
}

/**
 * Says why a user may not be changed, or null. Name and role are for those who manage users; whose
 * adding to a room a user takes is for the user alone, else it would be no protection.
 */
export function refuseUserUpdate(facts: UserUpdateFacts): Refusal | null {
  const action = "change the user";
  const { actor, name, role, accept } = facts;
  const forbidden =
    (accept === null ? null : refuseNotOneself(facts, action)) ??
    (name === null && role === null ? null : refuseUserManager(actor, action));
  if (forbidden) return forbidden;
  if (!facts.existing) return userNotFound(action);
  if (!facts.isVersion) return versionConflict(action);
  const demoted =
    role === "member"
      ? (refuseTokenOverAdmin(facts, action) ?? refuseLastAdmin(facts, action))
      : null;
  return demoted ?? refuseNameTaken(facts, action);
}

function refuseNotOneself({ actor, user }: UserUpdateFacts, action: string): Refusal | null {
  const inactive = refuseInactive(actor, action);
  if (inactive) return inactive;
  if (actor.kind !== "user" || actor.user !== user) {
    return refusal(
      "forbidden",
      `Cannot ${action}: only the user itself may say whose adding it takes`,
    );
  }
  if (actor.token === null || actor.token.room === null) return null;
  return refusal("forbidden", `Cannot ${action}: the token is for one room only`);
}

export interface KeyReplaceFacts {
  readonly actor: ActorFacts;
  readonly user: UserId;
  readonly existing: UserState | null;
  /** State of the user that the new key is already, or null when it is none. */
  readonly replacement: UserState | null;
  /** The level of the bus. */
  readonly level: number;
  /** The number that the new key has to have; the old key's and one more. */
  readonly number: number;
  readonly proof: KeyReplacementProof | null;
  /** Times that the user's key was replaced within KEYS_REPLACED_MS. */
  readonly replacedLately: number;
}

/** Says why a user's key may not be replaced, or null. A user may do it, and who manages users. */
export function refuseKeyReplace(facts: KeyReplaceFacts): Refusal | null {
  const action = "replace the key";
  const { actor, user } = facts;
  const isOneself = actor.kind === "user" && actor.user === user;
  const forbidden =
    refuseToken(actor, action) ??
    (isOneself ? refuseInactive(actor, action) : refuseUserManager(actor, action));
  if (forbidden) return forbidden;
  if (!facts.existing) return userNotFound(action);
  if (facts.existing === "revoked") return refusal("user-revoked", `Cannot ${action}: ${REVOKED}`);
  if (facts.replacement) {
    return refusal(
      "user-exists",
      `Cannot ${action}: the new key is a user already, take one that is none yet`,
    );
  }
  return facts.level < 2 ? null : refuseReplacement(facts, { action, isOneself });
}

function refuseReplacement(
  { proof, number, replacedLately }: KeyReplaceFacts,
  { action, isOneself }: { readonly action: string; readonly isOneself: boolean },
): Refusal | null {
  if (proof === null) {
    return refusal("proof-wrong", `Cannot ${action}: the new key did not sign that it takes over`);
  }
  if (proof.number !== number) {
    return refusal(
      "proof-wrong",
      `Cannot ${action}: the proof is for key number ${proof.number} of the user, and the next is ${number}`,
    );
  }
  if (!isOneself) return null;
  if (proof.byOld === null) {
    return refusal("proof-wrong", `Cannot ${action}: the old key did not sign it`);
  }
  if (replacedLately < KEYS_REPLACED_MAX) return null;
  return refusal(
    "keys-replaced-often",
    `Cannot ${action}: it was replaced ${replacedLately} times within a day and may be ${KEYS_REPLACED_MAX} times, wait or ask an admin`,
  );
}

/**
 * Says whether a new key comes into the rooms of the one that it replaces. Not when an admin says so: it
 * could take a user's place with a key of its own, and read what no owner let it read.
 */
export function movesRooms({ actor, user }: Pick<KeyReplaceFacts, "actor" | "user">): boolean {
  return actor.kind === "operator" || (actor.kind === "user" && actor.user === user);
}

/** The local operator may, if it says so: it can make an admin again. */
function refuseLastAdmin(facts: LastAdminFacts, action: string): Refusal | null {
  if (!facts.isLastAdmin || mayOrphan(facts)) return null;
  const advice = facts.actor.kind === "operator" ? ", or leave it without any: --orphan" : "";
  return refusal(
    "last-admin",
    `Cannot ${action}: the bus has no other admin, make one first${advice}`,
  );
}

/** Says whether an actor may leave the bus without an admin, or a room without an owner. */
export function mayOrphan(facts: Pick<LastAdminFacts, "actor" | "level" | "orphan">): boolean {
  return facts.actor.kind === "operator" && (facts.level < 2 || facts.orphan);
}

function userNotFound(action: string): Refusal {
  return refusal("user-not-found", `Cannot ${action}: no user has this key`);
}
