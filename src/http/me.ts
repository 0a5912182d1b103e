import { Elysia } from "elysia";
import { Directory, DirectoryQuery, Me, UpdateMeBody } from "../contract/me.ts";
import { Member } from "../contract/members.ts";
import { RoomParams } from "../contract/rooms.ts";
import { User } from "../contract/users.ts";
import { Nothing } from "../contract/values.ts";
import type { ActorFacts } from "../core/rules/actors.ts";
import { callOf } from "./call.ts";
import { requestChange } from "./change.ts";
import { readRoomId } from "./ids.ts";
import { getMember } from "./members.ts";
import type { AppParts } from "./parts.ts";
import { requireUser } from "./rights.ts";
import { getUser, roomsOf, showUser } from "./users.ts";

type Parts = Pick<AppParts, "read" | "commit" | "now">;

/** `/v1/me`: who the caller is, and what it decides for itself. `/v1/directory`: users by name. */
export function me(parts: Parts) {
  const { read } = parts;
  return new Elysia({ prefix: "/v1", normalize: false, strictPath: true })
    .get("/me", ({ request }) => whoIs(read, callOf(request).viewer), {
      query: Nothing,
      response: { 200: Me },
    })
    .patch(
      "/me",
      async ({ body, request, set }) => {
        const call = callOf(request);
        const user = requireUser(call.viewer, "change the settings");
        const { accept } = body;
        const unchanged = { name: null, role: null };
        const change = { ...unchanged, accept, ifVersion: call.ifMatch };
        await requestChange(parts, { call, set }, { kind: "user.update", user, ...change });
        return showUser(read, user, set);
      },
      { body: UpdateMeBody, query: Nothing, response: { 200: User } },
    )
    .put(
      "/me/rooms/:room",
      async ({ params, request, set }) => {
        const call = callOf(request);
        const user = requireUser(call.viewer, "accept the membership");
        const member = { room: readRoomId(params.room), user };
        await requestChange(parts, { call, set }, { kind: "member.accept", ...member });
        return getMember(read, member, call.viewer);
      },
      { params: RoomParams, body: Nothing, query: Nothing, response: { 200: Member } },
    )
    .delete(
      "/me/rooms/:room",
      async ({ params, request, set }) => {
        const call = callOf(request);
        const user = requireUser(call.viewer, "leave the room");
        const change = { kind: "member.remove", room: readRoomId(params.room), user } as const;
        await requestChange(parts, { call, set }, change);
        set.status = 204;
      },
      { params: RoomParams, body: Nothing, query: Nothing },
    )
    .get(
      "/directory",
      ({ query, request }) => {
        const { viewer } = callOf(request);
        if (viewer.kind !== "operator") requireUser(viewer, "look up the name");
        const found = read.findUserByName(query.name);
        const listed = found?.state === "active" && found.name !== null;
        return { users: listed ? [{ user: found.user, name: found.name ?? "" }] : [] };
      },
      { query: DirectoryQuery, response: { 200: Directory } },
    );
}

function whoIs(read: Parts["read"], viewer: ActorFacts): Me {
  if (viewer.kind !== "user") return { kind: viewer.kind, user: null, scope: null, rooms: [] };
  const { user, token } = viewer;
  const bound = token?.room ?? null;
  return {
    kind: "user",
    user: getUser(read, user),
    scope: token?.scope ?? null,
    rooms: roomsOf(read, user).filter(({ room }) => bound === null || room === bound),
  };
}
