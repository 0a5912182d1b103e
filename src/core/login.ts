import type { UserId } from "./ids.ts";
import type { Membership, NatsPermissions } from "./permissions.ts";
import { losesRights, memberPermissions, openPermissions, softPermissions } from "./permissions.ts";

export type AuthMode = "off" | "soft" | "enforce";

/** Why a login is refused (enforce), or would have been (soft). An admin sees it; the client never. */
export type LoginRefusal =
  | "no-credentials"
  | "not-a-key"
  | "key-malformed"
  | "key-unknown"
  | "user-revoked"
  | "signature-missing"
  | "signature-wrong"
  | "client-text"
  | "login-repeated"
  | "connections-full"
  | "request-malformed"
  | "request-late"
  | "node-stale"
  | "internal";

/** What each reason says to an admin. */
export const LOGIN_REFUSALS: Readonly<Record<LoginRefusal, string>> = {
  "no-credentials": "the client offered no key",
  "not-a-key": "the client offered a password, a token or a JWT instead of a key",
  "key-malformed": "the key is not a usable user key",
  "key-unknown": "no user has this key; admit it with: unibus user add",
  "user-revoked": "the user is revoked; let them in again with: unibus user restore",
  "signature-missing": "the key came without a signature over the nonce",
  "signature-wrong": "the signature over the nonce is not this key's",
  "client-text": "the client's name, language or version holds a percent sign; leave it out",
  "login-repeated": "the connection had logged in before; a connection is one user's for its life",
  "connections-full": "the user has as many connections as a user may have",
  "request-malformed": "the login request of nats-server could not be read",
  "request-late": "the login had waited longer than nats-server waits for an answer",
  "node-stale": "the node does not know the cluster's latest changes, and admits nobody",
  internal: "the login could not be judged",
};

/** Reasons of logins that proved no key: anybody can cause them, under any user's key. */
const UNPROVED: ReadonlySet<LoginRefusal> = new Set([
  "no-credentials",
  "not-a-key",
  "key-malformed",
  "key-unknown",
  "signature-missing",
  "signature-wrong",
]);

/** Says whether whoever was refused for this reason had not proved to hold a user's key. */
export function provesNothing(reason: LoginRefusal): boolean {
  return UNPROVED.has(reason);
}

/** What was proved about a client that asks to log in. */
export type LoginProof =
  | { readonly kind: "proved"; readonly user: UserId }
  | { readonly kind: "refused"; readonly reason: LoginRefusal };

/** What a connection was granted: kept while it lives, compared when rights change. */
export interface Grant {
  readonly account: "APP" | "OPEN";
  /** Who the connection is; null when nobody known (off, soft). */
  readonly user: UserId | null;
  /** The memberships that its permissions were made of; empty under off and soft. */
  readonly memberships: readonly Membership[];
  readonly permissions: NatsPermissions;
}

export type LoginDecision =
  | { readonly kind: "admitted"; readonly grant: Grant; readonly wouldRefuse: LoginRefusal | null }
  | { readonly kind: "refused"; readonly reason: LoginRefusal };

/**
 * Decides a login from what was proved and the mode. off admits everybody to an account of its own;
 * soft admits everybody to APP and says what enforce would have refused; enforce admits users only.
 */
export function decideLogin(facts: {
  readonly mode: AuthMode;
  readonly proof: LoginProof;
  /** Active memberships of the proved user. */
  readonly memberships: readonly Membership[];
}): LoginDecision {
  const { mode, proof } = facts;
  const user = proof.kind === "proved" ? proof.user : null;
  const wouldRefuse = proof.kind === "refused" ? proof.reason : null;
  if (mode === "off") {
    const grant = {
      account: "OPEN",
      user: null,
      memberships: [],
      permissions: openPermissions(),
    } as const;
    return { kind: "admitted", grant, wouldRefuse: null };
  }
  if (mode === "soft") {
    const grant: Grant = {
      account: "APP",
      user,
      memberships: [],
      permissions: softPermissions(user),
    };
    return { kind: "admitted", grant, wouldRefuse };
  }
  if (user === null || wouldRefuse !== null) {
    return { kind: "refused", reason: wouldRefuse ?? "internal" };
  }
  const { memberships } = facts;
  const permissions = memberPermissions(user, memberships);
  return {
    kind: "admitted",
    grant: { account: "APP", user, memberships, permissions },
    wouldRefuse: null,
  };
}

/**
 * Says whether a connection holds a right that its user no longer has: then it must be closed, since
 * rights are fixed for a connection's life. A right gained is no reason to disturb it.
 */
export function hasLostRights(
  grant: Grant,
  now: { readonly active: boolean; readonly memberships: readonly Membership[] },
): boolean {
  if (grant.user === null) return false;
  if (!now.active) return true;
  return grant.memberships.some((granted) => {
    const current = now.memberships.find((membership) => membership.id === granted.id);
    return losesRights(granted.role, current?.role ?? null);
  });
}
