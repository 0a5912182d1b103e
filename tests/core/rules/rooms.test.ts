import { describe, expect, test } from "bun:test";
import { ROOMS_PER_USER_MAX } from "../../../src/core/limits.ts";
import {
  overseesRooms,
  ownsRoom,
  type RoomCreateFacts,
  type RoomFacts,
  type RoomUpdateFacts,
  refuseRoomCreate,
  refuseRoomDelete,
  refuseRoomUpdate,
  refuseUnseen,
  roomOwner,
} from "../../../src/core/rules/rooms.ts";
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

const other = aUser("other");
const made = { room: aRoom("lobby"), content: "plain", createdBy: "operator" } as const;

describe("making a room", () => {
  const facts: RoomCreateFacts = {
    actor: member,
    roomExists: false,
    content: "plain",
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
    ["by a token", { actor: token("write") }, null],
    ["by a token to read", { actor: token("read") }, "forbidden"],
    ["by a token for one room, even as admin", { actor: token("admin", made.room) }, "forbidden"],
    ["encrypted, by its owner", { content: "encrypted", owner: user }, null],
    ["encrypted, for nobody", { content: "encrypted" }, "forbidden"],
    ["encrypted, for another", { content: "encrypted", owner: other }, "forbidden"],
    [
      "encrypted, by the operator for a user",
      { actor: operator, content: "encrypted", owner: other },
      "forbidden",
    ],
    [
      "encrypted, by anonymous",
      { actor: anonymous, content: "encrypted", ownerState: null },
      "forbidden",
    ],
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
const encrypted = { ...made, content: "encrypted" } as const;
const facts: RoomFacts = { actor: member, room: made, actorMember: null };

/**
 * Facts, then: acts as owner, why it is not there for the actor, why it may not be deleted. Whoever owns
 * a room, and nobody else, changes it.
 */
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
    { actor: anonymous, room: { ...made, createdBy: "anonymous" } },
    { owns: true, unseen: null, deleting: null },
  ],
  [
    "anonymous, in another room",
    { actor: anonymous },
    { owns: false, unseen: "room-not-found", deleting: "room-not-found" },
  ],
  [
    "the operator, in an encrypted room",
    { actor: operator, room: encrypted },
    { owns: false, unseen: null, deleting: null },
  ],
  [
    "an owner, of an encrypted room",
    { room: encrypted, actorMember: { role: "owner", state: active } },
    { owns: true, unseen: null, deleting: null },
  ],
  [
    "an admin, in an encrypted room",
    { actor: admin, room: encrypted },
    { owns: false, unseen: null, deleting: null },
  ],
  [
    "an owner's token",
    { actor: token("write"), actorMember: { role: "owner", state: active } },
    { owns: true, unseen: null, deleting: null },
  ],
  [
    "an owner's token for this room",
    { actor: token("write", made.room), actorMember: { role: "owner", state: active } },
    { owns: true, unseen: null, deleting: null },
  ],
  [
    "an owner's token for another room",
    { actor: token("admin", aRoom("attic")), actorMember: { role: "owner", state: active } },
    { owns: false, unseen: "room-not-found", deleting: "room-not-found" },
  ],
  [
    "an owner's token to read",
    { actor: token("read"), actorMember: { role: "owner", state: active } },
    { owns: true, unseen: "forbidden", deleting: "forbidden" },
  ],
  [
    "an admin's token as admin",
    { actor: token("admin") },
    { owns: false, unseen: null, deleting: null },
  ],
  [
    "an admin's token that is not for an admin's work",
    { actor: token("write") },
    { owns: false, unseen: "room-not-found", deleting: "room-not-found" },
  ],
  [
    "a user, in a room that it made and left",
    { room: { ...made, createdBy: user } },
    { owns: false, unseen: "room-not-found", deleting: "room-not-found" },
  ],
];

describe("what an actor is to a room", () => {
  test.each(standings)("%s", (_, more, expected) => {
    const given = { ...facts, ...more };
    expect(ownsRoom(given)).toBe(expected.owns);
    expect(refuseUnseen(given, "see it")?.code ?? null).toBe(expected.unseen as never);
    expect(refuseRoomDelete(given)?.code ?? null).toBe(expected.deleting as never);
    const changing = expected.unseen ?? (expected.owns ? null : "forbidden");
    const update = refuseRoomUpdate({ ...given, isVersion: true });
    expect(update?.code ?? null).toBe(changing as never);
  });

  test("admins and the operator oversee rooms, and nobody else does", () => {
    expect([operator, admin, token("admin")].map(overseesRooms)).toEqual([true, true, true]);
    const others = [member, revoked, anonymous, token("write"), token("admin", made.room)];
    expect(others.map(overseesRooms)).toEqual([false, false, false, false, false]);
  });

  test("a room that was changed meanwhile is changed by nobody; an outsider is not told so", () => {
    const stale: RoomUpdateFacts = { ...facts, actor: operator, isVersion: false };
    expect(refuseRoomUpdate(stale)?.code).toBe("version-conflict");
    expect(refuseRoomUpdate({ ...stale, actor: member })?.code).toBe("room-not-found");
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
