import { randomBytes } from "node:crypto";
import { encodeNkey, userKeyBytes } from "../../src/core/nkey.ts";
import { signJwt } from "../../src/nats/jwt.ts";
import { testKey } from "./raw-nats.ts";

/** A nats-server as far as login requests show it: its id is its public key. */
export interface FakeServer {
  readonly id: string;
  /** Renders a login request as nats-server does, with any claims. */
  request(claims: object): string;
}

export function fakeServer(): FakeServer {
  const key = testKey();
  const id = encodeNkey("server", userKeyBytes(key.user));
  return {
    id,
    request: (claims) =>
      signJwt({ iss: id, ...claims }, { publicKey: id, sign: (data) => key.sign(data) }),
  };
}

/** The claims of a login request. Source: NATS ADR-26, as nats-server 2.15 sends them. */
export function requestClaims(
  more: {
    readonly client?: object;
    readonly options?: object;
    readonly userNkey?: string;
    readonly type?: string;
  } = {},
): object {
  return {
    aud: "nats-authorization-request",
    jti: randomBytes(16).toString("hex"),
    iat: 1_800_000_000,
    nats: {
      server_id: { name: "unibus", host: "127.0.0.1", id: "N" },
      user_nkey: more.userNkey ?? testKey().user,
      client_info: { host: "192.0.2.7", id: 17, kind: "Client", nonce: "nonce", ...more.client },
      connect_opts: { protocol: 1, ...more.options },
      type: more.type ?? "authorization_request",
      version: 2,
    },
  };
}
