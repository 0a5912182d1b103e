import type { OperationId } from "../core/ids.ts";
import type { Actor, Evidence } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { ActorFacts } from "../core/rules/actors.ts";
import type { Identity } from "./authenticate.ts";
import { isMutation, type JsonBody } from "./body.ts";
import { operationIdOf } from "./change.ts";
import { signatureIdOf, signedOperationId } from "./signature.ts";

/** What was found out about a request on its way, for the routes. */
export interface Call {
  readonly actor: Actor;
  readonly evidence: Evidence;
  /** Who asks, with its rights now: what a route shows depends on it. */
  readonly viewer: ActorFacts;
  readonly idempotencyKey: string | null;
  /** Digest of (key id, nonce) of a signed request. */
  readonly signatureId: string | null;
  /** The version that the caller saw and wants to change; null for any. */
  readonly ifMatch: string | null;
  /** The id of the one operation that this request may ask for. */
  readonly operationId: OperationId;
  /** The JSON of a mutation, an object; undefined for other requests. */
  readonly body: unknown;
  /** Digest of method, path and body of a mutation. */
  readonly requestDigest: string;
}

/** Elysia hands a route its request and nothing else of ours, so what is known hangs on that. */
const calls = new WeakMap<Request, Call>();

export function openCall(request: Request, call: Call): void {
  calls.set(request, call);
}

/** Finds what was found out. Throws when the request never went through the door. */
export function callOf(request: Request): Call {
  const call = calls.get(request);
  if (!call) throw new Error("A route was reached without the door");
  return call;
}

/** Joins what the parts of a request say; `body` is null for one that changes nothing. */
export function makeCall(said: {
  readonly identity: Identity;
  readonly idempotencyKey: string | null;
  readonly ifMatch: string | null;
  readonly body: JsonBody | null;
  readonly newOperationId: () => OperationId;
}): Call {
  const { identity, idempotencyKey, ifMatch, body, newOperationId } = said;
  const { actor, evidence, viewer, signature } = identity;
  let operationId: OperationId | null = null;
  return {
    actor,
    evidence: evidence.kind === "signature" ? { ...evidence, body: body?.text ?? "" } : evidence,
    viewer,
    idempotencyKey,
    // Digests and random ids are for what changes something: most requests do not.
    signatureId: body && signature ? signatureIdOf(signature) : null,
    ifMatch,
    get operationId() {
      operationId ??= operationIdFor(identity, idempotencyKey) ?? newOperationId();
      return operationId;
    },
    body: body?.value,
    requestDigest: body?.digest ?? "",
  };
}

/** The id that a repeat of the request has too; null when it says nothing that only a repeat says. */
function operationIdFor(
  { actor, signature }: Identity,
  idempotencyKey: string | null,
): OperationId | null {
  if (idempotencyKey !== null) return operationIdOf(actor, idempotencyKey);
  return signature && signedOperationId(signature);
}

const ONE_VERSION = /^"([A-Za-z0-9_-]{1,128})"$/;

/**
 * Reads the version in `if-match`, or null. Throws "request-malformed" for a list, for `*` and for a
 * weak one: there is one version of a thing that somebody saw. Also for a change that does not compare
 * it: it would be done to what the caller did not mean. Source: RFC 9110, section 13.1.1.
 */
export function readIfMatch({
  headers,
  method,
}: Pick<Request, "headers" | "method">): string | null {
  const header = headers.get("if-match");
  if (header === null) return null;
  if (isMutation(method) && method !== "PATCH") {
    throw new Problem(
      "request-malformed",
      "Cannot heed If-Match: only PATCH compares versions, leave it out here",
    );
  }
  const version = ONE_VERSION.exec(header)?.[1];
  if (version !== undefined) return version;
  throw new Problem(
    "request-malformed",
    "Cannot read If-Match: it has to be one version in quotes, as ETag told it",
  );
}
