import { createHash } from "node:crypto";
import { Elysia } from "elysia";
import {
  CreateRoomBody,
  Room,
  RoomPage,
  RoomParams,
  RoomQuery,
  UpdateRoomBody,
} from "../contract/rooms.ts";
import { Nothing } from "../contract/values.ts";
import { domainBytes } from "../core/domain.ts";
import { readGenesis } from "../core/genesis.ts";
import { type OperationId, type RoomId, roomIdOf } from "../core/ids.ts";
import { userKeyBytes } from "../core/nkey.ts";
import type { ChangeOf, SignedRecord } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { RoomRecord } from "../core/records.ts";
import { type ActorFacts, isAdmin } from "../core/rules/actors.ts";
import { roomPrefix } from "../core/subjects.ts";
import { type Call, callOf } from "./call.ts";
import { type AnswerHead, requestChange } from "./change.ts";
import { verifyEd25519 } from "./ed25519.ts";
import { readName, readRoomId, readUserId, timeText } from "./ids.ts";
import { readPage } from "./page.ts";
import type { AppParts } from "./parts.ts";
import { findRoomFor, getRoom } from "./rights.ts";

type Parts = Pick<AppParts, "read" | "commit" | "now" | "plainRooms" | "busId">;

/** `/v1/rooms`: where users talk. */
export function rooms(parts: Parts) {
  const { read } = parts;
  return new Elysia({ prefix: "/v1/rooms", normalize: false, strictPath: true })
    .get("", (context) => list(read, context), { query: RoomQuery, response: { 200: RoomPage } })
    .post("", (context) => create(parts, context), {
      body: CreateRoomBody,
      query: Nothing,
      response: { 201: Room },
    })
    .get(
      "/:room",
      ({ params, request, set }) =>
        read.atOnce(() =>
          showRoom(read, getRoom(read, readRoomId(params.room), callOf(request).viewer), set),
        ),
      { params: RoomParams, query: Nothing, response: { 200: Room } },
    )
    .patch(
      "/:room",
      async ({ params, body, request, set }) => {
        const call = callOf(request);
        const room = readRoomId(params.room);
        const name = readName(body.name);
        const change = { kind: "room.update", room, name, ifVersion: call.ifMatch } as const;
        await requestChange(parts, { call, set }, change);
        return showRoom(read, getRoom(read, room, call.viewer), set);
      },
      { params: RoomParams, body: UpdateRoomBody, query: Nothing, response: { 200: Room } },
    )
    .delete(
      "/:room",
      async ({ params, request, set }) => {
        const call = callOf(request);
        const room = readRoomId(params.room);
        await requestChange(parts, { call, set }, { kind: "room.delete", room });
        set.status = 204;
      },
      { params: RoomParams, body: Nothing, query: Nothing },
    );
}

/**
 * A user lists the rooms it is in or asked into, a token for one room that one, admins and the
 * operator all of them.
 */
function list(
  read: Parts["read"],
  { query, request }: { readonly query: typeof RoomQuery.static; readonly request: Request },
): RoomPage {
  const { viewer } = callOf(request);
  const after = query.after === undefined ? undefined : readRoomId(query.after);
  const bound = viewer.kind === "user" ? (viewer.token?.room ?? null) : null;
  if (bound !== null) return { rooms: listOne(read, bound, query.name, viewer), next: null };
  const seen = roomsSeenBy(viewer);
  const { rows, next } = readPage(
    query,
    (limit) => read.listRooms({ after, limit, name: query.name, ...seen }),
    ({ room }) => room,
  );
  return { rooms: rows.map((row) => roomOf(read, row)), next };
}

function listOne(
  read: Parts["read"],
  id: RoomId,
  name: string | undefined,
  viewer: ActorFacts,
): Room[] {
  const room = findRoomFor(read, id, viewer);
  return room && (name === undefined || room.name === name) ? [roomOf(read, room)] : [];
}

function roomsSeenBy(viewer: ActorFacts) {
  if (viewer.kind === "anonymous") return { createdBy: viewer.kind };
  if (viewer.kind === "operator" || isAdmin(viewer)) return {};
  return { visibleTo: viewer.user };
}

async function create(
  parts: Parts,
  context: { readonly body: CreateRoomBody; readonly request: Request; readonly set: AnswerHead },
): Promise<Room> {
  const { body, request, set } = context;
  const call = callOf(request);
  const change =
    body.content === "encrypted" ? encrypted(parts, call, body) : plain(parts, call, body);
  await requestChange(parts, { call, set }, change);
  set.status = 201;
  set.headers.location = `/v1/rooms/${change.room}`;
  return showRoom(parts.read, getRoom(parts.read, change.room, call.viewer), set);
}

type RoomCreate = ChangeOf<"room.create">;

function plain({ plainRooms }: Parts, call: Call, body: CreateRoomBody): RoomCreate {
  if (!plainRooms) refusePlainRooms();
  if (body.genesis) {
    throw new Problem(
      "request-invalid",
      'Cannot create the room: a genesis record belongs to content "encrypted"',
    );
  }
  const owner = body.owner === undefined || body.owner === null ? null : readUserId(body.owner);
  return { ...roomCreate(body), ...chooseRoom(call.operationId), owner, genesis: null };
}

/** The owner of an encrypted room is who signed its first record, and nobody else may send it. */
function encrypted(parts: Parts, { viewer }: Call, body: CreateRoomBody): RoomCreate {
  if (!body.genesis) {
    throw new Problem(
      "request-invalid",
      "Cannot create the room: an encrypted one needs its genesis record, which only its owner can sign",
    );
  }
  const { record, signature } = body.genesis;
  const genesis: SignedRecord = { record, signature };
  const busId = parts.busId();
  const read = readGenesis(genesis, { busId });
  if ("code" in read) throw new Problem(read.code, read.detail);
  const { owner } = read.genesis;
  const named = body.owner === undefined || body.owner === null ? owner : readUserId(body.owner);
  if (viewer.kind !== "user" || viewer.user !== owner || named !== owner) {
    throw new Problem(
      "forbidden",
      "Cannot create the room: an encrypted one is made by the user who signed its genesis record",
    );
  }
  const data = domainBytes("record", busId, read.bytes);
  if (!verifyEd25519({ publicKey: userKeyBytes(owner), data, signature })) {
    throw new Problem(
      "record-invalid",
      "Cannot use the genesis record: its signature is not that of its owner",
    );
  }
  const digest = createHash("sha256").update(read.bytes).digest();
  return { ...roomCreate(body), ...roomOfDigest(digest), owner, genesis };
}

function roomCreate(body: CreateRoomBody) {
  const name = readName(body.name);
  return { kind: "room.create", name, history: body.history === "off" ? "n" : "k" } as const;
}

function showRoom(read: Parts["read"], record: RoomRecord, set: AnswerHead): Room {
  set.headers.etag = `"${read.roomVersion(record)}"`;
  return roomOf(read, record);
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
  return roomOfDigest(createHash("sha256").update(`unibus room ${operationId}`).digest());
}

function roomOfDigest(digest: Uint8Array): { readonly room: RoomId; readonly shard: string } {
  return { room: roomIdOf(digest), shard: digest.toHex().slice(-1) };
}

function refusePlainRooms(): never {
  throw new Problem(
    "plain-rooms-disabled",
    "Cannot create the room: cleartext rooms are disabled on a public bind, end-to-end encryption is required; --allow-plain-rooms allows them",
  );
}
