import { describe, expect, test } from "bun:test";
import {
  type KeyReplaceFacts,
  refuseKeyReplace,
  refuseMadeAdmin,
  refuseUserAdd,
  refuseUserRestore,
  refuseUserRevoke,
  refuseUserSeed,
  refuseUserUpdate,
  type UserAddFacts,
  type UserSeedFacts,
  type UserStateFacts,
  type UserUpdateFacts,
} from "../../../src/core/rules/users.ts";
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

/** A member of a bus of level 2 that has other admins. */
const stateFacts: UserStateFacts = {
  ...{ actor: admin, existing: "active", existingRole: "member", activeSuccessor: null },
  ...{ level: 2, orphan: false, isLastAdmin: false },
};

describe.each([
  ["revoke", refuseUserRevoke],
  ["restore", refuseUserRestore],
] as const)("to %s a user [M-013]", (_verb, refuse) => {
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
    expect(refuse({ ...stateFacts, actor, existing })?.code ?? null).toBe(code);
  });
});

test("the last admin is not revoked by accident, but by the operator who says so", () => {
  const last = { ...stateFacts, existingRole: "admin", isLastAdmin: true } as const;
  expect(refuseUserRevoke(last)).toEqual({
    code: "last-admin",
    detail: "Cannot revoke the user: the bus has no other admin, make one first",
  });
  expect(refuseUserRevoke({ ...last, orphan: true })?.code).toBe("last-admin");
  expect(refuseUserRevoke({ ...last, actor: operator })).toEqual({
    code: "last-admin",
    detail:
      "Cannot revoke the user: the bus has no other admin, make one first, or leave it without any: --orphan",
  });
  expect(refuseUserRevoke({ ...last, actor: operator, orphan: true })).toBeNull();
  expect(refuseUserRevoke({ ...last, actor: operator, level: 1 })).toBeNull();
  expect(refuseUserRestore(last)).toBeNull();
});

test("a token of an admin revokes members, and no admin", () => {
  const asked = { ...stateFacts, actor: token("admin") };
  expect(refuseUserRevoke(asked)).toBeNull();
  const overAdmin = { ...asked, existingRole: "admin" } as const;
  expect(refuseUserRevoke(overAdmin)).toMatchObject({
    code: "forbidden",
    detail: expect.stringContaining("who is an admin: a token may not"),
  });
  expect(refuseUserRevoke({ ...overAdmin, level: 1 })).toBeNull();
});

test("a key is not restored while another is active in its place, and the refusal names that one", () => {
  const activeSuccessor = aUser("successor");
  expect(refuseUserRestore({ ...stateFacts, existing: "revoked", activeSuccessor })).toEqual({
    code: "key-replaced",
    detail: `Cannot restore the user: ${activeSuccessor} is in the place of this key, revoke that one first`,
  });
});

describe("changing a user", () => {
  const other = aUser("other");
  const named = { name: "Eve", role: null, accept: null } as const;
  const raised = { name: null, role: "admin", accept: null } as const;
  const lowered = { name: null, role: "member", accept: null } as const;
  const accepting = { name: null, role: null, accept: "all" } as const;
  const facts: UserUpdateFacts = {
    actor: admin,
    user: other,
    ...named,
    ...{ existing: "active", existingRole: "member", activeSuccessor: null },
    ...{ level: 2, orphan: false, isLastAdmin: false },
    nameTaken: false,
    isVersion: true,
  };
  const bound = token("write", aRoom("lobby"));
  const table: readonly (readonly [string, Partial<UserUpdateFacts>, string | null])[] = [
    ["its name, by an admin", {}, null],
    ["its name, by the operator", { actor: operator }, null],
    ["its name, by itself", { actor: member, user }, "forbidden"],
    ["its role, by an admin", raised, null],
    ["its role, by itself", { actor: member, user, ...raised }, "forbidden"],
    ["its role, by anonymous", { actor: anonymous, ...raised }, "forbidden"],
    ["its role, by an admin's token as admin", { actor: token("admin"), ...raised }, null],
    ["its role, by an admin's token", { actor: token("write"), ...raised }, "forbidden"],
    ["its role, by a revoked admin", { actor: revoked, ...raised }, "forbidden"],
    ["whose adding it takes, by itself", { actor: member, user, ...accepting }, null],
    ["whose adding it takes, by its token", { actor: token("write"), user, ...accepting }, null],
    [
      "whose adding it takes, by its token to read",
      { actor: token("read"), user, ...accepting },
      "forbidden",
    ],
    [
      "whose adding it takes, by its token for one room",
      { actor: bound, user, ...accepting },
      "forbidden",
    ],
    ["whose adding it takes, by an admin", { ...accepting }, "forbidden"],
    ["whose adding it takes, by the operator", { actor: operator, ...accepting }, "forbidden"],
    [
      "whose adding it takes, by a revoked one",
      { actor: revoked, user, ...accepting },
      "forbidden",
    ],
    ["all of an admin's, by itself", { user, ...accepting, name: "Eve", role: "admin" }, null],
    [
      "all of a member's, by itself",
      { actor: member, user, ...accepting, name: "Eve" },
      "forbidden",
    ],
    ["that is none", { existing: null }, "user-not-found"],
    ["that is none, asked by a member", { actor: member, existing: null }, "forbidden"],
    ["that is revoked", { existing: "revoked" }, null],
    ["that was changed meanwhile", { isVersion: false }, "version-conflict"],
    ["to a name in use", { nameTaken: true }, "name-taken"],
    ["the last admin to a member", { ...lowered, user, isLastAdmin: true }, "last-admin"],
    [
      "the last admin to a member, by the operator",
      { actor: operator, ...lowered, isLastAdmin: true },
      "last-admin",
    ],
    [
      "the last admin to a member, by the operator who means it",
      { actor: operator, ...lowered, isLastAdmin: true, orphan: true },
      null,
    ],
    [
      "an admin to a member, by a token",
      { actor: token("admin"), ...lowered, existingRole: "admin" },
      "forbidden",
    ],
    [
      "an admin to a member, by a token at level 1",
      { actor: token("admin"), ...lowered, existingRole: "admin", level: 1 },
      null,
    ],
    ["the last admin's name", { user, isLastAdmin: true }, null],
    ["another admin to a member", lowered, null],
  ];
  test.each(table)("%s", (_, more, code) => {
    expect(refuseUserUpdate({ ...facts, ...more })?.code ?? null).toBe(code as never);
  });
});

describe("replacing a key", () => {
  const proof = { number: 2, byNew: "n", byOld: "o" };
  const facts: KeyReplaceFacts = {
    ...{ actor: member, user, existing: "active", replacement: null },
    ...{ level: 2, number: 2, proof, replacedLately: 0 },
  };
  const byNew = { proof: { ...proof, byOld: null } };
  const other = { user: aUser("other") };
  const table: readonly (readonly [string, Partial<KeyReplaceFacts>, string | null])[] = [
    ["of oneself", {}, null],
    ["of another, by an admin", { actor: admin, ...other }, null],
    ["of another, by the operator", { actor: operator, ...other }, null],
    ["of another, by a member", other, "forbidden"],
    ["of another, by anonymous", { actor: anonymous, ...other }, "forbidden"],
    ["of oneself, by a token", { actor: token("admin") }, "forbidden"],
    ["of another, by an admin's token", { actor: token("admin"), ...other }, "forbidden"],
    ["by a revoked user", { actor: revoked, existing: "revoked" }, "forbidden"],
    ["of a revoked user", { actor: admin, ...other, existing: "revoked" }, "user-revoked"],
    ["of nobody", { actor: admin, ...other, existing: null }, "user-not-found"],
    ["of nobody, asked by a member", { ...other, existing: null }, "forbidden"],
    ["by a user's key", { replacement: "active" }, "user-exists"],
    ["by a revoked user's key", { replacement: "revoked" }, "user-exists"],
    ["without the new key's proof", { proof: null }, "proof-wrong"],
    ["of another without it, by an admin", { actor: admin, ...other, proof: null }, "proof-wrong"],
    ["of oneself, not signed by the old key", byNew, "proof-wrong"],
    [
      "of another, not signed by the old key, by an admin",
      { actor: admin, ...other, ...byNew },
      null,
    ],
    [
      "of another, signed by the new key alone, by the operator",
      { actor: operator, ...byNew },
      null,
    ],
    ["by a proof of an earlier replacement", { number: 3 }, "proof-wrong"],
    ["of oneself once more than a day has", { replacedLately: 5 }, "keys-replaced-often"],
    ["of oneself, the last time of a day", { replacedLately: 4 }, null],
    [
      "of another that was replaced often, by an admin",
      { actor: admin, ...other, replacedLately: 5 },
      null,
    ],
    ["without a proof, at level 1", { proof: null, level: 1, replacedLately: 9 }, null],
  ];
  test.each(table)("%s", (_, more, code) => {
    expect(refuseKeyReplace({ ...facts, ...more })?.code ?? null).toBe(code as never);
  });
});

test("no token makes an admin, of whatever scope; keys and the operator may", () => {
  for (const scope of ["read", "write", "admin"] as const) {
    const by = (role: "admin" | "member" | null) =>
      refuseMadeAdmin({ actor: token(scope), role }, "add the user")?.code ?? null;
    expect([by("admin"), by("member"), by(null)]).toEqual(["forbidden", null, null]);
  }
  for (const actor of [admin, operator, anonymous]) {
    expect(refuseMadeAdmin({ actor, role: "admin" }, "add the user")).toBeNull();
  }
});
