import { createHash } from "node:crypto";
import { canonicalJson } from "../core/canonical.ts";
import { isOperationId, type OperationId } from "../core/ids.ts";
import { type Actor, type Change, OPERATION_FORMAT } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { Call } from "./call.ts";
import type { AppParts } from "./parts.ts";

/** Derives the id of an operation that its caller can repeat: one per actor and Idempotency-Key. */
export function operationIdOf(actor: Actor, idempotencyKey: string): OperationId {
  const id = createHash("sha256")
    .update(canonicalJson({ actor: { ...actor }, key: idempotencyKey }))
    .digest("hex");
  if (!isOperationId(id)) throw new Error("A digest has 64 hex digits");
  return id;
}

/**
 * Asks for a change and answers its number in the journal. Everything that the change depends on is
 * in the operation by now; whether it may be is decided where it is applied.
 * Throws the refusal as a `Problem`, and whatever the journal throws.
 */
export async function requestChange(
  { commit, now }: Pick<AppParts, "commit" | "now">,
  call: Call,
  change: Change,
): Promise<{ readonly seq: number }> {
  const { seq, outcome } = await commit({
    format: OPERATION_FORMAT,
    id: call.operationId,
    at: now(),
    actor: call.actor,
    evidence: call.evidence,
    signatureId: null,
    idempotencyKey: call.idempotencyKey,
    requestDigest: call.requestDigest,
    change,
  });
  if (outcome.status === "refused") {
    throw new Problem(outcome.refusal.code, outcome.refusal.detail);
  }
  return { seq };
}

/** Header that tells the number of the entry a change was applied as. */
export const SEQ_HEADER = "unibus-seq";
