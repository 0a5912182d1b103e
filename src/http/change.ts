import { createHash } from "node:crypto";
import { canonicalJson } from "../core/canonical.ts";
import { type OperationId, operationIdOfDigest } from "../core/ids.ts";
import { type Actor, type Change, type Effect, formatOf } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { Call } from "./call.ts";
import type { AppParts } from "./parts.ts";

/** Derives the id of an operation that its caller can repeat: one per actor and Idempotency-Key. */
export function operationIdOf(actor: Actor, idempotencyKey: string): OperationId {
  const id = createHash("sha256")
    .update(canonicalJson({ actor: { ...actor }, key: idempotencyKey }))
    .digest("hex");
  return operationIdOfDigest(id);
}

/** What a route of Elysia is given for its answer. */
export interface AnswerHead {
  status?: number | string;
  readonly headers: Record<string, string | number | undefined>;
}

/** Header that tells the number of the entry a change was applied as. */
const SEQ_HEADER = "unibus-seq";

/** What became of a change that was applied. */
export interface Applied {
  /** True when an earlier request with this Idempotency-Key did it. */
  readonly repeated: boolean;
  readonly effects: readonly Effect[];
}

/**
 * Asks for a change, and tells its number in the journal in a header of the answer. Everything that the
 * change depends on is in the operation by now; whether it may be is decided where it is applied.
 * Throws the refusal as a `Problem`, and whatever the journal throws.
 */
export async function requestChange(
  { commit, now }: Pick<AppParts, "commit" | "now">,
  { call, set }: { readonly call: Call; readonly set: AnswerHead },
  change: Change,
): Promise<Applied> {
  const { seq, outcome, repeated } = await commit({
    format: formatOf(change),
    id: call.operationId,
    at: now(),
    actor: call.actor,
    evidence: call.evidence,
    signatureId: call.signatureId,
    idempotencyKey: call.idempotencyKey,
    requestDigest: call.requestDigest,
    change,
  });
  if (outcome.status === "refused") {
    throw new Problem(outcome.refusal.code, outcome.refusal.detail);
  }
  set.headers[SEQ_HEADER] = `${seq}`;
  return { repeated, effects: outcome.effects };
}

/** Refuses a repeat of what made a secret: it was shown with the first answer, and is kept nowhere. */
export function refuseShownSecret({ repeated }: Applied, what: "token" | "invite"): void {
  if (!repeated) return;
  throw new Problem(
    "already-issued",
    `Cannot show the ${what} again: an earlier request with this Idempotency-Key made it, and its secret is kept nowhere; revoke it and make another`,
  );
}
