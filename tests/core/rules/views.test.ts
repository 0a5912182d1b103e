import { describe, expect, test } from "bun:test";
import type { ActorFacts } from "../../../src/core/rules/actors.ts";
import {
  type RoomViewFacts,
  refuseRoomView,
  refuseRosterView,
} from "../../../src/core/rules/views.ts";
import { aRoom, aUser } from "../../harness/builders.ts";

const room = { room: aRoom("a"), createdBy: aUser("owner") };

function user(role: "admin" | "member" | null, token: "none" | "bound" | "other" = "none") {
  const id = token === "bound" ? aRoom("a") : aRoom("b");
  return {
    kind: "user",
    user: aUser("asking"),
    role,
    token: token === "none" ? null : { scope: "write", room: id },
  } as const satisfies ActorFacts;
}

/** What the room and its members answer to a viewer. */
function seen(viewer: ActorFacts, more: Partial<RoomViewFacts> = {}): string {
  const facts = { viewer, room, member: null, ...more };
  const codeOf = (refusal: { readonly code: string } | null) => refusal?.code ?? "shown";
  return `${codeOf(refuseRoomView(facts))}, ${codeOf(refuseRosterView(facts))}`;
}

const NOT_THERE = "room-not-found, room-not-found";

describe("a room", () => {
  test("shows itself and its members to its owners, members and readers", () => {
    for (const role of ["owner", "member", "reader"] as const) {
      expect(seen(user("member"), { member: { role, state: "active" } })).toBe("shown, shown");
    }
  });

  test("shows a writer and who has not accepted yet itself, and none of its members", () => {
    const writer = { role: "writer", state: "active" } as const;
    expect(seen(user("member"), { member: writer })).toBe("shown, forbidden");
    const asked = { role: "owner", state: "pending" } as const;
    expect(seen(user("member"), { member: asked })).toBe("shown, forbidden");
  });

  test("is there for an admin, who sees no members unless it is one", () => {
    expect(seen(user("admin"))).toBe("shown, forbidden");
    const member = { role: "member", state: "active" } as const;
    expect(seen(user("admin"), { member })).toBe("shown, shown");
  });

  test("answers other users exactly as a room that does not exist (H3)", () => {
    const outside = { viewer: user("member"), room, member: null };
    expect(refuseRoomView(outside)).toEqual(refuseRoomView({ ...outside, room: null }));
    expect(refuseRosterView(outside)).toEqual(refuseRosterView({ ...outside, room: null }));
    expect(seen(user("member"))).toBe(NOT_THERE);
  });

  test("is there for no key that is no active user", () => {
    const member = { role: "owner", state: "active" } as const;
    expect(seen(user(null), { member })).toBe(NOT_THERE);
  });

  test("is there for a token of one room only if it is that room's", () => {
    const member = { role: "owner", state: "active" } as const;
    expect(seen(user("member", "bound"), { member })).toBe("shown, shown");
    expect(seen(user("member", "other"), { member })).toBe(NOT_THERE);
    expect(seen(user("admin", "other"))).toBe(NOT_THERE);
  });

  test("shows everything to the local operator, and to anonymous what anonymous made", () => {
    expect(seen({ kind: "operator" })).toBe("shown, shown");
    expect(seen({ kind: "anonymous" })).toBe(NOT_THERE);
    const made = { ...room, createdBy: "anonymous" };
    expect(seen({ kind: "anonymous" }, { room: made })).toBe("shown, shown");
  });
});
