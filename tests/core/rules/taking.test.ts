// Tries src/core/rules/taking.ts.
import { describe, expect, test } from "bun:test";
import type { BusRole, Change, RoomRole } from "../../../src/core/operations.ts";
import { takesRights } from "../../../src/core/rules/taking.ts";
import { aRoom, aUser } from "../../harness/builders.ts";

const [room, user] = [aRoom(), aUser()];
const nothing = { busRole: null, roomRole: null } as const;

function roleTaken(busRole: BusRole, role: BusRole | null): boolean {
  const change = { kind: "user.update", user, name: null, role, accept: null, ifVersion: null };
  return takesRights(change as Change, { busRole, roomRole: null });
}

function memberTaken(roomRole: RoomRole | null, role: RoomRole): boolean {
  return takesRights({ kind: "member.add", room, user, role }, { busRole: null, roomRole });
}

describe("a change takes rights", () => {
  test("when it ends a user, a membership, a room", () => {
    expect(takesRights({ kind: "user.revoke", user }, nothing)).toBe(true);
    expect(takesRights({ kind: "member.remove", room, user }, nothing)).toBe(true);
    expect(takesRights({ kind: "room.delete", room }, nothing)).toBe(true);
  });

  test("when an admin becomes a member of the bus, and when nothing of the role changes it does not", () => {
    expect(roleTaken("admin", "member")).toBe(true);
    expect(roleTaken("member", "member")).toBe(false);
    expect(roleTaken("member", "admin")).toBe(false);
    expect(roleTaken("admin", null)).toBe(false);
  });

  test("when a member of a room has less than before, and not when it comes, stays or has more", () => {
    expect(memberTaken("owner", "member")).toBe(true);
    expect(memberTaken("member", "reader")).toBe(true);
    expect(memberTaken("reader", "writer")).toBe(true);
    expect(memberTaken(null, "reader")).toBe(false);
    expect(memberTaken("reader", "reader")).toBe(false);
    expect(memberTaken("reader", "member")).toBe(false);
    expect(memberTaken("writer", "owner")).toBe(false);
  });

  test("never when it gives some back", () => {
    expect(takesRights({ kind: "user.restore", user }, nothing)).toBe(false);
    expect(takesRights({ kind: "user.seed", user, name: null }, nothing)).toBe(false);
  });
});
