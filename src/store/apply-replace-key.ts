import assert from "node:assert/strict";
import type { UserId } from "../core/ids.ts";
import { KEYS_REPLACED_MAX, KEYS_REPLACED_MS } from "../core/limits.ts";
import type { ChangeOf, Effect } from "../core/operations.ts";
import { movesRooms, refuseKeyReplace } from "../core/rules/users.ts";
import { tokenDeletes, userWrite } from "./apply-users.ts";
import {
  applied,
  type Circumstances,
  type Decision,
  memberWrite,
  refused,
  rightsChanged,
} from "./decision.ts";
import { listRoomsOf, type RoomOfUser } from "./members.ts";
import type { Store } from "./open.ts";
import type { RowWrite } from "./tables.ts";
import { countReplacements, findUser } from "./users.ts";

/**
 * Puts a new key in the place of a user's: its name, role, setting and memberships of plain rooms are
 * the new key's. The old one is revoked and keeps what it signed itself into, the encrypted rooms:
 * their members have to sign the new key in. Where an admin does it for somebody else, the old key keeps
 * the plain rooms too. Its tokens are gone, and its invites lead nowhere.
 */
export function decideKeyReplace(
  store: Store,
  { user, by, proof }: ChangeOf<"user.replace-key">,
  { actor, at, level }: Circumstances,
): Decision {
  const record = findUser(store, user);
  const number = (record?.keyNumber ?? 0) + 1;
  const lately = { after: at - KEYS_REPLACED_MS, limit: KEYS_REPLACED_MAX };
  const refusal = refuseKeyReplace({
    ...{ actor, user, level, number, proof: proof ?? null },
    existing: record?.state ?? null,
    replacement: findUser(store, by)?.state ?? null,
    replacedLately: record ? countReplacements(store, record, lately) : 0,
  });
  if (refusal) return refused(refusal);
  assert(record);
  const rooms = movesRooms({ actor, user })
    ? listRoomsOf(store, user).filter(({ content }) => content === "plain")
    : [];
  return applied(
    [
      // The old row first: it gives the name free. It also gives away what restoring would bring back.
      userWrite(
        {
          ...record,
          ...{ name: null, role: "member", state: "revoked", accept: "from-admins", changedAt: at },
          successor: by,
        },
        level,
      ),
      userWrite(
        { ...record, user: by, createdAt: at, changedAt: at, successor: null, keyNumber: number },
        level,
      ),
      ...rooms.flatMap((room) => membershipMove(room, { from: user, to: by })),
      ...tokenDeletes(store, user),
    ],
    [rightsChanged(user, by), ...rooms.map((room) => toldOf(room, by))],
  );
}

function membershipMove(
  { room, role, state, addedAt }: RoomOfUser,
  { from, to }: { readonly from: UserId; readonly to: UserId },
): readonly RowWrite[] {
  return [
    { table: "members", key: `${room} ${from}`, row: null },
    memberWrite({ room, user: to, role, state, addedAt }),
  ];
}

function toldOf({ room, role, state }: RoomOfUser, user: UserId): Effect {
  const event = state === "active" ? "room.gained" : "room.invited";
  return { kind: "user.told", user, event, room, role };
}
