import { describe, expect, test } from "bun:test";
import {
  MEMBERS_PER_ROOM_MAX,
  PENDING_PER_USER_MAX,
  ROOMS_PER_USER_MAX,
} from "../../../src/core/limits.ts";
import {
  type MemberAcceptFacts,
  type MemberAddFacts,
  type MemberRemoveFacts,
  memberStateOnAdd,
  refuseMemberAccept,
  refuseMemberAdd,
  refuseMemberRemove,
} from "../../../src/core/rules/members.ts";
import {
  admin,
  anonymous,
  member,
  operator,
  revoked,
  token,
  user,
} from "../../harness/actor-facts.ts";
import { aRoom, aUser } from "../../harness/builders.ts";

const target = aUser("target");

const owner = { role: "owner", state: "active" } as const;
const reader = { role: "reader", state: "active" } as const;
const pending = { role: "member", state: "pending" } as const;
const room = { room: aRoom("lobby"), content: "plain", createdBy: "operator" } as const;
const ownRoom = { ...room, createdBy: "anonymous" };
const encrypted = { ...room, content: "encrypted" } as const;

describe("adding a member", () => {
  const facts: MemberAddFacts = {
    actor: member,
    room,
    actorMember: owner,
    target: { state: "active", accept: "from-admins" },
    targetMember: null,
    role: "member",
    isLastOwner: false,
    roomMembers: 1,
    targetRooms: 0,
    targetPending: 0,
    ...{ level: 2, orphan: false, at: 100_000, rightsTakenAt: null },
  };
  const rooms = ROOMS_PER_USER_MAX;
  const waiting = PENDING_PER_USER_MAX;
  const seats = MEMBERS_PER_ROOM_MAX;
  const accepting = (accept: "all" | "none") => ({ target: { state: "active", accept } as const });
  /** The last column: what the target becomes, or why not. */
  const table: readonly (readonly [string, Partial<MemberAddFacts>, string])[] = [
    ["by an owner: has to accept", {}, "pending"],
    ["by the operator: at once", { actor: operator, actorMember: null }, "active"],
    ["by an owner who is an admin: at once", { actor: admin }, "active"],
    ["who takes all: at once", accepting("all"), "active"],
    [
      "who takes none, by an admin: has to accept",
      { actor: admin, ...accepting("none") },
      "pending",
    ],
    ["who takes none, by the operator", { actor: operator, ...accepting("none") }, "active"],
    ["by anonymous in its room", { actor: anonymous, actorMember: null, room: ownRoom }, "pending"],
    ["by anonymous elsewhere", { actor: anonymous, actorMember: null }, "room-not-found"],
    ["by an outsider", { actorMember: null }, "room-not-found"],
    ["to a room that is none", { actor: operator, room: null }, "room-not-found"],
    ["by an admin who is no owner", { actor: admin, actorMember: null }, "forbidden"],
    ["by a reader", { actorMember: reader }, "forbidden"],
    [
      "by an owner who has not accepted",
      { actorMember: { ...owner, state: "pending" } },
      "forbidden",
    ],
    ["by a revoked owner", { actor: revoked }, "forbidden"],
    ["by an owner's token: has to accept", { actor: token("write") }, "pending"],
    ["by an owner's token as admin: at once", { actor: token("admin") }, "active"],
    [
      "by an owner's token for this room, as admin: has to accept",
      { actor: token("admin", room.room) },
      "pending",
    ],
    ["by an owner's token to read", { actor: token("read") }, "forbidden"],
    [
      "by an owner's token for another room",
      { actor: token("write", aRoom("attic")) },
      "room-not-found",
    ],
    ["of an encrypted room, by its owner", { room: encrypted }, "record-required"],
    [
      "of an encrypted room, by the operator",
      { room: encrypted, actor: operator, actorMember: null },
      "record-required",
    ],
    ["of an encrypted room, by a reader", { room: encrypted, actorMember: reader }, "forbidden"],
    [
      "of an encrypted room, by an outsider",
      { room: encrypted, actorMember: null },
      "room-not-found",
    ],
    [
      "who is the last owner: another role",
      { targetMember: owner, isLastOwner: true },
      "last-owner",
    ],
    [
      "who is the last owner: another role, by an admin who owns the room",
      { actor: admin, targetMember: owner, isLastOwner: true },
      "last-owner",
    ],
    [
      "who is the last owner: another role, by the operator",
      { actor: operator, targetMember: owner, isLastOwner: true },
      "last-owner",
    ],
    [
      "who is the last owner: another role, by the operator who means it",
      { actor: operator, targetMember: owner, isLastOwner: true, orphan: true },
      "active",
    ],
    [
      "who is the last owner: the same role",
      { role: "owner", targetMember: owner, isLastOwner: true },
      "active",
    ],
    ["who is no user", { target: null }, "user-not-found"],
    ["who is revoked", { target: { state: "revoked", accept: "all" } }, "user-revoked"],
    ["an outsider learns nothing of users", { actorMember: null, target: null }, "room-not-found"],
    ["who is one: another role, at once", { targetMember: reader }, "active"],
    ["who has not accepted: another role, still to accept", { targetMember: pending }, "pending"],
    ["who has not accepted, by an admin", { actor: admin, targetMember: pending }, "pending"],
    ["who has not accepted, by the operator", { actor: operator, targetMember: pending }, "active"],
    ["on the last seat", { roomMembers: seats - 1 }, "pending"],
    ["in a full room", { roomMembers: seats }, "room-full"],
    ["who is one, in a full room", { roomMembers: seats, targetMember: reader }, "active"],
    ["who has one room left", { targetRooms: rooms - 1 }, "pending"],
    ["who has no room left", { targetRooms: rooms }, "rooms-full"],
    [
      "who has no room left, by the operator",
      { actor: operator, targetRooms: rooms },
      "rooms-full",
    ],
    ["who is one and has no room left", { targetMember: reader, targetRooms: rooms }, "active"],
    ["whose last free place to wait it is", { targetPending: waiting - 1 }, "pending"],
    ["who has too many to accept", { targetPending: waiting }, "pending-full"],
    ["who has too many, by an admin", { actor: admin, targetPending: waiting }, "active"],
    ["who waits here already", { targetMember: pending, targetPending: waiting }, "pending"],
    [
      "whom the operator lets in from waiting, with no room left",
      { actor: operator, targetMember: pending, targetRooms: rooms },
      "rooms-full",
    ],
  ];
  test.each(table)("%s", (_, more, expected) => {
    const given = { ...facts, ...more };
    expect(refuseMemberAdd(given)?.code ?? memberStateOnAdd(given)).toBe(expected as never);
  });
});

describe("accepting a membership", () => {
  const facts: MemberAcceptFacts = {
    actor: { kind: "user", user: target, role: "member", token: null },
    user: target,
    room,
    actorMember: pending,
    targetMember: pending,
    targetState: "active",
    targetRooms: 0,
  };
  const rooms = ROOMS_PER_USER_MAX;
  const table: readonly (readonly [string, Partial<MemberAcceptFacts>, string | null])[] = [
    ["by the user itself", {}, null],
    ["by the operator", { actor: operator, actorMember: null }, null],
    ["a second time", { actorMember: reader, targetMember: reader }, null],
    ["by an owner for another", { actor: member, actorMember: owner }, "forbidden"],
    ["by an admin for another", { actor: admin, actorMember: null }, "forbidden"],
    [
      "by anonymous in its room",
      { actor: anonymous, actorMember: null, room: ownRoom },
      "forbidden",
    ],
    ["by an outsider for another", { actor: member, actorMember: null }, "room-not-found"],
    ["that was never offered", { actorMember: null, targetMember: null }, "room-not-found"],
    [
      "that was never offered, by an admin",
      { actor: admin, user, actorMember: null, targetMember: null },
      "member-not-found",
    ],
    [
      "that was never offered, by the operator",
      { actor: operator, actorMember: null, targetMember: null },
      "member-not-found",
    ],
    [
      "of a revoked user, by the operator",
      { actor: operator, targetState: "revoked" },
      "user-revoked",
    ],
    [
      "by a revoked user",
      { actor: { kind: "user", user: target, role: null, token: null } },
      "forbidden",
    ],
    ["as the last room that fits", { targetRooms: rooms - 1 }, null],
    ["as one room too many", { targetRooms: rooms }, "rooms-full"],
    ["a second time, with no room left", { targetMember: reader, targetRooms: rooms }, null],
  ];
  test.each(table)("%s", (_, more, code) => {
    expect(refuseMemberAccept({ ...facts, ...more })?.code ?? null).toBe(code as never);
  });
});

describe("removing a member", () => {
  const facts: MemberRemoveFacts = {
    actor: member,
    user: target,
    room,
    actorMember: owner,
    targetMember: reader,
    ...{ isLastOwner: false, level: 2, orphan: false },
  };
  const last = { targetMember: owner, isLastOwner: true } as const;
  const table: readonly (readonly [string, Partial<MemberRemoveFacts>, string | null])[] = [
    ["by an owner", {}, null],
    ["by the operator", { actor: operator, actorMember: null }, null],
    ["by an admin", { actor: admin, actorMember: null }, null],
    ["by itself", { user, actorMember: reader }, null],
    ["by itself before accepting", { user, actorMember: pending, targetMember: pending }, null],
    ["by anonymous in its room", { actor: anonymous, actorMember: null, room: ownRoom }, null],
    ["by another member", { actorMember: reader }, "forbidden"],
    ["by somebody who waits", { actorMember: pending }, "forbidden"],
    ["by an outsider", { actorMember: null }, "room-not-found"],
    [
      "by an outsider who would leave",
      { user, actorMember: null, targetMember: null },
      "room-not-found",
    ],
    ["by a revoked owner", { actor: revoked }, "forbidden"],
    ["who is none", { targetMember: null }, "member-not-found"],
    ["who is none, by an admin", { actor: admin, targetMember: null }, "member-not-found"],
    ["a member learns nothing more", { actorMember: reader, targetMember: null }, "forbidden"],
    ["who is the last owner, by itself", { user, ...last }, "last-owner"],
    ["who is the last owner, by an admin", { actor: admin, ...last }, "last-owner"],
    [
      "who is the last owner, by anonymous in its room",
      { actor: anonymous, actorMember: null, room: ownRoom, ...last },
      "last-owner",
    ],
    ["who is the last owner, by the operator", { actor: operator, ...last }, "last-owner"],
    [
      "who is the last owner, by the operator who means it",
      { actor: operator, orphan: true, ...last },
      null,
    ],
    [
      "who is the last owner, by an admin who says so",
      { actor: admin, orphan: true, ...last },
      "last-owner",
    ],
    [
      "who is the last owner, by the operator, at level 1",
      { actor: operator, level: 1, ...last },
      null,
    ],
    ["by itself, from an encrypted room", { user, actorMember: reader, room: encrypted }, null],
    ["by an owner, from an encrypted room", { room: encrypted }, null],
    [
      "by the operator, from an encrypted room",
      { actor: operator, actorMember: null, room: encrypted },
      null,
    ],
    ["by an owner's token", { actor: token("write") }, null],
    [
      "by an admin's token that is not for an admin's work",
      { actor: token("write"), actorMember: null },
      "room-not-found",
    ],
    ["by an owner's token to read", { actor: token("read") }, "forbidden"],
    [
      "by an owner's token for another room",
      { actor: token("write", aRoom("attic")) },
      "room-not-found",
    ],
    ["from a room that is none", { room: null, actor: admin }, "room-not-found"],
  ];
  test.each(table)("%s", (_, more, code) => {
    expect(refuseMemberRemove({ ...facts, ...more })?.code ?? null).toBe(code as never);
  });
});
