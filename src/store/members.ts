import type { RoomId, UserId } from "../core/ids.ts";
import { MEMBERS_PER_ROOM_MAX, PENDING_PER_USER_MAX, ROOMS_PER_USER_MAX } from "../core/limits.ts";
import type { MemberState, RoomRole } from "../core/operations.ts";
import type { Membership } from "../core/permissions.ts";
import type { MemberRecord, RoomRecord } from "../core/records.ts";
import type { Store } from "./open.ts";
import { ROOM_COLUMNS } from "./rooms.ts";
import { pageRows } from "./users.ts";

const COLUMNS = "room, user, role, state, added_at AS addedAt";

export function findMember(
  { database }: Store,
  { room, user }: { readonly room: RoomId; readonly user: UserId },
): MemberRecord | null {
  return database
    .query<MemberRecord, { room: string; user: string }>(
      `SELECT ${COLUMNS} FROM members WHERE room = $room AND user = $user`,
    )
    .get({ room, user });
}

/** Lists the memberships of a room by user, those after `after`; pending ones too. */
export function listMembers(
  { database }: Store,
  options: { readonly room: RoomId; readonly after?: UserId | undefined; readonly limit: number },
): readonly MemberRecord[] {
  const { room, after, limit } = options;
  return database
    .query<MemberRecord, { room: string; after: string; limit: number }>(
      `SELECT ${COLUMNS} FROM members WHERE room = $room AND user > $after
       ORDER BY user LIMIT $limit`,
    )
    .all({ room, after: after ?? "", limit: pageRows(limit) });
}

/** Lists every membership of a room, at most MEMBERS_PER_ROOM_MAX. */
export function listAllMembers({ database }: Store, room: RoomId): readonly MemberRecord[] {
  return database
    .query<MemberRecord, { room: string; limit: number }>(
      `SELECT ${COLUMNS} FROM members WHERE room = $room ORDER BY user LIMIT $limit`,
    )
    .all({ room, limit: MEMBERS_PER_ROOM_MAX });
}

/**
 * Lists what a user's rights come from: its active memberships, by room, at most
 * ROOMS_PER_USER_MAX. Empty for whoever is no active user. Where plain rooms are closed, those in
 * encrypted ones are left.
 */
export function listMemberships(
  { database }: Store,
  user: UserId,
  { plainRooms }: { readonly plainRooms: boolean },
): readonly Membership[] {
  const open = plainRooms ? "" : "AND rooms.content <> 'plain'";
  return database
    .query<Membership, { user: string; limit: number }>(
      `SELECT rooms.room AS id, rooms.history, rooms.shard, members.role
       FROM users
       JOIN members ON members.user = users.user AND members.state = 'active'
       JOIN rooms ON rooms.room = members.room
       WHERE users.user = $user AND users.state = 'active' ${open}
       ORDER BY members.room LIMIT $limit`,
    )
    .all({ user, limit: ROOMS_PER_USER_MAX });
}

/** A room with a user's membership in it. */
export interface RoomOfUser extends RoomRecord {
  readonly role: RoomRole;
  readonly state: MemberState;
  readonly addedAt: number;
}

/** Lists the rooms that a user is in or invited to, by room; bounded by what a user may be in. */
export function listRoomsOf({ database }: Store, user: UserId): readonly RoomOfUser[] {
  return database
    .query<RoomOfUser, { user: string; limit: number }>(
      `SELECT ${ROOM_COLUMNS}, members.role, members.state, members.added_at AS addedAt
       FROM members JOIN rooms ON rooms.room = members.room
       WHERE members.user = $user ORDER BY members.room LIMIT $limit`,
    )
    .all({ user, limit: ROOMS_PER_USER_MAX + PENDING_PER_USER_MAX });
}

/** Says whether a user is an active owner of a room, and no other active user is one. */
export function isLastOwner(
  { database }: Store,
  { room, user }: { readonly room: RoomId; readonly user: UserId },
): boolean {
  const [first, second] = database
    .query<{ user: string }, { room: string }>(
      `SELECT members.user FROM members
       JOIN users ON users.user = members.user AND users.state = 'active'
       WHERE members.room = $room AND members.role = 'owner' AND members.state = 'active'
       LIMIT 2`,
    )
    .all({ room });
  return first?.user === user && !second;
}

/** Counts the memberships of a room, pending ones too. */
export function countMembers({ database }: Store, room: RoomId): number {
  const row = database
    .query<{ count: number }, { room: string }>(
      "SELECT count(*) AS count FROM members WHERE room = $room",
    )
    .get({ room });
  return row?.count ?? 0;
}

/** Counts a user's memberships in one state. */
export function countRoomsOf(
  { database }: Store,
  { user, state }: { readonly user: UserId; readonly state: MemberState },
): number {
  const row = database
    .query<{ count: number }, { user: string; state: string }>(
      "SELECT count(*) AS count FROM members WHERE user = $user AND state = $state",
    )
    .get({ user, state });
  return row?.count ?? 0;
}
