import assert from "node:assert/strict";
import type { UserId } from "../core/ids.ts";
import type { BusRole, Change, UserState } from "../core/operations.ts";
import type { UserRecord } from "../core/records.ts";
import { nameKey } from "../core/rules/names.ts";
import { refuseUserAdd, refuseUserSeed, refuseUserState } from "../core/rules/users.ts";
import { applied, type Circumstances, type Decision, refused, rightsChanged } from "./decision.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";
import { findUser, findUserByName, hasActiveAdmin } from "./users.ts";

type ChangeOf<Kind extends Change["kind"]> = Extract<Change, { kind: Kind }>;

export function decideUserSeed(
  store: Store,
  { user, name }: ChangeOf<"user.seed">,
  { actor, at }: Circumstances,
): Decision {
  const refusal = refuseUserSeed({
    actor,
    hasActiveAdmin: hasActiveAdmin(store),
    existing: findUser(store, user)?.state ?? null,
    nameTaken: isNameTaken(store, name),
  });
  return refusal ? refused(refusal) : applied([newUser({ user, name, role: "admin", at })]);
}

export function decideUserAdd(
  store: Store,
  { user, name, role }: ChangeOf<"user.add">,
  { actor, at }: Circumstances,
): Decision {
  const refusal = refuseUserAdd({
    actor,
    existing: findUser(store, user)?.state ?? null,
    nameTaken: isNameTaken(store, name),
  });
  return refusal ? refused(refusal) : applied([newUser({ user, name, role, at })]);
}

/** Revokes or restores. Memberships stay: dormant while the user is revoked. */
export function decideUserState(
  store: Store,
  { kind, user }: ChangeOf<"user.revoke" | "user.restore">,
  { actor, at }: Circumstances,
): Decision {
  const record = findUser(store, user);
  const verb = kind === "user.revoke" ? "revoke" : "restore";
  const refusal = refuseUserState({ actor, existing: record?.state ?? null }, verb);
  if (refusal) return refused(refusal);
  assert(record);
  const state: UserState = verb === "revoke" ? "revoked" : "active";
  // The effect is said again on a repeat: whoever revokes twice wants the connections gone.
  return applied(record.state === state ? [] : [userWrite({ ...record, state, changedAt: at })], [
    rightsChanged(user),
  ]);
}

function isNameTaken(store: Store, name: string | null): boolean {
  return name !== null && findUserByName(store, name) !== null;
}

function newUser(user: {
  readonly user: UserId;
  readonly name: string | null;
  readonly role: BusRole;
  readonly at: number;
}): RowWrite {
  const { at, ...rest } = user;
  return userWrite({
    ...rest,
    state: "active",
    accept: "from-admins",
    createdAt: at,
    changedAt: at,
  });
}

function userWrite(record: UserRecord): RowWrite {
  const { user, name, role, state, accept, createdAt, changedAt } = record;
  return {
    table: "users",
    key: user,
    row: {
      user,
      name,
      name_key: name === null ? null : nameKey(name),
      role,
      state,
      accept,
      created_at: createdAt,
      changed_at: changedAt,
    },
  };
}
