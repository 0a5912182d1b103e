import { renderEntry } from "../entry.ts";
import { isOperationId, isTokenId } from "../ids.ts";
import { ENTRY_CHARS_MAX, IDEMPOTENCY_KEY_CHARS_MAX } from "../limits.ts";
import { looksLikeUserKey } from "../nkey.ts";
import { type Actor, formatOf, type Operation } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";
import { invalid, refuseChange } from "./changes.ts";

const DIGEST = /^[\x21-\x7e]{1,128}$/;
const HEADER_TEXT = /^[\x20-\x7e]+$/;

/**
 * Says why an operation may not enter the journal, or null. Routes build operations from bodies that
 * they checked; this is the last look before a value is kept for good, and a value that the rules
 * cannot handle would stop the journal.
 */
export function refuseOperation(operation: Operation): Refusal | null {
  const { format, id, at, actor, signatureId, idempotencyKey, requestDigest } = operation;
  if (format !== formatOf(operation.change)) return invalid("format", "is not that of its change");
  if (!isOperationId(id)) return invalid("id", "is not 64 hex digits");
  if (!Number.isSafeInteger(at) || at < 0) return invalid("at", "is no time");
  if (signatureId !== null && !DIGEST.test(signatureId))
    return invalid("signatureId", "is no digest");
  if (!DIGEST.test(requestDigest)) return invalid("requestDigest", "is no digest");
  if (idempotencyKey !== null && !isIdempotencyKey(idempotencyKey)) {
    return invalid(
      "idempotencyKey",
      `is not 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters`,
    );
  }
  return refuseActor(actor) ?? refuseChange(operation.change) ?? refuseUnrenderable(operation);
}

function refuseActor(actor: Actor): Refusal | null {
  switch (actor.kind) {
    case "operator":
    case "anonymous":
      return null;
    case "user":
      return looksLikeUserKey(actor.user) ? null : invalid("actor", "is no key");
    case "token":
      if (!looksLikeUserKey(actor.user)) return invalid("actor", "is no key");
      return isTokenId(actor.token) ? null : invalid("actor", "is no token id");
    default:
      actor satisfies never;
      return invalid("actor", "is not operator, user, token or anonymous");
  }
}

/** What has no canonical form, or too long a one, must not reach a transaction. */
function refuseUnrenderable(operation: Operation): Refusal | null {
  try {
    const sizeChars = renderEntry({ seq: Number.MAX_SAFE_INTEGER, operation }).length;
    if (sizeChars <= ENTRY_CHARS_MAX) return null;
    return refusal(
      "request-too-large",
      `Cannot take the operation: its entry has ${sizeChars} characters and may have ${ENTRY_CHARS_MAX}`,
    );
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return refusal("request-invalid", `Cannot take the operation: ${error.message}`);
  }
}

function isIdempotencyKey(text: string): boolean {
  return HEADER_TEXT.test(text) && text.length <= IDEMPOTENCY_KEY_CHARS_MAX;
}
