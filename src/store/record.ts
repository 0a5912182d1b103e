import { type CanonicalValue, canonicalJson } from "../core/canonical.ts";
import {
  type Entry,
  renderChanges,
  renderEntry,
  renderOutcome,
  type StoredEntry,
  type StoredOutcome,
} from "../core/entry.ts";
import { REFUSED_CHANGE_BYTES_MAX } from "../core/limits.ts";
import { digest, nextChain } from "./chain.ts";
import type { BusRecord } from "./journal.ts";
import type { Store } from "./open.ts";
import { keyColumns, type RowWrite, TABLES, type Table, wholeRow } from "./tables.ts";

export function writeRow({ database }: Store, { table, key, row }: RowWrite): void {
  if (row) database.query(upsertOf(table)).run({ ...wholeRow(table, row) });
  else database.query(deleteOf(table)).run({ ...keyColumns(table, key) });
}

function upsertOf(table: Table): string {
  const { key, columns } = TABLES[table];
  const all = [...key, ...columns];
  return `INSERT INTO ${table} (${all.join(", ")})
    VALUES (${all.map((column) => `$${column}`).join(", ")})
    ON CONFLICT (${key.join(", ")})
    DO UPDATE SET ${columns.map((column) => `${column} = $${column}`).join(", ")}`;
}

function deleteOf(table: Table): string {
  const conditions = TABLES[table].key.map((column) => `${column} = $${column}`);
  return `DELETE FROM ${table} WHERE ${conditions.join(" AND ")}`;
}

/** Writes an entry into the journal, with its outcome, and moves the head of the bus behind it. */
export function record(
  { database }: Store,
  parts: {
    readonly entry: Entry;
    readonly outcome: StoredOutcome;
    readonly writes: readonly RowWrite[];
    /** The bus as it was before. */
    readonly bus: BusRecord;
    /** Null where it repeats that of an earlier entry; the same holds for the signature. */
    readonly operationId: string | null;
    readonly signatureId: string | null;
  },
): void {
  const { seq, operation } = parts.entry;
  const { bus, operationId, signatureId } = parts;
  const isApplied = parts.outcome.status === "applied";
  const entry = renderEntry(isApplied || bus.level < 2 ? parts.entry : digested(parts.entry));
  const outcome = renderOutcome(parts.outcome);
  const changes = renderChanges(parts.writes);
  const encoder = new TextEncoder();
  const chain = nextChain(bus.chain, {
    entry: encoder.encode(entry),
    outcome: encoder.encode(outcome),
    changes: encoder.encode(changes),
  });
  database
    .query(
      `INSERT INTO journal (seq, entry, outcome, changes, chain, detail, operation_id, signature_id, at)
       VALUES
         ($seq, $entry, $outcome, $changes, $chain, $detail, $operationId, $signatureId, $at)`,
    )
    .run({
      ...{ seq, entry, outcome, changes, chain },
      detail: parts.outcome.status === "refused" ? parts.outcome.refusal.detail : null,
      ...{ operationId, signatureId, at: operation.at },
    });
  database
    .query("UPDATE bus SET last_seq = $seq, chain = $chain, latest_at = $latestAt, format = $level")
    .run({
      ...{ seq, chain, latestAt: Math.max(bus.latestAt, operation.at) },
      level: levelAfter(operation, parts.outcome) ?? bus.level,
    });
}

/**
 * What is kept of an entry that changed nothing: who asked for what and when, and a digest of what proves
 * the request; of a long change a digest too. The whole would be most of the entry, and whoever may do
 * nothing could fill the disk with it.
 */
function digested({ seq, operation }: Entry): StoredEntry {
  const { change, evidence } = operation;
  const isShort = bytesOf({ ...change }).length <= REFUSED_CHANGE_BYTES_MAX;
  return {
    seq,
    operation: {
      ...operation,
      change: isShort ? change : { kind: change.kind, sha256: digestOf({ ...change }) },
      evidence:
        evidence.kind === "signature"
          ? { kind: "digest", of: evidence.kind, sha256: digestOf({ ...evidence }) }
          : evidence,
    },
  };
}

function digestOf(value: CanonicalValue): string {
  return digest(bytesOf(value)).toHex();
}

function bytesOf(value: CanonicalValue): Uint8Array {
  return new TextEncoder().encode(canonicalJson(value));
}

/** The level that an entry gives to the bus; null where it leaves it as it is. */
export function levelAfter(
  { change }: Pick<StoredEntry["operation"], "change">,
  { status }: Pick<StoredOutcome, "status">,
): number | null {
  return change.kind === "bus.raise" && "level" in change && status === "applied"
    ? change.level
    : null;
}
