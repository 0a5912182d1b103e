import assert from "node:assert/strict";
import type { UserId } from "../core/ids.ts";
import { PAGE_ROWS_MAX } from "../core/limits.ts";
import type { BusRole, ChangeOf, UserState } from "../core/operations.ts";
import type { UserRecord } from "../core/records.ts";
import { nameKey } from "../core/rules/names.ts";
import {
  refuseMadeAdmin,
  refuseUserAdd,
  refuseUserRestore,
  refuseUserRevoke,
  refuseUserSeed,
  refuseUserUpdate,
} from "../core/rules/users.ts";
import { applied, type Circumstances, type Decision, refused, rightsChanged } from "./decision.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";
import { listTokens } from "./tokens.ts";
import { findUser, findUserByName, hasActiveAdmin, isLastAdmin, listSuccessors } from "./users.ts";
import { userVersion } from "./versions.ts";

export function decideUserSeed(
  store: Store,
  { user, name }: ChangeOf<"user.seed">,
  { actor, at, level }: Circumstances,
): Decision {
  const refusal = refuseUserSeed({
    actor,
    hasActiveAdmin: hasActiveAdmin(store),
    existing: findUser(store, user)?.state ?? null,
    nameTaken: isNameTaken(store, name, user),
  });
  return refusal
    ? refused(refusal)
    : applied([newUserWrite({ user, name, role: "admin", at }, level)]);
}

export function decideUserAdd(
  store: Store,
  { user, name, role }: ChangeOf<"user.add">,
  { actor, at, level }: Circumstances,
): Decision {
  const facts = {
    actor,
    existing: findUser(store, user)?.state ?? null,
    nameTaken: isNameTaken(store, name, user),
  };
  const refusal = refuseMadeAdmin({ actor, role }, "add the user") ?? refuseUserAdd(facts);
  return refusal ? refused(refusal) : applied([newUserWrite({ user, name, role, at }, level)]);
}

/**
 * Revokes a user, by whichever of its keys: from level 2 on the keys that took that one's place are
 * revoked with it. Memberships stay: dormant while the user is revoked. Tokens go: a restored user makes
 * new ones, and a stolen one stays worthless.
 */
export function decideUserRevoke(
  store: Store,
  { user, orphan }: ChangeOf<"user.revoke">,
  { actor, at, level }: Circumstances,
): Decision {
  const keys = level < 2 ? oneOrNone(findUser(store, user)) : listSuccessors(store, user);
  const head = keys.at(-1) ?? null;
  const refusal = refuseUserRevoke({
    ...stateFacts(head, { actor, level, orphan: orphan === true }),
    isLastAdmin: head !== null && isLastAdmin(store, head.user),
  });
  if (refusal) return refused(refusal);
  const writes = keys.flatMap((key) => stateWrites(store, key, { state: "revoked", at, level }));
  // The effect is said again on a repeat: whoever revokes twice wants the connections gone.
  return applied(writes, [rightsChanged(...keys.map((key) => key.user))]);
}

/** Restores a user, with the rooms that it has. */
export function decideUserRestore(
  store: Store,
  { user }: ChangeOf<"user.restore">,
  { actor, at, level }: Circumstances,
): Decision {
  const record = findUser(store, user);
  const after = listSuccessors(store, user).slice(1);
  const facts = {
    ...stateFacts(record, { actor, level, orphan: false }),
    isLastAdmin: false,
    activeSuccessor: after.find(({ state }) => state === "active")?.user ?? null,
  };
  const refusal =
    refuseMadeAdmin({ actor, role: facts.existingRole }, "restore the user") ??
    refuseUserRestore(facts);
  if (refusal) return refused(refusal);
  assert(record);
  // A user of its own from now on: what is done to it is not done to the keys that came after it.
  const restored = { ...record, successor: null };
  return applied(stateWrites(store, restored, { state: "active", at, level }), [
    rightsChanged(user),
  ]);
}

function oneOrNone(record: UserRecord | null): readonly UserRecord[] {
  return record ? [record] : [];
}

function stateFacts<Asked>(record: UserRecord | null, asked: Asked) {
  return {
    ...asked,
    existing: record?.state ?? null,
    existingRole: record?.role ?? null,
    activeSuccessor: null,
  };
}

function stateWrites(
  store: Store,
  record: UserRecord,
  { state, at, level }: { readonly state: UserState; readonly at: number; readonly level: number },
): readonly RowWrite[] {
  if (record.state === state) return [];
  const after = { ...record, state, changedAt: at };
  return [userWrite(after, level), ...tokenDeletes(store, record.user)];
}

export function decideUserUpdate(
  store: Store,
  { user, name, role, accept, ifVersion, orphan }: ChangeOf<"user.update">,
  { actor, at, level }: Circumstances,
): Decision {
  const record = findUser(store, user);
  const facts = {
    ...stateFacts(record, { actor, level, orphan: orphan === true }),
    ...{ user, name, role, accept },
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
  return applied(same ? [] : [userWrite({ ...after, changedAt: at }, level)]);
}

/** Says whether somebody else has a name. */
export function isNameTaken(store: Store, name: string | null, user: UserId): boolean {
  const owner = name === null ? null : findUserByName(store, name);
  return owner !== null && owner.user !== user;
}

/** A user as it shall be stored when it is new. */
export function newUserWrite(
  user: {
    readonly user: UserId;
    readonly name: string | null;
    readonly role: BusRole;
    readonly at: number;
  },
  level: number,
): RowWrite {
  const { at, ...rest } = user;
  const record: UserRecord = {
    ...{ ...rest, state: "active", accept: "from-admins" },
    ...{ createdAt: at, changedAt: at, successor: null, keyNumber: 1 },
  };
  return userWrite(record, level);
}

/** A user as it shall be stored: with the columns that the level of the bus has. */
export function userWrite(record: UserRecord, level: number): RowWrite {
  const { user, name, role, state, accept, createdAt, changedAt } = record;
  const { successor, keyNumber } = record;
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
      ...(level < 2 ? {} : { successor, key_number: keyNumber }),
    },
  };
}

/** What ends every token of a user: it never has more than one page of them. */
export function tokenDeletes(store: Store, user: UserId): readonly RowWrite[] {
  return listTokens(store, { user, limit: PAGE_ROWS_MAX }).map(
    ({ token }): RowWrite => ({ table: "tokens", key: token, row: null }),
  );
}
