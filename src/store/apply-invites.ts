import assert from "node:assert/strict";
import { canonicalJson } from "../core/canonical.ts";
import { INVITE_KEPT_MS, INVITES_PRUNED_MAX } from "../core/limits.ts";
import { looksLikeUserKey } from "../core/nkey.ts";
import type { ChangeOf, Effect, InviteRoom } from "../core/operations.ts";
import type { InviteRecord, UserRecord } from "../core/records.ts";
import {
  leadsInto,
  mayStillInvite,
  refuseInviteCreate,
  refuseInviteRedeem,
  refuseInviteRevoke,
} from "../core/rules/invites.ts";
import { roomFacts } from "./apply-rooms.ts";
import { isNameTaken, newUserWrite } from "./apply-users.ts";
import {
  applied,
  type Circumstances,
  creatorOf,
  type Decision,
  memberWrite,
  refused,
  rightsChanged,
} from "./decision.ts";
import { countOpenInvites, findInvite, listExpiredInvites } from "./invites.ts";
import { countMembers, findMember } from "./members.ts";
import type { Store } from "./open.ts";
import { findRoom } from "./rooms.ts";
import type { RowWrite } from "./tables.ts";
import { findUser } from "./users.ts";

/** Makes an invite, and forgets some of those that expired long ago. */
export function decideInviteCreate(
  store: Store,
  change: ChangeOf<"invite.create">,
  { actor, at }: Circumstances,
): Decision {
  const { invite, rooms, expiresAt } = change;
  const refusal = refuseInviteCreate({
    ...{ actor, expiresAt, at },
    rooms: rooms.map(({ room }) => roomFacts(store, room, actor)),
    inviteExists: findInvite(store, invite) !== null,
    open: countOpenInvites(store, at),
  });
  if (refusal) return refused(refusal);
  const createdBy = creatorOf(actor);
  const old = listExpiredInvites(store, { until: at - INVITE_KEPT_MS, limit: INVITES_PRUNED_MAX });
  return applied([
    ...old.map((key): RowWrite => ({ table: "invites", key, row: null })),
    inviteWrite({ ...change, createdBy, createdAt: at, redeemedBy: null }),
  ]);
}

export function decideInviteRevoke(
  store: Store,
  { invite }: ChangeOf<"invite.revoke">,
  { actor }: Circumstances,
): Decision {
  const refusal = refuseInviteRevoke({ actor, invite: findInvite(store, invite) });
  return refusal ? refused(refusal) : applied([{ table: "invites", key: invite, row: null }]);
}

/** Admits the key that uses an invite, and into the rooms that it still leads into, at once. */
export function decideInviteRedeem(
  store: Store,
  { invite, user, name }: ChangeOf<"invite.redeem">,
  { actor, at, level }: Circumstances,
): Decision {
  const record = findInvite(store, invite);
  const refusal = refuseInviteRedeem({
    ...{ actor, user, at },
    invite: record,
    makerMay: record !== null && mayStillInvite(record.createdBy, makerOf(store, record)),
    existing: findUser(store, user)?.state ?? null,
    nameTaken: isNameTaken(store, name, user),
  });
  if (refusal) return refused(refusal);
  assert(record);
  const rooms = record.rooms.filter((inviteRoom) => isOpen(store, record, inviteRoom));
  return applied(
    [
      newUserWrite({ user, name, role: record.role, at }, level),
      ...rooms.map(({ room, role }) =>
        memberWrite({ room, user, role, state: "active", addedAt: at }),
      ),
      inviteWrite({ ...record, redeemedBy: user }),
    ],
    [
      rightsChanged(user),
      ...rooms.map(
        ({ room, role }): Effect => ({ kind: "user.told", user, event: "room.gained", room, role }),
      ),
    ],
  );
}

const OPERATOR = "operator";

function makerOf(store: Store, { createdBy }: InviteRecord): UserRecord | null {
  return looksLikeUserKey(createdBy) ? findUser(store, createdBy) : null;
}

function isOpen(store: Store, { createdBy }: InviteRecord, { room }: InviteRoom): boolean {
  const user = looksLikeUserKey(createdBy) ? createdBy : null;
  const maker = user && findMember(store, { room, user });
  return leadsInto({
    room: findRoom(store, room),
    roomMembers: countMembers(store, room),
    makerOwns: createdBy === OPERATOR || (maker?.state === "active" && maker.role === "owner"),
  });
}

function inviteWrite(record: InviteRecord): RowWrite {
  const { invite, label, role, rooms, verifier, createdBy } = record;
  const { createdAt, expiresAt, redeemedBy } = record;
  return {
    table: "invites",
    key: invite,
    row: {
      ...{ invite, label, role, verifier },
      rooms: canonicalJson(rooms),
      created_by: createdBy,
      created_at: createdAt,
      expires_at: expiresAt,
      redeemed_by: redeemedBy,
    },
  };
}
