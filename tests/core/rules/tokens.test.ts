import { describe, expect, test } from "bun:test";
import {
  ADMIN_TOKEN_LIFE_MS_MAX,
  TOKEN_LIFE_MS_MAX,
  TOKENS_PER_USER_MAX,
} from "../../../src/core/limits.ts";
import type { RoomFacts } from "../../../src/core/rules/rooms.ts";
import {
  refuseTokenCreate,
  refuseTokenRevoke,
  type TokenCreateFacts,
} from "../../../src/core/rules/tokens.ts";
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

describe("making a token", () => {
  const facts: TokenCreateFacts = {
    actor: member,
    user,
    scope: "write",
    expiresAt: 1_001,
    at: 1_000,
    tokenExists: false,
    tokens: 0,
    bound: null,
  };
  const room = { room: aRoom("lobby"), content: "plain", createdBy: "operator" } as const;
  const boundTo = (more: Partial<RoomFacts>): Partial<TokenCreateFacts> => ({
    bound: { actor: member, room, actorMember: { role: "reader", state: "active" }, ...more },
  });
  const life = (ms: number) => ({ expiresAt: facts.at + ms });
  const table: readonly (readonly [string, Partial<TokenCreateFacts>, string | null])[] = [
    ["for oneself", {}, null],
    ["for oneself, to read", { scope: "read" }, null],
    ["for another", { user: aUser("other") }, "forbidden"],
    ["for another, by an admin", { actor: admin, user: aUser("other") }, "forbidden"],
    ["by the operator", { actor: operator }, "forbidden"],
    ["by anonymous", { actor: anonymous }, "forbidden"],
    ["by a revoked user", { actor: revoked }, "forbidden"],
    ["by a token", { actor: adminToken }, "forbidden"],
    ["as admin, by an admin", { actor: admin, scope: "admin" }, null],
    ["as admin, by a member", { scope: "admin" }, "forbidden"],
    ["for a room that one is in", boundTo({}), null],
    [
      "for an encrypted room that one is in",
      boundTo({ room: { ...room, content: "encrypted" } }),
      null,
    ],
    ["for a room that one is not in", boundTo({ actorMember: null }), "room-not-found"],
    ["for a room that is none", boundTo({ room: null, actorMember: null }), "room-not-found"],
    [
      "for a room that one is asked into",
      boundTo({ actorMember: { role: "owner", state: "pending" } }),
      "forbidden",
    ],
    [
      "for a room that one only oversees",
      { actor: admin, ...boundTo({ actor: admin, actorMember: null }) },
      "forbidden",
    ],
    ["for as long as may be", life(TOKEN_LIFE_MS_MAX), null],
    ["for longer", life(TOKEN_LIFE_MS_MAX + 1), "request-invalid"],
    ["that has expired", life(0), "request-invalid"],
    [
      "as admin, for as long as may be",
      { actor: admin, scope: "admin", ...life(ADMIN_TOKEN_LIFE_MS_MAX) },
      null,
    ],
    [
      "as admin, for longer",
      { actor: admin, scope: "admin", ...life(ADMIN_TOKEN_LIFE_MS_MAX + 1) },
      "request-invalid",
    ],
    ["under an id in use", { tokenExists: true }, "already-issued"],
    ["as the last one that fits", { tokens: TOKENS_PER_USER_MAX - 1 }, null],
    ["as one more than fits", { tokens: TOKENS_PER_USER_MAX }, "tokens-full"],
  ];
  test.each(table)("%s", (_, more, code) => {
    expect(refuseTokenCreate({ ...facts, ...more })?.code ?? null).toBe(code as never);
  });
});

test.each([
  ["one's own", member, user, null],
  ["another's", member, aUser("other"), "token-not-found"],
  ["another's, by an admin", admin, aUser("other"), "token-not-found"],
  ["that is none", member, null, "token-not-found"],
  ["by itself or another token", adminToken, user, "forbidden"],
  ["by a revoked user", revoked, user, "forbidden"],
  ["by the operator", operator, user, "forbidden"],
  ["by anonymous", anonymous, user, "forbidden"],
] as const)("revoking a token: %s", (_, actor, owner, code) => {
  expect(refuseTokenRevoke({ actor, owner })?.code ?? null).toBe(code);
});
