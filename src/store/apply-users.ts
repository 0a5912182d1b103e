import assert from "node:assert/strict";
import type { UserId } from "../core/ids.ts";
import { PAGE_ROWS_MAX } from "../core/limits.ts";
import type { BusRole, ChangeOf, UserState } from "../core/operations.ts";
import type { UserRecord } from "../core/records.ts";
import { nameKey } from "../core/rules/names.ts";
import {
  refuseMadeAdmin,
  refuseUserAdd,
  refuseUserSeed,
  refuseUserState,
  refuseUserUpdate,
} from "../core/rules/users.ts";
import { applied, type Circumstances, type Decision, refused, rightsChanged } from "./decision.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";
import { listTokens } from "./tokens.ts";
import { findUser, findUserByName, hasActiveAdmin, isLastAdmin } from "./users.ts";
import { userVersion } from "./versions.ts";

export function decideUserSeed(
  store: Store,
  { user, name }: ChangeOf<"user.seed">,
  { actor, at }: Circumstances,
): Decision {
  const refusal = refuseUserSeed({
    actor,
    hasActiveAdmin: hasActiveAdmin(store),
    existing: findUser(store, user)?.state ?? null,
    nameTaken: isNameTaken(store, name, user),
  });
  return refusal ? refused(refusal) : applied([newUserWrite({ user, name, role: "admin", at })]);
}

export function decideUserAdd(
  store: Store,
  { user, name, role }: ChangeOf<"user.add">,
  { actor, at }: Circumstances,
): Decision {
  const facts = {
    actor,
    existing: findUser(store, user)?.state ?? null,
    nameTaken: isNameTaken(store, name, user),
  };
  const refusal = refuseMadeAdmin({ actor, role }, "add the user") ?? refuseUserAdd(facts);
  return refusal ? refused(refusal) : applied([newUserWrite({ user, name, role, at })]);
}

/**
 * Revokes or restores. Memberships stay: dormant while the user is revoked. Tokens go: a restored user
 * makes new ones, and a stolen one stays worthless.
 */
export function decideUserState(
  store: Store,
  { kind, user }: ChangeOf<"user.revoke" | "user.restore">,
  { actor, at }: Circumstances,
): Decision {
  const record = findUser(store, user);
  const verb = kind === "user.revoke" ? "revoke" : "restore";
  const facts = { actor, existing: record?.state ?? null, isLastAdmin: isLastAdmin(store, user) };
  const role = verb === "restore" ? (record?.role ?? null) : null;
  const refusal =
    refuseMadeAdmin({ actor, role }, "restore the user") ?? refuseUserState(facts, verb);
  if (refusal) return refused(refusal);
  assert(record);
  const state: UserState = verb === "revoke" ? "revoked" : "active";
  const writes =
    record.state === state
      ? []
      : [userWrite({ ...record, state, changedAt: at }), ...tokenDeletes(store, user)];
  // The effect is said again on a repeat: whoever revokes twice wants the connections gone.
  return applied(writes, [rightsChanged(user)]);
}

export function decideUserUpdate(
  store: Store,
  { user, name, role, accept, ifVersion }: ChangeOf<"user.update">,
  { actor, at }: Circumstances,
): Decision {
  const record = findUser(store, user);
  const facts = {
    ...{ actor, user, name, role, accept },
    existing: record?.state ?? null,
    isLastAdmin: isLastAdmin(store, user),
    nameTaken: isNameTaken(store, name, user),
    isVersion: ifVersion === null || ifVersion === (record && userVersion(record)),
  };
  const refusal = refuseMadeAdmin({ actor, role }, "change the user") ?? refuseUserUpdate(facts);
  if (refusal) return refused(refusal);
  assert(record);
  const after: UserRecord = {
    ...record,
    name: name ?? record.name,
    role: role ?? record.role,
    accept: accept ?? record.accept,
  };
  const same =
    after.name === record.name && after.role === record.role && after.accept === record.accept;
  return applied(same ? [] : [userWrite({ ...after, changedAt: at })]);
}

/** Says whether somebody else has a name. */
export function isNameTaken(store: Store, name: string | null, user: UserId): boolean {
  const owner = name === null ? null : findUserByName(store, name);
  return owner !== null && owner.user !== user;
}

/** A user as it shall be stored when it is new. */
export function newUserWrite(user: {
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

/** A user as it shall be stored. */
export function userWrite(record: UserRecord): RowWrite {
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

/** What ends every token of a user: it never has more than one page of them. */
export function tokenDeletes(store: Store, user: UserId): readonly RowWrite[] {
  return listTokens(store, { user, limit: PAGE_ROWS_MAX }).map(
    ({ token }): RowWrite => ({ table: "tokens", key: token, row: null }),
  );
}
