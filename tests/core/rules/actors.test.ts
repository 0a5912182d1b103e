import { describe, expect, test } from "bun:test";
import type { Actor } from "../../../src/core/operations.ts";
import {
  type ActorFacts,
  actorFactsOf,
  isAdmin,
  isBoundElsewhere,
  refuseInactive,
  refuseToken,
  refuseUserManager,
  type TokenFacts,
} from "../../../src/core/rules/actors.ts";
import {
  anonymous,
  aRoom,
  asToken,
  asUser,
  aToken,
  aUser,
  operator,
} from "../../harness/builders.ts";

const user = aUser("actor");
const room = aRoom("lobby");
const key = (role: "admin" | "member" | null): ActorFacts => ({
  kind: "user",
  user,
  role,
  token: null,
});
const byToken = (role: "admin" | "member" | null, token: Partial<TokenFacts>): ActorFacts => ({
  kind: "user",
  user,
  role,
  token: { scope: "write", room: null, ...token },
});

/** Who acts; may change anything; manages users; is an admin; may make what acts for good. */
const actors: readonly (readonly [string, ActorFacts, boolean, boolean, boolean, boolean])[] = [
  ["the operator", { kind: "operator" }, true, true, false, true],
  ["anonymous", { kind: "anonymous" }, true, false, false, true],
  ["an admin", key("admin"), true, true, true, true],
  ["a member of the bus", key("member"), true, false, false, true],
  ["a key that is no active user", key(null), false, false, false, true],
  ["an admin's token to read", byToken("admin", { scope: "read" }), false, false, false, false],
  ["an admin's token to write", byToken("admin", {}), true, false, false, false],
  ["an admin's token as admin", byToken("admin", { scope: "admin" }), true, true, true, false],
  [
    "an admin's token as admin of one room",
    byToken("admin", { scope: "admin", room }),
    true,
    false,
    false,
    false,
  ],
  ["a member's token as admin", byToken("member", { scope: "admin" }), true, false, false, false],
  ["a token that counts no more", byToken(null, { scope: "admin" }), false, false, false, false],
];

describe("may change anything, manage users, be an admin, make keys and tokens:", () => {
  test.each(actors)("%s", (_, actor, mayAct, managesUsers, admin, makesKeys) => {
    expect(refuseInactive(actor, "act")?.code ?? null).toBe(mayAct ? null : "forbidden");
    expect(refuseUserManager(actor, "act")?.code ?? null).toBe(managesUsers ? null : "forbidden");
    expect(isAdmin(actor)).toBe(admin);
    expect(refuseToken(actor, "act")?.code ?? null).toBe(makesKeys ? null : "forbidden");
  });
});

test("a refusal says what cannot be done and why", () => {
  expect(refuseUserManager({ kind: "anonymous" }, "add the user")?.detail).toBe(
    "Cannot add the user: only an admin or the local operator may",
  );
  expect(refuseUserManager(key(null), "add the user")?.detail).toBe(
    "Cannot add the user: the acting key is no active user of this bus",
  );
  expect(refuseInactive(byToken(null, {}), "add the user")?.detail).toBe(
    "Cannot add the user: the token has ended, or its user is no active one",
  );
  expect(refuseInactive(byToken("admin", { scope: "read" }), "add the user")?.detail).toBe(
    "Cannot add the user: the token may only read",
  );
});

test("a token for one room is bound elsewhere everywhere but there", () => {
  const bound = byToken("admin", { room });
  expect(isBoundElsewhere(bound, room)).toBe(false);
  expect(isBoundElsewhere(bound, aRoom())).toBe(true);
  expect(isBoundElsewhere(bound, null)).toBe(true);
  expect(isBoundElsewhere(byToken("admin", {}), room)).toBe(false);
  expect(isBoundElsewhere(key("member"), null)).toBe(false);
  expect(isBoundElsewhere({ kind: "operator" }, room)).toBe(false);
});

describe("what is stored of an actor decides what it may:", () => {
  const active = { role: "admin", state: "active" } as const;
  const token = { user, scope: "write", room: null, expiresAt: 1_000 } as const;
  const stored = { user: active, token, at: 999 };
  const id = aToken("token");
  const table: readonly (readonly [
    string,
    Actor,
    Partial<Parameters<typeof actorFactsOf>[1]>,
    ActorFacts,
  ])[] = [
    ["the operator", operator, {}, { kind: "operator" }],
    ["anonymous", anonymous, {}, { kind: "anonymous" }],
    ["a key", asUser(user), {}, key("admin")],
    ["a key that is nobody's", asUser(user), { user: null }, key(null)],
    ["a revoked key", asUser(user), { user: { ...active, state: "revoked" } }, key(null)],
    ["a token in its last moment", asToken(user, id), {}, byToken("admin", {})],
    [
      "a token that has just expired",
      asToken(user, id),
      { at: 1_000 },
      byToken(null, { scope: "read" }),
    ],
    ["a token that is gone", asToken(user, id), { token: null }, byToken(null, { scope: "read" })],
    [
      "another user's token",
      asToken(user, id),
      { token: { ...token, user: aUser("other") } },
      byToken(null, { scope: "read" }),
    ],
    [
      "a token of a revoked user",
      asToken(user, id),
      { user: { ...active, state: "revoked" } },
      byToken(null, {}),
    ],
    [
      "a token for one room",
      asToken(user, id),
      { token: { ...token, room } },
      byToken("admin", { room }),
    ],
  ];
  test.each(table)("%s", (_, actor, more, facts) => {
    expect(actorFactsOf(actor, { ...stored, ...more })).toEqual(facts);
  });
});
