import { describe, expect, test } from "bun:test";
import {
  decideLogin,
  type Grant,
  hasLostRights,
  LOGIN_REFUSALS,
  type LoginProof,
} from "../../src/core/login.ts";
import type { RoomRole } from "../../src/core/operations.ts";
import { memberPermissions, openPermissions, softPermissions } from "../../src/core/permissions.ts";
import { aRoom, aUser } from "../harness/builders.ts";

const alice = aUser("alice");
const ROLES = ["owner", "member", "reader", "writer"] as const satisfies readonly RoomRole[];
const proved: LoginProof = { kind: "proved", user: alice };
const unproved: LoginProof = { kind: "refused", reason: "signature-wrong" };

function membership(role: RoomRole, label = "room") {
  return { id: aRoom(label), history: "k", shard: "a", role } as const;
}

describe("a login", () => {
  const memberships = [membership("member")];

  test("is admitted to everything under off, in an account apart, whoever it is [M-065]", () => {
    for (const proof of [proved, unproved]) {
      expect(decideLogin({ mode: "off", proof, memberships })).toEqual({
        kind: "admitted",
        wouldRefuse: null,
        grant: { account: "OPEN", user: null, memberships: [], permissions: openPermissions() },
      });
    }
  });

  test("is admitted under soft with what enforce would have said; without proof as nobody [M-065, G-03]", () => {
    expect(decideLogin({ mode: "soft", proof: proved, memberships })).toEqual({
      kind: "admitted",
      wouldRefuse: null,
      grant: { account: "APP", user: alice, memberships: [], permissions: softPermissions(alice) },
    });
    expect(decideLogin({ mode: "soft", proof: unproved, memberships })).toEqual({
      kind: "admitted",
      wouldRefuse: "signature-wrong",
      grant: { account: "APP", user: null, memberships: [], permissions: softPermissions(null) },
    });
  });

  test("is admitted under enforce with the rights of its memberships, and refused without proof [M-065, M-066]", () => {
    expect(decideLogin({ mode: "enforce", proof: proved, memberships })).toEqual({
      kind: "admitted",
      wouldRefuse: null,
      grant: {
        account: "APP",
        user: alice,
        memberships,
        permissions: memberPermissions(alice, memberships),
      },
    });
    expect(decideLogin({ mode: "enforce", proof: unproved, memberships })).toEqual({
      kind: "refused",
      reason: "signature-wrong",
    });
  });
});

describe("a connection has lost a right", () => {
  function grantOf(role: RoomRole | null): Grant {
    const memberships = role === null ? [] : [membership(role)];
    const permissions = memberPermissions(alice, memberships);
    return { account: "APP", user: alice, memberships, permissions };
  }

  test("when its user is no longer active, also without any room [M-013]", () => {
    for (const role of [null, ...ROLES]) {
      expect(hasLostRights(grantOf(role), { active: false, memberships: [] })).toBe(true);
    }
  });

  test("when the membership is gone, or another room is there in its place", () => {
    for (const role of ROLES) {
      expect(hasLostRights(grantOf(role), { active: true, memberships: [] })).toBe(true);
      const memberships = [membership(role, "another room")];
      expect(hasLostRights(grantOf(role), { active: true, memberships })).toBe(true);
    }
  });

  test("when the new role may less than the old one in anything", () => {
    const lost = ROLES.flatMap((had) =>
      ROLES.filter((has) =>
        hasLostRights(grantOf(had), { active: true, memberships: [membership(has)] }),
      ).map((has) => `${had} to ${has}`),
    );
    expect(lost).toEqual([
      "owner to reader",
      "owner to writer",
      "member to reader",
      "member to writer",
      "reader to writer",
      "writer to reader",
    ]);
  });

  test("not when it gained rooms, nor when nobody known holds it", () => {
    const memberships = [membership("member"), membership("owner", "another room")];
    expect(hasLostRights(grantOf("member"), { active: true, memberships })).toBe(false);
    expect(hasLostRights(grantOf(null), { active: true, memberships })).toBe(false);
    const nobody = { ...grantOf("member"), user: null };
    expect(hasLostRights(nobody, { active: false, memberships: [] })).toBe(false);
  });
});

test("every reason has words of its own for the admin", () => {
  const words = Object.values(LOGIN_REFUSALS);
  expect(new Set(words).size).toBe(words.length);
  expect(words.every((text) => text.length > 10 && !text.endsWith("."))).toBe(true);
});
