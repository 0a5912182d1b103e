import { createHash } from "node:crypto";
import { Elysia } from "elysia";
import { CreateRoomBody, Room, RoomPage, RoomParams, RoomQuery } from "../contract/rooms.ts";
import { Nothing } from "../contract/values.ts";
import { type OperationId, type RoomId, roomIdOf } from "../core/ids.ts";
import type { Actor } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { RoomRecord } from "../core/records.ts";
import { roomPrefix } from "../core/subjects.ts";
import { callOf } from "./call.ts";
import { requestChange, SEQ_HEADER } from "./change.ts";
import { readName, readRoomId, readUserId, timeText } from "./ids.ts";
import { readPage } from "./page.ts";
import type { AppParts } from "./parts.ts";

/** `/v1/rooms`: where users talk. */
export function rooms(parts: Pick<AppParts, "read" | "commit" | "now" | "plainRooms">) {
  const { read, plainRooms } = parts;

  function list({ query, request }: { query: typeof RoomQuery.static; request: Request }) {
    const { actor } = callOf(request);
    const createdBy = actor.kind === "anonymous" ? actor.kind : undefined;
    const after = query.after === undefined ? undefined : readRoomId(query.after);
    const { rows, next } = readPage(
      query,
      (limit) => read.listRooms({ after, limit, name: query.name, createdBy }),
      ({ room }) => room,
    );
    return { rooms: rows.map((row) => roomOf(read, row)), next };
  }

  return new Elysia({ prefix: "/v1/rooms", normalize: false, strictPath: true })
    .get("", list, { query: RoomQuery, response: { 200: RoomPage } })
    .post(
      "",
      async ({ body, request, set }) => {
        const call = callOf(request);
        if (!plainRooms) refusePlainRooms();
        const name = readName(body.name);
        const { room, shard } = chooseRoom(call.operationId);
        const owner =
          body.owner === undefined || body.owner === null ? null : readUserId(body.owner);
        const history = body.history === "off" ? "n" : "k";
        const change = { kind: "room.create", room, name, history, shard, owner } as const;
        const { seq } = await requestChange(parts, call, change);
        set.status = 201;
        set.headers[SEQ_HEADER] = `${seq}`;
        set.headers.location = `/v1/rooms/${room}`;
        return roomOf(read, getRoom(read, room, call.actor));
      },
      { body: CreateRoomBody, query: Nothing, response: { 201: Room } },
    )
    .get(
      "/:room",
      ({ params, request }) => {
        const { actor } = callOf(request);
        return roomOf(read, getRoom(read, readRoomId(params.room), actor));
      },
      { params: RoomParams, query: Nothing, response: { 200: Room } },
    )
    .delete(
      "/:room",
      async ({ params, request, set }) => {
        const call = callOf(request);
        const room = readRoomId(params.room);
        const { seq } = await requestChange(parts, call, { kind: "room.delete", room });
        set.status = 204;
        set.headers[SEQ_HEADER] = `${seq}`;
      },
      { params: RoomParams, body: Nothing, query: Nothing },
    );
}

/**
 * Finds a room that the actor may see: the operator all of them, `anonymous` those that it made.
 * Throws "room-not-found" for the others as if they were none.
 */
export function getRoom(read: Pick<AppParts["read"], "findRoom">, room: RoomId, actor: Actor) {
  const found = read.findRoom(room);
  const seen = actor.kind !== "anonymous" || found?.createdBy === "anonymous";
  if (found && seen) return found;
  throw new Problem("room-not-found", "Cannot find the room: no room that you can see has this id");
}

function roomOf(read: Pick<AppParts["read"], "countMembers">, row: RoomRecord): Room {
  const { room, name, content, history, shard, createdBy, createdAt } = row;
  return {
    room,
    name,
    content,
    history: history === "k" ? "keep" : "off",
    historyKept: false,
    subject: roomPrefix({ id: room, history, shard }),
    members: read.countMembers(room),
    createdBy,
    createdAt: timeText(createdAt),
  };
}

/**
 * Chooses id and shard of a new room from the operation's id, which is random or a digest: a request
 * repeated with its Idempotency-Key then means the same room.
 */
function chooseRoom(operationId: OperationId): { readonly room: RoomId; readonly shard: string } {
  const digest = createHash("sha256").update(`unibus room ${operationId}`).digest();
  return { room: roomIdOf(digest), shard: digest.toString("hex").slice(-1) };
}

function refusePlainRooms(): never {
  throw new Problem(
    "plain-rooms-disabled",
    "Cannot create the room: cleartext rooms are disabled on a public bind, end-to-end encryption is required; --allow-plain-rooms allows them",
  );
}
