import { canonicalJson } from "./canonical.ts";
import type { Change, Operation, Outcome, RowChange } from "./operations.ts";
import type { ProblemCode } from "./problems.ts";

/** The version of the encoding below, fixed by tests/golden/entry-chain.json. */
export const ENTRY_FORMAT = 1;

/** An operation with its place in the order. */
export interface Entry {
  readonly seq: number;
  readonly operation: Operation;
}

/**
 * An entry as it is kept. From level 2 on one that changed nothing has a digest in place of a long change:
 * SHA-256 of it in its canonical form, in hex.
 */
export interface StoredEntry {
  readonly seq: number;
  readonly operation: Omit<Operation, "change"> & {
    readonly change: Change | { readonly kind: Change["kind"]; readonly sha256: string };
  };
}

/** Renders an entry in the one form that is stored and hashed. Throws as `canonicalJson` does. */
export function renderEntry({ seq, operation }: StoredEntry): string {
  return canonicalJson({ format: ENTRY_FORMAT, seq, operation: { ...operation } });
}

/**
 * What is kept of an entry. In the journal of a cluster a repeat has a number of its own, and names
 * the entry whose outcome it answers.
 */
export type StoredOutcome = Outcome | { readonly status: "repeated"; readonly of: number };

/**
 * Renders an outcome in the one form that is stored and hashed. Of a refusal that is its code: its
 * words may be improved without nodes of two versions having two histories.
 */
export function renderOutcome(outcome: StoredOutcome): string {
  return outcome.status === "refused"
    ? canonicalJson({ status: outcome.status, code: outcome.refusal.code })
    : canonicalJson({ ...outcome });
}

/** Reads a stored outcome back; `detail` are the words of its refusal. */
export function parseOutcome(text: string, detail: string | null): StoredOutcome {
  // Rendered by the function above, and kept unchanged by the chain.
  const stored = JSON.parse(text) as
    | Exclude<StoredOutcome, { status: "refused" }>
    | { status: "refused"; code: ProblemCode };
  if (stored.status !== "refused") return stored;
  return { status: stored.status, refusal: { code: stored.code, detail: detail ?? "" } };
}

/** Renders the rows that an entry changed, in the order in which they were written. */
export function renderChanges(changes: readonly RowChange[]): string {
  return canonicalJson(changes.map((change) => ({ ...change })));
}
