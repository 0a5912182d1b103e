import type { OperationId } from "../core/ids.ts";
import type { Actor, Evidence } from "../core/operations.ts";
import type { Problem } from "../core/problems.ts";

/** What the door found out about a request, for the routes behind it. */
export interface Call {
  readonly actor: Actor;
  readonly evidence: Evidence;
  readonly idempotencyKey: string | null;
  /** The id of the one operation that this request may ask for. */
  readonly operationId: OperationId;
  /** The JSON of a mutation, an object; undefined for other requests. */
  readonly body: unknown;
  /** Digest of method, path and body of a mutation. */
  readonly requestDigest: string;
  /** Why the route refused, for the log; null while it did not. */
  problem: Problem | null;
}

/** Elysia hands a route its request and nothing else of ours, so what is known hangs on that. */
const calls = new WeakMap<Request, Call>();

export function openCall(request: Request, call: Call): void {
  calls.set(request, call);
}

/** Finds what the door found out. Throws when the request never went through it. */
export function callOf(request: Request): Call {
  const call = calls.get(request);
  if (!call) throw new Error("A route was reached without the door");
  return call;
}
