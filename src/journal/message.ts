import { canonicalJson } from "../core/canonical.ts";
import { LEVEL_NEWEST, levelTooOld } from "../core/level.ts";
import { JOURNAL_MESSAGE_BYTES_MAX } from "../core/limits.ts";
import type { Operation } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { refuseOperation } from "../core/rules/operations.ts";

/** The version of the form below. */
const MESSAGE_FORMAT = 1;

/** What travels through a cluster's stream: an operation, and by which asking it came there. */
export interface Message {
  /** Of one publish alone: whoever waits for it knows its own entry by it. */
  readonly mark: string;
  readonly operation: Operation;
}

/** Throws "request-too-large" when NATS would not carry it. */
export function renderMessage({ mark, operation }: Message): Uint8Array {
  const bytes = new TextEncoder().encode(textOf({ mark, operation }));
  if (bytes.length <= JOURNAL_MESSAGE_BYTES_MAX) return bytes;
  throw new Problem(
    "request-too-large",
    `Cannot take the operation: its entry has ${bytes.length} bytes and may have ${JOURNAL_MESSAGE_BYTES_MAX}`,
  );
}

/**
 * Reads a message back, or says why it is none: it is damaged, or of another unibus.
 * Throws "level-too-old" for an operation that only a newer unibus knows.
 */
export function parseMessage(bytes: Uint8Array): Message | { readonly fault: string } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // What it really is, is judged below.
    const message = JSON.parse(text) as Message & { readonly format: number };
    if (message.format !== MESSAGE_FORMAT) {
      return { fault: `its format ${message.format} is not known here` };
    }
    const { format } = message.operation;
    // What it says is not known here, whatever else is in it.
    if (format > LEVEL_NEWEST) throw levelTooOld("an entry of the cluster's journal", format);
    const refusal = refuseOperation(message.operation);
    if (refusal) return { fault: refusal.detail };
    const { mark, operation } = message;
    return textOf(message) === text
      ? { mark, operation }
      : { fault: "it is not as it was written" };
  } catch (error) {
    if (error instanceof Problem) throw error;
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

function textOf({ mark, operation }: Message): string {
  return canonicalJson({ format: MESSAGE_FORMAT, mark, operation: { ...operation } });
}
