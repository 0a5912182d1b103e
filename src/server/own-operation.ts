import { type Change, formatOf, type Operation } from "../core/operations.ts";
import { newOperationId } from "./reads.ts";

/** An operation that nobody asked for: a node makes it for its cluster. `what` tells what it is about. */
export function ownOperation(change: Change, at: number, what: string): Operation {
  return {
    format: formatOf(change),
    id: newOperationId(),
    at,
    actor: { kind: "operator" },
    evidence: { kind: "none" },
    signatureId: null,
    idempotencyKey: null,
    requestDigest: what,
    change,
  };
}
