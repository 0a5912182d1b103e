import { describe, expect, test } from "bun:test";
import {
  INVITE_LIFE_MS_MAX,
  INVITES_OPEN_MAX,
  MEMBERS_PER_ROOM_MAX,
} from "../../../src/core/limits.ts";
import {
  type InviteCreateFacts,
  type InviteRedeemFacts,
  leadsInto,
  refuseInviteCreate,
  refuseInviteRedeem,
  refuseInviteRevoke,
} from "../../../src/core/rules/invites.ts";
import type { RoomFacts } from "../../../src/core/rules/rooms.ts";
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

const adminToken = token("admin");

describe("making an invite", () => {
  const facts: InviteCreateFacts = {
    actor: admin,
    rooms: [],
    expiresAt: 1_001,
    at: 1_000,
    inviteExists: false,
    open: 0,
  };
  const room = { room: aRoom("lobby"), content: "plain", createdBy: "operator" } as const;
  const own: RoomFacts = { actor: admin, room, actorMember: { role: "owner", state: "active" } };
  const into = (more: Partial<RoomFacts>) => ({ rooms: [own, { ...own, ...more }] });
  const encrypted = { ...room, content: "encrypted" } as const;
  const life = (ms: number) => ({ expiresAt: facts.at + ms });
  const table: readonly (readonly [string, Partial<InviteCreateFacts>, string | null])[] = [
    ["by an admin", {}, null],
    ["by the operator", { actor: operator }, null],
    ["by a member", { actor: member }, "forbidden"],
    ["by anonymous", { actor: anonymous }, "forbidden"],
    ["by somebody revoked", { actor: revoked }, "forbidden"],
    ["by an admin's token", { actor: adminToken }, "forbidden"],
    ["into one's own rooms", into({}), null],
    [
      "into a room that one is not an owner of",
      into({ actorMember: { role: "member", state: "active" } }),
      "forbidden",
    ],
    ["into a room that one only oversees", into({ actorMember: null }), "forbidden"],
    [
      "into any room, by the operator",
      { actor: operator, ...into({ actor: operator, actorMember: null }) },
      null,
    ],
    ["into a room that is none", into({ room: null }), "room-not-found"],
    ["into an encrypted room", into({ room: encrypted }), "record-required"],
    [
      "into an encrypted room, by the operator",
      { actor: operator, ...into({ actor: operator, room: encrypted, actorMember: null }) },
      "record-required",
    ],
    ["for as long as may be", life(INVITE_LIFE_MS_MAX), null],
    ["for longer", life(INVITE_LIFE_MS_MAX + 1), "request-invalid"],
    ["that has expired", life(0), "request-invalid"],
    ["under an id in use", { inviteExists: true }, "already-issued"],
    ["as the last one that fits", { open: INVITES_OPEN_MAX - 1 }, null],
    ["as one more than fits", { open: INVITES_OPEN_MAX }, "invites-full"],
    [
      "by a member, who learns nothing of rooms",
      { actor: member, ...into({ room: null }) },
      "forbidden",
    ],
  ];
  test.each(table)("%s", (_, more, code) => {
    expect(refuseInviteCreate({ ...facts, ...more })?.code ?? null).toBe(code as never);
  });
});

const open = { redeemedBy: null };
test.each([
  ["by an admin", admin, open, null],
  ["by the operator", operator, open, null],
  ["by a member", member, open, "forbidden"],
  ["by an admin's token", adminToken, open, "forbidden"],
  ["that is none", admin, null, "invite-not-found"],
  ["that was used: it is too late", admin, { redeemedBy: user }, "invite-redeemed"],
  ["a member learns nothing of invites", member, null, "forbidden"],
] as const)("revoking an invite: %s", (_, actor, invite, code) => {
  expect(refuseInviteRevoke({ actor, invite })?.code ?? null).toBe(code);
});

describe("using an invite", () => {
  const facts: InviteRedeemFacts = {
    actor: revoked,
    user,
    invite: { redeemedBy: null, expiresAt: 1_001 },
    makerMay: true,
    at: 1_000,
    existing: null,
    nameTaken: false,
  };
  const table: readonly (readonly [string, Partial<InviteRedeemFacts>, string | null])[] = [
    ["by the key that shall be a user's", {}, null],
    ["for another key", { user: aUser("other") }, "forbidden"],
    ["by a token", { actor: adminToken }, "forbidden"],
    ["by the operator", { actor: operator }, "forbidden"],
    ["by anonymous", { actor: anonymous }, "forbidden"],
    ["that is none", { invite: null, makerMay: false }, "invite-not-found"],
    ["a second time", { invite: { redeemedBy: user, expiresAt: 1_001 } }, "invite-redeemed"],
    [
      "a second time and too late",
      { invite: { redeemedBy: user, expiresAt: 1 } },
      "invite-redeemed",
    ],
    ["at its end", { at: 1_001 }, "invite-expired"],
    ["whose maker is no admin any more", { makerMay: false }, "invite-expired"],
    ["by a user", { actor: member, existing: "active" }, "user-exists"],
    ["by a revoked user", { existing: "revoked" }, "user-revoked"],
    ["under a name in use", { nameTaken: true }, "name-taken"],
  ];
  test.each(table)("%s", (_, more, code) => {
    expect(refuseInviteRedeem({ ...facts, ...more })?.code ?? null).toBe(code as never);
  });
});

const plain = { content: "plain" } as const;
test.each([
  ["leads into a room with a seat", { room: plain, roomMembers: MEMBERS_PER_ROOM_MAX - 1 }, true],
  ["does not lead into a full room", { room: plain, roomMembers: MEMBERS_PER_ROOM_MAX }, false],
  ["does not lead into a room that is gone", { room: null, roomMembers: 0 }, false],
  [
    "does not lead into an encrypted room",
    { room: { content: "encrypted" }, roomMembers: 1 },
    false,
  ],
] as const)("an invite %s", (_, facts, leads) => {
  expect(leadsInto({ ...facts, makerOwns: true })).toBe(leads);
  expect(leadsInto({ ...facts, makerOwns: false })).toBe(false);
});
