import {
  PAYLOAD_BYTES_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
  USER_JWT_JITTER,
  USER_JWT_LIFE_MS,
} from "../core/limits.ts";
import type { Grant } from "../core/login.ts";
import { signJwt } from "./jwt.ts";
import type { ServiceKey } from "./service-key.ts";

/**
 * Renders the signed user JWT that admits one connection with a grant. It carries no `resp`: that
 * would override every allow and deny. An empty list is left out together with its sibling only when
 * both are empty, which no grant has.
 * Source: nats-io/jwt v2, `user_claims.go`.
 */
export function renderUserJwt(input: {
  readonly userNkey: string;
  readonly grant: Grant;
  readonly issuer: ServiceKey;
  readonly nowMs: number;
  /** 0 to 1: spreads the ends of the JWTs of clients that connected together. */
  readonly jitter: number;
}): string {
  const { userNkey, grant, issuer, nowMs, jitter } = input;
  const lifeMs = USER_JWT_LIFE_MS * (1 - USER_JWT_JITTER * jitter);
  const { publish, subscribe } = grant.permissions;
  return signJwt(
    {
      jti: userNkey,
      iat: Math.floor(nowMs / 1000),
      exp: Math.floor((nowMs + lifeMs) / 1000),
      iss: issuer.publicKey,
      sub: userNkey,
      aud: grant.account,
      name: grant.user ?? "anonymous",
      nats: {
        pub: { allow: publish.allow, deny: publish.deny },
        sub: { allow: subscribe.allow, deny: subscribe.deny },
        subs: grant.account === "OPEN" ? -1 : SUBSCRIPTIONS_PER_CONNECTION_MAX,
        data: -1,
        payload: grant.account === "OPEN" ? -1 : PAYLOAD_BYTES_MAX,
        allowed_connection_types: ["STANDARD"],
        type: "user",
        version: 2,
      },
    },
    issuer,
  );
}

/**
 * Renders the signed answer to a login request that is admitted. An empty answer refuses: nats-server
 * takes it for one without a reason, and closes the client as for any other.
 * Source: nats-server `server/auth_callout.go` (`decodeResponse`).
 */
export function renderLoginAnswer(input: {
  readonly userNkey: string;
  readonly serverId: string;
  readonly issuer: ServiceKey;
  readonly nowMs: number;
  readonly jwt: string;
}): string {
  const { userNkey, serverId, issuer, nowMs, jwt } = input;
  return signJwt(
    {
      jti: userNkey,
      iat: Math.floor(nowMs / 1000),
      iss: issuer.publicKey,
      sub: userNkey,
      aud: serverId,
      nats: {
        jwt,
        type: "authorization_response",
        version: 2,
      },
    },
    issuer,
  );
}
