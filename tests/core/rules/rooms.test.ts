import { describe, expect, test } from "bun:test";
import { ROOMS_PER_USER_MAX } from "../../../src/core/limits.ts";
import type { ActorFacts } from "../../../src/core/rules/actors.ts";
import {
  ownsRoom,
  type RoomCreateFacts,
  type RoomFacts,
  refuseRoomCreate,
  refuseRoomDelete,
  refuseUnseen,
  roomOwner,
} from "../../../src/core/rules/rooms.ts";
import { aUser } from "../../harness/builders.ts";

const user = aUser("actor");
const other = aUser("other");
const operator: ActorFacts = { kind: "operator" };
const anonymous: ActorFacts = { kind: "anonymous" };
const member: ActorFacts = { kind: "user", user, role: "member" };
const admin: ActorFacts = { kind: "user", user, role: "admin" };
const revoked: ActorFacts = { kind: "user", user, role: null };

describe("making a room", () => {
  const facts: RoomCreateFacts = {
    actor: member,
    roomExists: false,
    owner: null,
    ownerState: "active",
    ownerRooms: 0,
  };
  const full = ROOMS_PER_USER_MAX;
  const table: readonly (readonly [string, Partial<RoomCreateFacts>, string | null])[] = [
    ["by a user", {}, null],
    ["by a user who names itself", { owner: user }, null],
    ["by a user who names another", { owner: other }, "forbidden"],
    ["by an admin who names another", { actor: admin, owner: other }, "forbidden"],
    ["by a revoked user", { actor: revoked }, "forbidden"],
    ["by anonymous", { actor: anonymous, ownerState: null }, null],
    ["by anonymous who names somebody", { actor: anonymous, owner: other }, "forbidden"],
    ["by the operator without an owner", { actor: operator, ownerState: null }, null],
    ["by the operator for a user", { actor: operator, owner: other }, null],
    ["for nobody known", { actor: operator, owner: other, ownerState: null }, "user-not-found"],
    [
      "for a revoked user",
      { actor: operator, owner: other, ownerState: "revoked" },
      "user-revoked",
    ],
    ["under an id in use", { roomExists: true }, "room-exists"],
    ["as the last one that fits", { ownerRooms: full - 1 }, null],
    ["as one more than fits", { ownerRooms: full }, "rooms-full"],
    ["as one more for another", { actor: operator, owner: other, ownerRooms: full }, "rooms-full"],
  ];
  test.each(table)("%s", (_, more, code) => {
    expect(refuseRoomCreate({ ...facts, ...more })?.code ?? null).toBe(code as never);
  });

  test("its owner is the user who makes it, or whom the operator names", () => {
    expect(roomOwner({ actor: member, owner: null })).toBe(user);
    expect(roomOwner({ actor: operator, owner: other })).toBe(other);
    expect(roomOwner({ actor: operator, owner: null })).toBeNull();
    expect(roomOwner({ actor: anonymous, owner: null })).toBeNull();
  });
});

const pending = "pending";
const active = "active";
const made = { createdBy: "operator" };
const facts: RoomFacts = { actor: member, room: made, actorMember: null };

/** Facts, then: acts as owner, why it is not there for the actor, why it may not be deleted. */
const standings: readonly (readonly [
  string,
  Partial<RoomFacts>,
  { readonly owns: boolean; readonly unseen: string | null; readonly deleting: string | null },
])[] = [
  ["the operator", { actor: operator }, { owns: true, unseen: null, deleting: null }],
  [
    "an owner",
    { actorMember: { role: "owner", state: active } },
    { owns: true, unseen: null, deleting: null },
  ],
  [
    "an owner who has not accepted",
    { actorMember: { role: "owner", state: pending } },
    { owns: false, unseen: null, deleting: "forbidden" },
  ],
  ...(["member", "reader", "writer"] as const).map(
    (role) =>
      [
        `a ${role} of the room`,
        { actorMember: { role, state: active } },
        { owns: false, unseen: null, deleting: "forbidden" },
      ] as const,
  ),
  ["an outsider", {}, { owns: false, unseen: "room-not-found", deleting: "room-not-found" }],
  ["an admin", { actor: admin }, { owns: false, unseen: null, deleting: null }],
  [
    "a revoked owner",
    { actor: revoked, actorMember: { role: "owner", state: active } },
    { owns: false, unseen: "forbidden", deleting: "forbidden" },
  ],
  [
    "anonymous, in a room of its own making",
    { actor: anonymous, room: { createdBy: "anonymous" } },
    { owns: true, unseen: null, deleting: null },
  ],
  [
    "anonymous, in another room",
    { actor: anonymous },
    { owns: false, unseen: "room-not-found", deleting: "room-not-found" },
  ],
  [
    "a user, in a room that it made and left",
    { room: { createdBy: user } },
    { owns: false, unseen: "room-not-found", deleting: "room-not-found" },
  ],
];

describe("what an actor is to a room", () => {
  test.each(standings)("%s", (_, more, expected) => {
    const given = { ...facts, ...more };
    expect(ownsRoom(given)).toBe(expected.owns);
    expect(refuseUnseen(given, "see it")?.code ?? null).toBe(expected.unseen as never);
    expect(refuseRoomDelete(given)?.code ?? null).toBe(expected.deleting as never);
  });

  test.each([
    ["the operator", operator],
    ["an admin", admin],
    ["a user", member],
    ["anonymous", anonymous],
  ])("to %s a room that is none is not there", (_, actor) => {
    expect(refuseRoomDelete({ actor, room: null, actorMember: null })?.code).toBe("room-not-found");
  });

  test("an outsider cannot tell a room that is there from one that is not", () => {
    const outside = { ...facts, actorMember: null };
    expect(refuseRoomDelete(outside)).toEqual(refuseRoomDelete({ ...outside, room: null }));
  });
});
