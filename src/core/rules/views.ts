import type { RoomId } from "../ids.ts";
import { type Refusal, refusal } from "../problems.ts";
import { type ActorFacts, isAdmin, isBoundElsewhere } from "./actors.ts";
import type { MemberFacts } from "./rooms.ts";

/** What reading a room is decided on. */
export interface RoomViewFacts {
  readonly viewer: ActorFacts;
  /** Null when there is no such room. `createdBy`: `operator`, `anonymous` or a user id. */
  readonly room: { readonly room: RoomId; readonly createdBy: string } | null;
  /** The viewer's own membership in it. */
  readonly member: MemberFacts | null;
}

/**
 * Says why a room is not there for a viewer, or null. Whoever is in it or asked into it sees it, and
 * who may delete it: admins and the local operator. To all others it answers as if it were none.
 */
export function refuseRoomView(facts: RoomViewFacts): Refusal | null {
  if (facts.room && seesRoom(facts)) return null;
  return refusal("room-not-found", "Cannot find the room: no room that you can see has this id");
}

function seesRoom({ viewer, room, member }: RoomViewFacts): boolean {
  if (viewer.kind === "operator") return true;
  if (viewer.kind === "anonymous") return room?.createdBy === "anonymous";
  if (viewer.role === null || isBoundElsewhere(viewer, room?.room ?? null)) return false;
  return member !== null || isAdmin(viewer);
}

/**
 * Says why a viewer may not see who is in a room, or null. A writer speaks and sees nobody, whoever
 * has not accepted yet is none of them, and an admin looks into no room that it is not in.
 */
export function refuseRosterView(facts: RoomViewFacts): Refusal | null {
  const unseen = refuseRoomView(facts);
  if (unseen || facts.viewer.kind !== "user") return unseen;
  const { member } = facts;
  if (member?.state === "active" && member.role !== "writer") return null;
  return refusal(
    "forbidden",
    "Cannot list the members: only the room's owners, members and readers may",
  );
}
