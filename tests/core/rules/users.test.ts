import { describe, expect, test } from "bun:test";
import type { ActorFacts } from "../../../src/core/rules/actors.ts";
import {
  refuseUserAdd,
  refuseUserSeed,
  refuseUserState,
  type UserAddFacts,
  type UserSeedFacts,
} from "../../../src/core/rules/users.ts";
import { aUser } from "../../harness/builders.ts";

const user = aUser("actor");
const operator: ActorFacts = { kind: "operator" };
const admin: ActorFacts = { kind: "user", user, role: "admin" };
const member: ActorFacts = { kind: "user", user, role: "member" };
const revoked: ActorFacts = { kind: "user", user, role: null };
const anonymous: ActorFacts = { kind: "anonymous" };

describe("seeding the first admin", () => {
  const facts: UserSeedFacts = {
    actor: operator,
    hasActiveAdmin: false,
    existing: null,
    nameTaken: false,
  };
  const table: readonly (readonly [string, Partial<UserSeedFacts>, string | null, RegExp])[] = [
    ["by the operator on a bus without admins", {}, null, /^$/],
    ["by an admin", { actor: admin }, "forbidden", /operator/],
    ["by anonymous", { actor: anonymous }, "forbidden", /operator/],
    [
      "on a bus with an admin",
      { hasActiveAdmin: true },
      "bus-has-admin",
      /user add KEY --role admin/,
    ],
    ["of a revoked user", { existing: "revoked" }, "user-revoked", /user restore/],
    ["of a member", { existing: "active" }, "user-exists", /no user yet/],
    ["under a name in use", { nameTaken: true }, "name-taken", /name/],
    [
      "an admin exists and the key too",
      { hasActiveAdmin: true, existing: "active" },
      "bus-has-admin",
      /user add/,
    ],
  ];
  test.each(table)("%s", (_, more, code, words) => {
    const refusal = refuseUserSeed({ ...facts, ...more });
    expect(refusal?.code ?? null).toBe(code as never);
    expect(refusal?.detail ?? "").toMatch(words);
  });
});

describe("adding a user", () => {
  const facts: UserAddFacts = { actor: operator, existing: null, nameTaken: false };
  const table: readonly (readonly [string, Partial<UserAddFacts>, string | null, RegExp])[] = [
    ["by the operator", {}, null, /^$/],
    ["by an admin", { actor: admin }, null, /^$/],
    ["by a member", { actor: member }, "forbidden", /only an admin/],
    ["by anonymous", { actor: anonymous }, "forbidden", /only an admin/],
    ["by a revoked key", { actor: revoked }, "forbidden", /no active user/],
    ["who is one already", { existing: "active" }, "user-exists", /already/],
    ["who is revoked", { existing: "revoked" }, "user-exists", /user restore/],
    ["under a name in use", { nameTaken: true }, "name-taken", /name/],
    [
      "a member asks about a key that exists",
      { actor: member, existing: "active" },
      "forbidden",
      /only/,
    ],
  ];
  test.each(table)("%s", (_, more, code, words) => {
    const refusal = refuseUserAdd({ ...facts, ...more });
    expect(refusal?.code ?? null).toBe(code as never);
    expect(refusal?.detail ?? "").toMatch(words);
  });
});

describe.each(["revoke", "restore"] as const)("to %s a user [M-013]", (verb) => {
  test.each([
    ["the operator may", operator, "active", null],
    ["an admin may", admin, "active", null],
    ["a second time is allowed", admin, "revoked", null],
    ["a member may not", member, "active", "forbidden"],
    ["anonymous may not", anonymous, "active", "forbidden"],
    ["a revoked admin may not", revoked, "active", "forbidden"],
    ["who is none is not found", admin, null, "user-not-found"],
    ["a member learns nothing of who is one", member, null, "forbidden"],
  ] as const)("%s", (_, actor, existing, code) => {
    expect(refuseUserState({ actor, existing }, verb)?.code ?? null).toBe(code);
  });
});
