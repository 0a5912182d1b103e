import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { USER_JWT_JITTER, USER_JWT_LIFE_MS } from "../../src/core/limits.ts";
import { type AuthMode, decideLogin, type Grant } from "../../src/core/login.ts";
import type { RoomRole } from "../../src/core/operations.ts";
import { openJwt } from "../../src/nats/jwt.ts";
import { serviceKey } from "../../src/nats/service-key.ts";
import { renderLoginAnswer, renderUserJwt } from "../../src/nats/user-jwt.ts";
import { aRoom, aUser } from "../harness/builders.ts";
import { expectGolden } from "../harness/golden.ts";

const issuer = serviceKey("account", createHash("sha256").update("issuer").digest());
const alice = aUser("alice");
const userNkey = aUser("ephemeral");
const nowMs = 1_700_000_000_000;
const ROLES = ["owner", "member", "reader", "writer"] as const satisfies readonly RoomRole[];

function grantOf(mode: AuthMode, roles: readonly RoomRole[], known = true): Grant {
  const decision = decideLogin({
    mode,
    proof: known ? { kind: "proved", user: alice } : { kind: "refused", reason: "no-credentials" },
    memberships: roles.map((role) => ({ id: aRoom(role), history: "k", shard: "a", role })),
  });
  if (decision.kind === "refused") throw new Error(decision.reason);
  return decision.grant;
}

function claimsOf(token: string): unknown {
  const opened = openJwt(token, "account");
  expect(opened?.issuer).toBe(issuer.publicKey);
  return opened?.claims;
}

function userClaims(grant: Grant, jitter = 0): unknown {
  return claimsOf(renderUserJwt({ userNkey, grant, issuer, nowMs, jitter }));
}

/** Every grant that a decision can make. */
const GRANTS: Readonly<Record<string, Grant>> = {
  "enforce, no room": grantOf("enforce", []),
  ...Object.fromEntries(ROLES.map((role) => [`enforce, ${role}`, grantOf("enforce", [role])])),
  "enforce, one room of each": grantOf("enforce", ROLES),
  "soft, key proved": grantOf("soft", ROLES),
  "soft, anonymous": grantOf("soft", [], false),
  off: grantOf("off", [], false),
};

describe("the user JWT that admits a connection", () => {
  test("is that of the golden file, in every mode and role [G-01, G-15]", () => {
    const rendered = Object.entries(GRANTS).map(([name, grant]) => [name, userClaims(grant)]);
    expectGolden("user-jwt.json", Object.fromEntries(rendered));
  });

  test("never holds `resp`, which would override every allow and deny [G-01]", () => {
    for (const grant of Object.values(GRANTS)) {
      expect(JSON.stringify(userClaims(grant))).not.toMatch(/resp/i);
    }
  });

  test("never has two empty lists beside each other, which would allow everything [G-01]", () => {
    for (const grant of Object.values(GRANTS)) {
      for (const { allow, deny } of Object.values(grant.permissions)) {
        expect([...allow, ...deny].length).toBeGreaterThan(0);
      }
    }
  });

  test("ends after a day, the ends spread over the last fifth of it", () => {
    const grant = grantOf("enforce", []);
    const from = Math.floor(nowMs / 1000);
    expect(userClaims(grant, 0)).toMatchObject({ exp: from + USER_JWT_LIFE_MS / 1000 });
    const shortest = (USER_JWT_LIFE_MS * (1 - USER_JWT_JITTER)) / 1000;
    expect(userClaims(grant, 1)).toMatchObject({ exp: from + shortest });
  });
});

describe("the answer to a login request", () => {
  const answer = { userNkey, serverId: "NSERVER", issuer, nowMs };

  test("carries the user JWT", () => {
    expect(claimsOf(renderLoginAnswer({ ...answer, jwt: "a.b.c" }))).toMatchObject({
      aud: "NSERVER",
      sub: userNkey,
      nats: { jwt: "a.b.c", type: "authorization_response", version: 2 },
    });
  });
});
