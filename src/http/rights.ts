import type { RoomId, UserId } from "../core/ids.ts";
import { Problem, type Refusal } from "../core/problems.ts";
import type { RoomRecord } from "../core/records.ts";
import { type ActorFacts, isAdmin, refuseToken } from "../core/rules/actors.ts";
import { type RoomViewFacts, refuseRoomView, refuseRosterView } from "../core/rules/views.ts";
import type { Reads } from "./parts.ts";

/**
 * Refuses everybody but admins and the local operator. Changes are decided where they are applied;
 * asked here too, nobody else learns by the answer who is a user. Throws "forbidden".
 */
export function requireManager(viewer: ActorFacts, action: string): void {
  if (viewer.kind === "operator" || isAdmin(viewer)) return;
  throw new Problem("forbidden", `Cannot ${action}: only an admin or the local operator may`);
}

/** As `requireManager`, and refuses tokens: what is done is for good. Throws "forbidden". */
export function requireManagerByKey(viewer: ActorFacts, action: string): void {
  requireManager(viewer, action);
  const refusal = refuseToken(viewer, action);
  if (refusal) throw new Problem(refusal.code, refusal.detail);
}

/** Refuses everybody but the local operator. Throws "forbidden". */
export function requireOperator(viewer: ActorFacts, action: string): void {
  if (viewer.kind === "operator") return;
  throw new Problem("forbidden", `Cannot ${action}: only the local operator may`);
}

/** The user who asks. Throws "forbidden" for the operator and `anonymous`, who are none. */
export function requireUser(viewer: ActorFacts, action: string): UserId {
  if (viewer.kind === "user") return viewer.user;
  throw new Problem(
    "forbidden",
    `Cannot ${action}: only a user may, and this request is signed by none`,
  );
}

/** As `requireUser`, and refuses tokens: what this answers is for who holds the key. */
export function requireKey(viewer: ActorFacts, action: string): UserId {
  const refusal = refuseToken(viewer, action);
  if (refusal) throw new Problem(refusal.code, refusal.detail);
  return requireUser(viewer, action);
}

type RoomReads = Pick<Reads, "findRoom" | "findMember">;

/** Says whether the viewer may see who is in a room. */
export function seesMembers(read: RoomReads, room: RoomId, viewer: ActorFacts): boolean {
  return refuseRosterView(viewFacts(read, room, viewer)) === null;
}

/** Finds a room that the viewer may see, or null. */
export function findRoomFor(read: RoomReads, room: RoomId, viewer: ActorFacts): RoomRecord | null {
  const facts = viewFacts(read, room, viewer);
  return refuseRoomView(facts) ? null : facts.room;
}

/** Finds a room that the viewer may see. Throws "room-not-found" for others as if there were none. */
export function getRoom(read: RoomReads, room: RoomId, viewer: ActorFacts): RoomRecord {
  return seen(viewFacts(read, room, viewer), refuseRoomView);
}

/** Finds a room whose members the viewer may see. Throws "room-not-found" or "forbidden". */
export function getRoster(read: RoomReads, room: RoomId, viewer: ActorFacts): RoomRecord {
  return seen(viewFacts(read, room, viewer), refuseRosterView);
}

interface ViewFacts extends RoomViewFacts {
  readonly room: RoomRecord | null;
}

function viewFacts(read: RoomReads, id: RoomId, viewer: ActorFacts): ViewFacts {
  const room = read.findRoom(id);
  const member = viewer.kind === "user" ? read.findMember({ room: id, user: viewer.user }) : null;
  return { viewer, room, member };
}

function seen(facts: ViewFacts, refuse: (facts: ViewFacts) => Refusal | null): RoomRecord {
  const refusal = refuse(facts);
  if (refusal) throw new Problem(refusal.code, refusal.detail);
  if (!facts.room) throw new Error("A room that is seen exists");
  return facts.room;
}
