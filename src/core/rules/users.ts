import type { UserState } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";
import { type ActorFacts, refuseUserManager } from "./actors.ts";

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

function refuseNameTaken(facts: { readonly nameTaken: boolean }, action: string): Refusal | null {
  if (!facts.nameTaken) return null;
  return refusal("name-taken", `Cannot ${action}: another user has this name, choose a new one`);
}

export interface UserStateFacts {
  readonly actor: ActorFacts;
  readonly existing: UserState | null;
}

/** Says why a user may not be revoked or restored, or null. Doing it twice is allowed. */
export function refuseUserState(facts: UserStateFacts, verb: "revoke" | "restore"): Refusal | null {
  const forbidden = refuseUserManager(facts.actor, `${verb} the user`);
  if (forbidden || facts.existing) return forbidden;
  return refusal("user-not-found", `Cannot ${verb} the user: no user has this key`);
}
