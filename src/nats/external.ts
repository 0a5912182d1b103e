import {
  type Authenticator,
  connect,
  credsAuthenticator,
  errors,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import type { ExternalLogin, ExternalNats } from "../core/external-nats.ts";
import { EXTERNAL_NATS_TIMEOUT_MS } from "../core/limits.ts";
import { wordsOf } from "../core/thrown.ts";

/** How a server answered a login. */
export type ExternalAnswer =
  | { readonly kind: "admitted" }
  | { readonly kind: "refused" }
  | { readonly kind: "unreachable"; readonly why: string };

/** Why a server is unreachable that may be about to start: words of nats.js. */
export const NOT_LISTENING = "connection refused";

/** Logs in once, as `target.login` says: without one as anybody could. Never throws. */
export async function logIn(
  target: ExternalNats,
): Promise<ExternalAnswer & { readonly connection: NatsConnection | null }> {
  const { host, port, tls, login } = target;
  try {
    const connection = await connect({
      servers: `${host.includes(":") ? `[${host}]` : host}:${port}`,
      name: "unibus",
      ...(login ? { authenticator: authenticatorOf(login) } : {}),
      // A scheme of "tls" in the URL would be dropped, and a server without TLS taken.
      ...(tls ? { tls: {} } : {}),
      reconnect: false,
      ignoreClusterUpdates: true,
      pingInterval: 20_000,
      timeout: EXTERNAL_NATS_TIMEOUT_MS,
    });
    return { kind: "admitted", connection };
  } catch (error) {
    if (isRefusal(error)) return { kind: "refused", connection: null };
    return { kind: "unreachable", why: wordsOf(error), connection: null };
  }
}

/** Asks whether a server lets a login in, and leaves again. Never throws. */
export async function knock(target: ExternalNats): Promise<ExternalAnswer> {
  const { connection, ...answer } = await logIn(target);
  await connection?.close();
  return answer;
}

function authenticatorOf(login: ExternalLogin): Authenticator {
  switch (login.kind) {
    case "creds":
      return credsAuthenticator(new TextEncoder().encode(login.text));
    case "password":
      return usernamePasswordAuthenticator(login.user, login.password);
    case "token":
      return tokenAuthenticator(login.token);
    default:
      return login satisfies never;
  }
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError
  );
}
