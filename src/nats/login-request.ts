import type { UserId } from "../core/ids.ts";
import { NATS_LOGIN_TIMEOUT_MS } from "../core/limits.ts";
import type { LoginProof, LoginRefusal } from "../core/login.ts";
import { looksLikeUserKey, readEncodedUserKey } from "../core/nkey.ts";
import { isSignatureOf, openJwt, readJwt } from "./jwt.ts";

/** One login that nats-server asks about, as much of it as a decision needs. */
export interface LoginRequest {
  /** The ephemeral key that the user JWT must be made out to. */
  readonly userNkey: string;
  /** nats-server's number of the connection. */
  readonly connection: number;
  /** Address that the client comes from. */
  readonly address: string;
  /** What the client says about itself: its name, language and version. */
  readonly clientText: string;
  /** When nats-server asked, in ms since epoch: the beginning of that second. */
  readonly askedAt: number;
  readonly credentials: Credentials;
}

interface Credentials {
  readonly nkey: string;
  readonly signature: string;
  readonly nonce: string;
  /** True when a password, token or JWT was offered; none of them is kept. */
  readonly other: boolean;
}

/**
 * Reads a login request of nats-server, and verifies no signature: nothing may be granted on it before
 * `isRequestOf` said yes. Returns null when it is not of the expected form, or names another server.
 * Source: NATS ADR-26; nats-io/jwt v2, `authorization_claims.go`.
 */
export function readLoginRequest(token: string, serverId: string): LoginRequest | null {
  const opened = readJwt(token);
  if (opened === null || opened.issuer !== serverId) return null;
  const claims = member(opened.claims, "nats");
  const client = member(claims, "client_info");
  const options = member(claims, "connect_opts");
  const userNkey = text(member(claims, "user_nkey"));
  const connection = member(client, "id");
  const askedAt = member(opened.claims, "iat");
  if (text(member(claims, "type")) !== "authorization_request") return null;
  if (!looksLikeUserKey(userNkey) || typeof connection !== "number") return null;
  if (typeof askedAt !== "number") return null;
  const other = ["user", "pass", "auth_token", "jwt"].some(
    (name) => text(member(options, name)) !== "",
  );
  return {
    userNkey,
    connection,
    address: text(member(client, "host")),
    clientText: ["name", "lang", "version"].map((name) => text(member(options, name))).join(" "),
    askedAt: askedAt * 1_000,
    credentials: {
      nkey: text(member(options, "nkey")),
      signature: text(member(options, "sig")),
      nonce: text(member(client, "nonce")),
      other,
    },
  };
}

/** Says whether a login request is signed by the very server that this service belongs to. */
export function isRequestOf(token: string, serverId: string): boolean {
  return openJwt(token, "server")?.issuer === serverId;
}

/** Says whether nats-server has given up on a login: it waits for an answer so long, and no longer. */
export function isTooLate({ askedAt }: Pick<LoginRequest, "askedAt">, nowMs: number): boolean {
  // nats-server tells the second in which it asked, and it may have been the end of that second.
  return nowMs >= askedAt + 1_000 + NATS_LOGIN_TIMEOUT_MS;
}

/** Says why what was offered can be no user's key, or null: no lookup and no signature is needed. */
export function refuseOffer({ nkey, other }: Credentials): LoginRefusal | null {
  if (nkey === "") return other ? "not-a-key" : "no-credentials";
  // nats-server itself ignores the nkey next to a JWT or password; two claims are one too many.
  if (other) return "not-a-key";
  return findKeyBytes(nkey) === null ? "key-malformed" : null;
}

function findKeyBytes(nkey: string): Uint8Array | null {
  if (!looksLikeUserKey(nkey)) return null;
  const key = readEncodedUserKey(nkey);
  return "code" in key ? null : key.bytes;
}

/**
 * Proves who asks to log in: nats-server leaves the nonce's signature unchecked where a callout
 * decides. What costs least comes first, so that a stranger's key costs no signature check.
 */
export function proveLogin(
  { credentials, clientText }: Pick<LoginRequest, "credentials" | "clientText">,
  findState: (user: UserId) => "active" | "revoked" | null,
): LoginProof {
  const { nkey, signature, nonce } = credentials;
  const offer = refuseOffer(credentials);
  if (offer !== null) return refused(offer);
  const key = findKeyBytes(nkey);
  if (key === null || !looksLikeUserKey(nkey)) return refused("key-malformed");
  const state = findState(nkey);
  if (state === null) return refused("key-unknown");
  if (signature === "" || nonce === "") return refused("signature-missing");
  const signed = isSignatureOf({
    key,
    data: Buffer.from(nonce),
    signature: Buffer.from(signature, "base64url"),
  });
  if (!signed) return refused("signature-wrong");
  // Only now: a stranger under a revoked user's key is a stranger.
  if (state === "revoked") return refused("user-revoked");
  // nats-server logs with this text inside a format string (`client.format`): "%1000000[1]x" in a name
  // makes a line of a megabyte, and "%[1]s" writes lines of the client's own into the log.
  if (clientText.includes("%")) return refused("client-text");
  return { kind: "proved", user: nkey };
}

function refused(reason: LoginRefusal): LoginProof {
  return { kind: "refused", reason };
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
