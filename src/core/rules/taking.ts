import type { BusRole, Change, RoomRole } from "../operations.ts";
import { losesRights } from "../permissions.ts";

/** What somebody has whom a change is about; null where it has nothing. */
export interface HeldRights {
  readonly busRole: BusRole | null;
  /** Of an active membership in the room that the change names. */
  readonly roomRole: RoomRole | null;
}

/** Says whether a change takes rights away, and gives none: for those the last room on a disk is kept. */
export function takesRights(change: Change, held: HeldRights): boolean {
  switch (change.kind) {
    case "user.revoke":
    case "user.replace-key":
    case "token.revoke":
    case "invite.revoke":
    case "room.delete":
    case "member.remove":
    case "node.removed":
      return true;
    case "user.update":
      return held.busRole === "admin" && change.role === "member";
    case "member.add":
      return (
        held.roomRole !== null &&
        change.role !== "owner" &&
        (held.roomRole === "owner" || losesRights(held.roomRole, change.role))
      );
    default:
      return false;
  }
}
