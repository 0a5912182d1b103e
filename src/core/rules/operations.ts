import { renderEntry } from "../entry.ts";
import { isOperationId, isRoomId } from "../ids.ts";
import { ENTRY_CHARS_MAX, IDEMPOTENCY_KEY_CHARS_MAX } from "../limits.ts";
import { looksLikeUserKey, readUserKey } from "../nkey.ts";
import { type Change, OPERATION_FORMAT, type Operation } from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";
import { refuseName } from "./names.ts";

const DIGEST = /^[\x21-\x7e]{1,128}$/;
const HEADER_TEXT = /^[\x20-\x7e]+$/;

/**
 * Says why an operation may not enter the journal, or null. Routes build operations from bodies that
 * they checked; this is the last look before a value is kept for good, and a value that the rules
 * cannot handle would stop the journal.
 */
export function refuseOperation(operation: Operation): Refusal | null {
  const { format, id, at, actor, signatureId, idempotencyKey, requestDigest } = operation;
  if (format !== OPERATION_FORMAT) return invalid("format", "is not known here");
  if (!isOperationId(id)) return invalid("id", "is not 64 hex digits");
  if (!Number.isSafeInteger(at) || at < 0) return invalid("at", "is no time");
  if (!["operator", "user", "anonymous"].includes(actor.kind)) {
    return invalid("actor", "is not operator, user or anonymous");
  }
  if (actor.kind === "user" && !looksLikeUserKey(actor.user)) return invalid("actor", "is no key");
  if (signatureId !== null && !DIGEST.test(signatureId))
    return invalid("signatureId", "is no digest");
  if (!DIGEST.test(requestDigest)) return invalid("requestDigest", "is no digest");
  if (idempotencyKey !== null && !isIdempotencyKey(idempotencyKey)) {
    return invalid(
      "idempotencyKey",
      `is not 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters`,
    );
  }
  return refuseChange(operation.change) ?? refuseUnrenderable(operation);
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

function refuseChange(change: Change): Refusal | null {
  switch (change.kind) {
    case "user.seed":
    case "user.add":
      return refuseNewUser(change);
    case "user.revoke":
    case "user.restore":
      return refuseKey(change.user);
    case "room.create":
      if (!isRoomId(change.room)) return invalid("room", "is no room id");
      if (change.history !== "k" && change.history !== "n")
        return invalid("history", "is not k or n");
      if (!/^[0-9a-f]$/.test(change.shard)) return invalid("shard", "is not one hex digit");
      return refuseName(change.name) ?? (change.owner === null ? null : refuseKey(change.owner));
    case "room.delete":
      return isRoomId(change.room) ? null : invalid("room", "is no room id");
    case "member.add":
      if (!["owner", "member", "reader", "writer"].includes(change.role)) {
        return invalid("role", "is not owner, member, reader or writer");
      }
      return refuseMember(change);
    case "member.accept":
    case "member.remove":
      return refuseMember(change);
    default: {
      const unknown: never = change;
      return invalid("change", `is not known here: ${JSON.stringify(unknown)}`);
    }
  }
}

function refuseNewUser(
  change: Extract<Change, { kind: "user.seed" | "user.add" }>,
): Refusal | null {
  if (change.kind === "user.add" && change.role !== "admin" && change.role !== "member") {
    return invalid("role", "is not admin or member");
  }
  // The arithmetic is done once, here: afterwards a key is judged by being in the table of users.
  const key = readUserKey(change.user);
  if ("code" in key) return key;
  return change.name === null ? null : refuseName(change.name);
}

function refuseMember(change: { readonly room: string; readonly user: string }): Refusal | null {
  return isRoomId(change.room) ? refuseKey(change.user) : invalid("room", "is no room id");
}

function refuseKey(text: string): Refusal | null {
  return looksLikeUserKey(text) ? null : invalid("user", "is no user key");
}

function isIdempotencyKey(text: string): boolean {
  return HEADER_TEXT.test(text) && text.length <= IDEMPOTENCY_KEY_CHARS_MAX;
}

function invalid(member: string, fault: string): Refusal {
  return refusal("request-invalid", `Cannot take the operation: its member "${member}" ${fault}`);
}
