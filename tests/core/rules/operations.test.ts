// Tries src/core/rules/operations.ts and src/core/rules/changes.ts.
import { describe, expect, test } from "bun:test";
import {
  ENTRY_CHARS_MAX,
  IDEMPOTENCY_KEY_CHARS_MAX,
  INVITE_ROOMS_MAX,
  RECORD_CHARS_MAX,
} from "../../../src/core/limits.ts";
import { userKeyOf } from "../../../src/core/nkey.ts";
import type { Operation } from "../../../src/core/operations.ts";
import { refuseOperation } from "../../../src/core/rules/operations.ts";
import {
  aGenesis,
  anInvite,
  anOperation,
  aRoom,
  asToken,
  asUser,
  aToken,
  aUser,
  inviteCreate,
  inviteRedeem,
  roomCreate,
  tokenCreate,
  userUpdate,
} from "../../harness/builders.ts";

const user = aUser("target");
const room = aRoom("lobby");
const add = { kind: "user.add", user, name: "Alice", role: "member" } as const;
const token = aToken("token");
const invite = anInvite("invite");
const smallOrder = userKeyOf(new Uint8Array(32));

describe("an operation enters the journal", () => {
  test.each([
    add,
    { ...add, name: null, role: "admin" },
    { kind: "user.seed", user, name: null },
    { kind: "user.revoke", user },
    { kind: "user.restore", user },
    roomCreate(room),
    roomCreate(room, { owner: user, history: "n", shard: "f" }),
    { kind: "room.delete", room },
    { kind: "member.add", room, user, role: "writer" },
    { kind: "member.accept", room, user },
    { kind: "member.remove", room, user },
    userUpdate(user, { name: "Alice" }),
    userUpdate(user, { role: "admin", accept: "none", ifVersion: 'no"version' }),
    { kind: "user.replace-key", user, by: aUser("by") },
    tokenCreate(user, { token }),
    tokenCreate(user, { token, label: "laptop", scope: "admin", room }),
    { kind: "token.revoke", token },
    inviteCreate({ invite }),
    inviteCreate({ invite, label: "Zoë", role: "admin", rooms: [{ room, role: "reader" }] }),
    { kind: "invite.revoke", invite },
    inviteRedeem(invite, user),
    inviteRedeem(invite, user, "Zoë"),
    roomCreate(room, { owner: user, genesis: aGenesis() }),
    { kind: "room.update", room, name: "attic", ifVersion: null },
  ] as const)("with the change %j", (change) => {
    expect(refuseOperation(anOperation(change))).toBeNull();
  });

  test("with a signature, an Idempotency-Key and an acting user", () => {
    const signed: Partial<Operation> = {
      actor: asUser(user),
      evidence: {
        kind: "signature",
        base: "@method: POST\n…",
        signature: "c2ln",
        certificate: `${user}.c2ln`,
        body: "{}",
      },
      signatureId: "a".repeat(64),
      idempotencyKey: "k".repeat(IDEMPOTENCY_KEY_CHARS_MAX),
    };
    expect(refuseOperation(anOperation(add, signed))).toBeNull();
  });

  test("with an acting token", () => {
    const actor = asToken(user, token);
    expect(refuseOperation(anOperation(add, { actor }))).toBeNull();
  });
});

describe("an operation is kept out of the journal", () => {
  const changes: readonly (readonly [string, object, string])[] = [
    ["a new user with a key of small order", { ...add, user: smallOrder }, "key-invalid"],
    [
      "a seeded key of small order",
      { kind: "user.seed", user: smallOrder, name: null },
      "key-invalid",
    ],
    ["a new user with a wrong checksum", { ...add, user: `${user.slice(0, -2)}AA` }, "key-invalid"],
    ["a new user named like a key", { ...add, name: user }, "request-invalid"],
    ["a new user named like a room", { ...add, name: room }, "request-invalid"],
    ["an unknown role on the bus", { ...add, role: "root" }, "request-invalid"],
    ["a revoke of what is no key", { kind: "user.revoke", user: "alice" }, "request-invalid"],
    ["a room whose id is none", roomCreate("lobby" as typeof room), "request-invalid"],
    ["a room named like a room", roomCreate(room, { name: room }), "request-invalid"],
    ["an unknown history class", { ...roomCreate(room), history: "all" }, "request-invalid"],
    ["a wildcard as shard", roomCreate(room, { shard: "*" }), "request-invalid"],
    ["an owner that is no key", { ...roomCreate(room), owner: "alice" }, "request-invalid"],
    ["deleting what is no room id", { kind: "room.delete", room: ">" }, "request-invalid"],
    [
      "an unknown role in a room",
      { kind: "member.add", room, user, role: "god" },
      "request-invalid",
    ],
    ["a member of what is no room", { kind: "member.accept", room: "*", user }, "request-invalid"],
    ["a member that is no key", { kind: "member.remove", room, user: "*" }, "request-invalid"],
    ["an update of nothing", userUpdate(user, {}), "request-invalid"],
    [
      "an update of what is no key",
      userUpdate("*" as typeof user, { name: "x" }),
      "request-invalid",
    ],
    [
      "a new name like a seed",
      userUpdate(user, { name: `SU${"A".repeat(56)}` }),
      "request-invalid",
    ],
    ["an unknown role, later", { ...userUpdate(user, {}), role: "root" }, "request-invalid"],
    ["an unknown setting", { ...userUpdate(user, {}), accept: "some" }, "request-invalid"],
    [
      "a version of two lines",
      userUpdate(user, { name: "x", ifVersion: "a\nb" }),
      "request-invalid",
    ],
    [
      "a long version",
      userUpdate(user, { name: "x", ifVersion: "v".repeat(129) }),
      "request-invalid",
    ],
    [
      "a replaced key that is none",
      { kind: "user.replace-key", user: "*", by: user },
      "request-invalid",
    ],
    [
      "a replacing key of small order",
      { kind: "user.replace-key", user, by: smallOrder },
      "key-invalid",
    ],
    [
      "a replacing key with a wrong checksum",
      { kind: "user.replace-key", user, by: `${user.slice(0, -2)}AA` },
      "key-invalid",
    ],
    [
      "a token whose id is none",
      tokenCreate(user, { token: "*" as typeof token }),
      "request-invalid",
    ],
    ["a token of what is no key", tokenCreate("*" as typeof user), "request-invalid"],
    ["a token with its secret", tokenCreate(user, { hash: "secret" }), "request-invalid"],
    ["a token of unknown scope", { ...tokenCreate(user), scope: "root" }, "request-invalid"],
    [
      "a token for what is no room",
      tokenCreate(user, { room: "*" as typeof room }),
      "request-invalid",
    ],
    [
      "a token that never expires",
      tokenCreate(user, { expiresAt: Number.POSITIVE_INFINITY }),
      "request-invalid",
    ],
    [
      "a token that is labelled a seed",
      tokenCreate(user, { label: `SU${"A".repeat(56)}` }),
      "request-invalid",
    ],
    ["a token with a label of two lines", tokenCreate(user, { label: "a\nb" }), "request-invalid"],
    ["revoking what is no token", { kind: "token.revoke", token: "*" }, "request-invalid"],
    [
      "an invite whose id is none",
      inviteCreate({ invite: "*" as typeof invite }),
      "request-invalid",
    ],
    ["an invite to no known role", { ...inviteCreate(), role: "owner" }, "request-invalid"],
    ["an invite without a verifier", inviteCreate({ verifier: "" }), "request-invalid"],
    ["an invite before the epoch", inviteCreate({ expiresAt: -1 }), "request-invalid"],
    [
      "an invite that is labelled a seed",
      inviteCreate({ label: `SU${"A".repeat(56)}` }),
      "request-invalid",
    ],
    [
      "an invite into what is no room",
      { ...inviteCreate(), rooms: [{ room: "*", role: "member" }] },
      "request-invalid",
    ],
    [
      "an invite as what is no role there",
      { ...inviteCreate(), rooms: [{ room, role: "admin" }] },
      "request-invalid",
    ],
    [
      "an invite into one room twice",
      inviteCreate({
        rooms: [
          { room, role: "member" },
          { room, role: "owner" },
        ],
      }),
      "request-invalid",
    ],
    [
      "an invite into too many rooms",
      inviteCreate({
        rooms: Array.from({ length: INVITE_ROOMS_MAX + 1 }, () => ({
          room: aRoom(),
          role: "member",
        })),
      }),
      "request-invalid",
    ],
    ["revoking what is no invite", { kind: "invite.revoke", invite: "*" }, "request-invalid"],
    ["using what is no invite", { ...inviteRedeem(invite, user), invite: "*" }, "request-invalid"],
    ["an invited key of small order", inviteRedeem(invite, smallOrder), "key-invalid"],
    ["an invited user named like a key", inviteRedeem(invite, user, user), "request-invalid"],
    [
      "a genesis of no text",
      roomCreate(room, { genesis: { ...aGenesis(), record: "" } }),
      "request-invalid",
    ],
    [
      "a genesis that is too long",
      roomCreate(room, { genesis: { ...aGenesis(), record: "r".repeat(RECORD_CHARS_MAX + 1) } }),
      "request-invalid",
    ],
    [
      "a genesis without a signature",
      roomCreate(room, { genesis: { ...aGenesis(), signature: "c2ln" } }),
      "request-invalid",
    ],
    [
      "another name of what is no room",
      { kind: "room.update", room: "*", name: "attic", ifVersion: null },
      "request-invalid",
    ],
    [
      "another name that is a room's id",
      { kind: "room.update", room, name: room, ifVersion: null },
      "request-invalid",
    ],
    ["an unknown change", { kind: "user.rename", user, name: "x" }, "request-invalid"],
    ["a member without a value", { ...add, extra: undefined }, "request-invalid"],
    ["a fraction", { ...add, extra: 1.5 }, "request-invalid"],
  ];
  test.each(changes)("for %s", (_, change, code) => {
    // Shapes outside the type are what this look is for.
    expect(refuseOperation(anOperation(change as Operation["change"]))?.code).toBe(code as never);
  });

  const others: readonly (readonly [string, object, string])[] = [
    ["an unknown format", { format: 2 }, "request-invalid"],
    ["an id that is none", { id: "1" }, "request-invalid"],
    ["a time that is none", { at: Number.NaN }, "request-invalid"],
    ["a time before the epoch", { at: -1 }, "request-invalid"],
    ["an actor that is no key", { actor: { kind: "user", user: "alice" } }, "request-invalid"],
    [
      "a token of what is no key",
      { actor: { kind: "token", user: "alice", token } },
      "request-invalid",
    ],
    ["a token that is none", { actor: { kind: "token", user, token: "*" } }, "request-invalid"],
    ["an actor of no known kind", { actor: { kind: "root" } }, "request-invalid"],
    ["a digest with a line feed", { requestDigest: "a\nb" }, "request-invalid"],
    ["an empty signature id", { signatureId: "" }, "request-invalid"],
    ["an empty Idempotency-Key", { idempotencyKey: "" }, "request-invalid"],
    ["a long Idempotency-Key", { idempotencyKey: "k".repeat(129) }, "request-invalid"],
    ["an Idempotency-Key beyond ASCII", { idempotencyKey: "clé" }, "request-invalid"],
    [
      "broken text as evidence",
      { evidence: { kind: "token", token: "\ud800" } },
      "request-invalid",
    ],
    [
      "too much evidence",
      { evidence: { kind: "token", token: "x".repeat(ENTRY_CHARS_MAX) } },
      "request-too-large",
    ],
  ];
  test.each(others)("for %s", (_, more, code) => {
    expect(refuseOperation(anOperation(add, more))?.code).toBe(code as never);
  });
});
