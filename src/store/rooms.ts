import type { RoomId, UserId } from "../core/ids.ts";
import type { SignedRecord } from "../core/operations.ts";
import type { RoomRecord } from "../core/records.ts";
import type { Store } from "./open.ts";
import { pageRows } from "./users.ts";

/** The columns of a room as a record, for the table or alias `rooms`. */
export const ROOM_COLUMNS = `rooms.room, rooms.name, rooms.history, rooms.shard, rooms.content,
  rooms.created_at AS createdAt, rooms.created_by AS createdBy`;

export function findRoom({ database }: Store, room: RoomId): RoomRecord | null {
  return database
    .query<RoomRecord, { room: string }>(`SELECT ${ROOM_COLUMNS} FROM rooms WHERE room = $room`)
    .get({ room });
}

/**
 * Finds the first record of an encrypted room's log. It is there when the room is not any more, so that
 * no second room can have its id.
 */
export function findGenesis({ database }: Store, room: RoomId): SignedRecord | null {
  return database
    .query<SignedRecord, { room: string }>(
      "SELECT record, signature FROM geneses WHERE room = $room",
    )
    .get({ room });
}

export interface RoomListOptions {
  readonly after?: RoomId | undefined;
  readonly limit: number;
  /** Rooms of exactly this name; names are not unique. */
  readonly name?: string | undefined;
  /** Rooms that this user is in or invited to. */
  readonly visibleTo?: UserId | undefined;
  /** Rooms made by `anonymous`, who sees no others. */
  readonly createdBy?: "anonymous" | undefined;
}

/** Lists rooms by id, those after `after` that meet every condition given. */
export function listRooms({ database }: Store, options: RoomListOptions): readonly RoomRecord[] {
  const { after, limit, name, visibleTo, createdBy } = options;
  const given = {
    ...(name === undefined ? {} : { name }),
    ...(visibleTo === undefined ? {} : { visibleTo }),
    ...(createdBy === undefined ? {} : { createdBy }),
  };
  const conditions = [
    "rooms.room > $after",
    ...(name === undefined ? [] : ["rooms.name = $name"]),
    ...(visibleTo === undefined
      ? []
      : ["rooms.room IN (SELECT room FROM members WHERE user = $visibleTo)"]),
    ...(createdBy === undefined ? [] : ["rooms.created_by = $createdBy"]),
  ];
  return database
    .query<RoomRecord, { after: string; limit: number } & typeof given>(
      `SELECT ${ROOM_COLUMNS} FROM rooms WHERE ${conditions.join(" AND ")}
       ORDER BY rooms.room LIMIT $limit`,
    )
    .all({ after: after ?? "", limit: pageRows(limit), ...given });
}
