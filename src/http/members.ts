import { Elysia } from "elysia";
import {
  AddMemberBody,
  Member,
  MemberPage,
  MemberParams,
  MemberQuery,
} from "../contract/members.ts";
import { RoomParams } from "../contract/rooms.ts";
import { Nothing, OrphanQuery } from "../contract/values.ts";
import type { RoomId, UserId } from "../core/ids.ts";
import type { Effect } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { MemberRecord } from "../core/records.ts";
import type { ActorFacts } from "../core/rules/actors.ts";
import { callOf } from "./call.ts";
import { requestChange } from "./change.ts";
import { readRoomId, readUserId, timeText } from "./ids.ts";
import { readPage } from "./page.ts";
import type { AppParts } from "./parts.ts";
import { getRoster } from "./rights.ts";
import { orphaning } from "./users.ts";

const MEMBER = "/:room/members/:user";

/** `/v1/rooms/:room/members`: who is in a room, with which role. */
export function members(parts: Pick<AppParts, "read" | "commit" | "now">) {
  const { read } = parts;
  return new Elysia({ prefix: "/v1/rooms", normalize: false, strictPath: true })
    .get(
      "/:room/members",
      ({ params, query, request }) => {
        const { viewer } = callOf(request);
        const { room } = getRoster(read, readRoomId(params.room), viewer);
        const after = query.after === undefined ? undefined : readUserId(query.after);
        const { rows, next } = readPage(
          query,
          (limit) => read.listMembers({ room, after, limit }),
          ({ user }) => user,
        );
        return { members: rows.map((row) => memberOf(read, row, viewer)), next };
      },
      { params: RoomParams, query: MemberQuery, response: { 200: MemberPage } },
    )
    .put(
      MEMBER,
      async ({ params, body, query, request, set }) => {
        const call = callOf(request);
        const member = readMember(params);
        const { role = "member" } = body;
        const change = { kind: "member.add", ...member, role, ...orphaning(query) } as const;
        const { effects } = await requestChange(parts, { call, set }, change);
        // From the outcome, so that a repeat is answered alike.
        set.status = effects.some(isArrival) ? 201 : 200;
        set.headers.location = `/v1/rooms/${member.room}/members/${member.user}`;
        return getMember(read, member, call.viewer);
      },
      { params: MemberParams, body: AddMemberBody, query: OrphanQuery, response: EITHER },
    )
    .post(
      `${MEMBER}/accept`,
      async ({ params, request, set }) => {
        const call = callOf(request);
        const member = readMember(params);
        const change = { kind: "member.accept", ...member } as const;
        await requestChange(parts, { call, set }, change);
        return getMember(read, member, call.viewer);
      },
      { params: MemberParams, body: Nothing, query: Nothing, response: { 200: Member } },
    )
    .delete(
      MEMBER,
      async ({ params, query, request, set }) => {
        const member = readMember(params);
        const change = { kind: "member.remove", ...member, ...orphaning(query) } as const;
        await requestChange(parts, { call: callOf(request), set }, change);
        set.status = 204;
      },
      { params: MemberParams, body: Nothing, query: OrphanQuery },
    );
}

/** Says whether an effect tells of a membership that was not there before, or waited. */
function isArrival(effect: Effect): boolean {
  return effect.kind === "user.told" && ["room.invited", "room.gained"].includes(effect.event);
}

const EITHER = { 200: Member, 201: Member };

function readMember(params: { readonly room: string; readonly user: string }): {
  readonly room: RoomId;
  readonly user: UserId;
} {
  return { room: readRoomId(params.room), user: readUserId(params.user) };
}

type MemberReads = Pick<AppParts["read"], "findRoom" | "findMember" | "findUser">;

/**
 * Finds a member for an answer. The change may have been made long ago, and this be a repeat of it: so
 * it is shown to itself and to those who may see the members now.
 * Throws "room-not-found", "forbidden" or "member-not-found".
 */
export function getMember(
  read: MemberReads,
  member: { readonly room: RoomId; readonly user: UserId },
  viewer: ActorFacts,
): Member {
  const isItself = viewer.kind === "user" && viewer.user === member.user;
  if (!isItself) getRoster(read, member.room, viewer);
  const found = read.findMember(member);
  if (found) return memberOf(read, found, viewer);
  throw new Problem("member-not-found", "Cannot find the member: this user is not in the room");
}

function memberOf(read: MemberReads, row: MemberRecord, viewer: ActorFacts): Member {
  const { room, user, role, state, addedAt } = row;
  // Whoever may not list the users may not ask for their names one by one either.
  const name = viewer.kind === "anonymous" ? null : (read.findUser(user)?.name ?? null);
  return { room, user, name, role, state, addedAt: timeText(addedAt) };
}
