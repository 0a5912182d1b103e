/** What a command's process exits with. */
export const EXIT = { done: 0, failed: 1, usage: 2, refused: 3, unreachable: 4 } as const;

interface ProblemKind {
  /** HTTP status; problems that no request can meet still carry the nearest one. */
  readonly status: number;
  readonly title: string;
  /** Exit code of the command line. */
  readonly exit: (typeof EXIT)[keyof typeof EXIT];
}

/**
 * The one table of problems: HTTP status, title, exit code. Codes are never reused.
 * Source: RFC 9457 (`type` and `title` belong to the code, `detail` to the occurrence).
 */
export const PROBLEMS = {
  // Starting a node.
  usage: { status: 400, title: "Wrong usage", exit: EXIT.usage },
  "boot-refused": {
    status: 409,
    title: "The node refuses to start insecurely",
    exit: EXIT.refused,
  },
  "cluster-refused": { status: 409, title: "The node refuses this cluster", exit: EXIT.refused },
  "tls-unusable": { status: 409, title: "A TLS file cannot be used", exit: EXIT.refused },
  "folder-in-use": { status: 409, title: "Another process uses this folder", exit: EXIT.refused },
  "start-failed": { status: 500, title: "The node could not start", exit: EXIT.failed },
  "journal-damaged": { status: 500, title: "The journal is damaged", exit: EXIT.refused },
  "journal-rolled-back": {
    status: 500,
    title: "The database is older than what was recorded",
    exit: EXIT.refused,
  },
  "schema-too-new": { status: 409, title: "The data is of a newer unibus", exit: EXIT.refused },
  "level-too-old": {
    status: 409,
    title: "This unibus is too old for the bus",
    exit: EXIT.refused,
  },
  "file-unusable": { status: 409, title: "The file cannot be used", exit: EXIT.refused },
  "file-exists": { status: 409, title: "The file exists", exit: EXIT.refused },
  // Reaching a node.
  "node-not-found": { status: 404, title: "No node here", exit: EXIT.unreachable },
  "node-unreachable": { status: 503, title: "The node does not answer", exit: EXIT.unreachable },
  "node-untrusted": { status: 502, title: "The node cannot be trusted", exit: EXIT.refused },
  // Asking the API.
  "request-malformed": { status: 400, title: "The request cannot be read", exit: EXIT.failed },
  "request-invalid": {
    status: 422,
    title: "The request is not of the right shape",
    exit: EXIT.failed,
  },
  "request-too-large": { status: 413, title: "The request is too large", exit: EXIT.failed },
  "media-type": { status: 415, title: "The content type is not accepted", exit: EXIT.failed },
  "route-not-found": { status: 404, title: "No such route", exit: EXIT.failed },
  "method-not-allowed": { status: 405, title: "The route has no such method", exit: EXIT.failed },
  "host-unknown": { status: 421, title: "The host is not one of this node", exit: EXIT.refused },
  "origin-foreign": {
    status: 403,
    title: "A foreign page may not call this node",
    exit: EXIT.refused,
  },
  "too-many-requests": { status: 429, title: "Too many requests", exit: EXIT.failed },
  "node-busy": { status: 503, title: "The node is busy", exit: EXIT.failed },
  // Saying who asks. Each is told apart: whoever builds a client has nothing else to go by.
  unauthenticated: { status: 401, title: "Authentication is required", exit: EXIT.refused },
  "signature-malformed": {
    status: 401,
    title: "The signature cannot be read",
    exit: EXIT.refused,
  },
  "signature-incomplete": {
    status: 401,
    title: "The signature does not cover the request",
    exit: EXIT.refused,
  },
  "signature-expired": { status: 401, title: "The signature has expired", exit: EXIT.refused },
  "signature-future": { status: 401, title: "The signature is of the future", exit: EXIT.refused },
  "signature-long-lived": {
    status: 401,
    title: "The signature would live too long",
    exit: EXIT.refused,
  },
  "signature-before-start": {
    status: 401,
    title: "The signature is older than the node's start",
    exit: EXIT.refused,
  },
  "signature-repeated": { status: 401, title: "The signature was used before", exit: EXIT.refused },
  "signature-wrong": { status: 401, title: "The signature is wrong", exit: EXIT.refused },
  "digest-wrong": { status: 400, title: "The body is not what was signed", exit: EXIT.refused },
  "key-unknown": {
    status: 401,
    title: "The key comes without its certificate",
    exit: EXIT.refused,
  },
  "key-unusable": { status: 401, title: "The key cannot be used", exit: EXIT.refused },
  "certificate-wrong": { status: 401, title: "The certificate is wrong", exit: EXIT.refused },
  "user-unknown": { status: 401, title: "The key is no user's", exit: EXIT.refused },
  "identity-revoked": { status: 401, title: "The user is revoked", exit: EXIT.refused },
  "token-wrong": { status: 401, title: "The token is not known", exit: EXIT.refused },
  "token-expired": { status: 401, title: "The token has expired", exit: EXIT.refused },
  forbidden: { status: 403, title: "Not allowed", exit: EXIT.refused },
  internal: { status: 500, title: "Internal error", exit: EXIT.failed },
  "not-ready": { status: 503, title: "The node is not ready", exit: EXIT.unreachable },
  "journal-unavailable": { status: 503, title: "The journal takes no entries", exit: EXIT.failed },
  "not-recorded": {
    status: 503,
    title: "Closed and refused here, and not recorded",
    exit: EXIT.failed,
  },
  "outcome-unknown": { status: 503, title: "Nobody knows yet what came of it", exit: EXIT.failed },
  "data-plane-external": {
    status: 409,
    title: "The data plane is not this node's",
    exit: EXIT.refused,
  },
  // Deciding an operation.
  "idempotency-conflict": {
    status: 422,
    title: "The key belongs to another request",
    exit: EXIT.refused,
  },
  "key-invalid": { status: 422, title: "Not a usable public key", exit: EXIT.refused },
  "bus-has-admin": { status: 409, title: "The bus has an admin", exit: EXIT.refused },
  "user-exists": { status: 409, title: "The user exists", exit: EXIT.refused },
  "user-not-found": { status: 404, title: "No such user", exit: EXIT.refused },
  "user-revoked": { status: 409, title: "The user is revoked", exit: EXIT.refused },
  "name-taken": { status: 409, title: "The name is taken", exit: EXIT.refused },
  "name-ambiguous": { status: 409, title: "The name is not unique", exit: EXIT.refused },
  "room-not-found": { status: 404, title: "No such room", exit: EXIT.refused },
  "room-exists": { status: 409, title: "The room exists", exit: EXIT.refused },
  "rooms-full": {
    status: 409,
    title: "The user has all the rooms a user may have",
    exit: EXIT.refused,
  },
  "room-full": { status: 409, title: "The room is full", exit: EXIT.refused },
  "pending-full": {
    status: 409,
    title: "Too many memberships wait for acceptance",
    exit: EXIT.refused,
  },
  "member-not-found": { status: 404, title: "No such member", exit: EXIT.refused },
  "rights-taken-lately": {
    status: 409,
    title: "Rights were taken a moment ago",
    exit: EXIT.refused,
  },
  "key-replaced": { status: 409, title: "The key was replaced", exit: EXIT.refused },
  "keys-replaced-often": {
    status: 409,
    title: "The user replaced its key too often",
    exit: EXIT.refused,
  },
  "last-admin": { status: 409, title: "The bus has no other admin", exit: EXIT.refused },
  "last-owner": { status: 409, title: "The room has no other owner", exit: EXIT.refused },
  "level-conflict": {
    status: 409,
    title: "The level of the bus cannot be raised",
    exit: EXIT.refused,
  },
  "version-conflict": { status: 412, title: "It was changed meanwhile", exit: EXIT.refused },
  "already-issued": { status: 409, title: "The secret was shown before", exit: EXIT.refused },
  "token-not-found": { status: 404, title: "No such token", exit: EXIT.refused },
  "tokens-full": {
    status: 409,
    title: "The user has all the tokens a user may have",
    exit: EXIT.refused,
  },
  "invite-not-found": { status: 404, title: "No such invite", exit: EXIT.refused },
  "invite-redeemed": { status: 410, title: "The invite was used", exit: EXIT.refused },
  "invite-expired": { status: 410, title: "The invite has expired", exit: EXIT.refused },
  "invites-full": { status: 409, title: "Too many invites are open", exit: EXIT.refused },
  "node-token-wrong": { status: 404, title: "No such token for a node", exit: EXIT.refused },
  "node-token-used": { status: 410, title: "The node's token was used", exit: EXIT.refused },
  "node-token-expired": { status: 410, title: "The node's token has expired", exit: EXIT.refused },
  "node-token-unattended": {
    status: 409,
    title: "Nobody waits at the node's token",
    exit: EXIT.refused,
  },
  "node-tokens-full": { status: 409, title: "Too many nodes are waited for", exit: EXIT.refused },
  "node-name-taken": { status: 409, title: "Another node has this name", exit: EXIT.refused },
  "node-removed": { status: 410, title: "The node was removed", exit: EXIT.refused },
  "node-ca-foreign": { status: 409, title: "The authority is another one", exit: EXIT.refused },
  "proof-wrong": { status: 403, title: "The proof is wrong", exit: EXIT.refused },
  "record-invalid": { status: 422, title: "The record cannot be used", exit: EXIT.refused },
  "record-required": {
    status: 409,
    title: "An encrypted room needs a signed record",
    exit: EXIT.refused,
  },
  "plain-rooms-disabled": {
    status: 403,
    title: "Plain rooms are disabled here",
    exit: EXIT.refused,
  },
} as const satisfies Readonly<Record<string, ProblemKind>>;

export type ProblemCode = keyof typeof PROBLEMS;

/** An error that a caller expects, by a code of the table and words about this occurrence. */
export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    readonly code: ProblemCode,
    /** "Cannot <action>: <present state, and the needed one>"; never a secret. */
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
  }
}

/** Why something may not be: the answer of every `refuse…` function that refuses. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
}

export function refusal(code: ProblemCode, detail: string): Refusal {
  return { code, detail };
}
