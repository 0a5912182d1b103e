import type { StoredEntry } from "../core/entry.ts";
import { Problem } from "../core/problems.ts";
import { firstChain, type Link, nextChain } from "./chain.ts";
import { codeOf, journalDamaged } from "./faults.ts";
import { type BusRecord, findBus } from "./journal.ts";
import { readExpectedSchema, readSchema, type Store } from "./open.ts";
import { levelAfter } from "./record.ts";
import { type Row, type RowWrite, rowKey, TABLE_NAMES, TABLES, type Table } from "./tables.ts";

interface JournalRow extends Link {
  readonly seq: number;
  readonly chain: Uint8Array;
  readonly operationId: string | null;
  readonly signatureId: string | null;
  readonly at: number;
}

/** A row as the journal left it, and the entry that did. */
interface Written {
  readonly seq: number;
  readonly row: Row;
}

type Folded = Readonly<Record<Table, Map<string, Written>>>;

/**
 * Checks all that is stored: the schema, SQLite's own structure, the chain over every entry, and that
 * the rows of every table beside the journal are what the entries made of them.
 * Throws "journal-damaged", which names the first wrong entry by its number, or the wrong row.
 */
export function verifyJournal(store: Store): { readonly entries: number; readonly chain: string } {
  try {
    return store.database.transaction(() => verifyInside(store))();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw journalDamaged(`it cannot be read (${codeOf(error)})`, error);
  }
}

function verifyInside(store: Store): { readonly entries: number; readonly chain: string } {
  verifySchema(store);
  const bus = findBus(store);
  const folded = bus ? verifyEntries(store, bus) : verifyUnused(store);
  for (const table of TABLE_NAMES) verifyTable(store, table, folded[table]);
  verifyStructure(store);
  return { entries: bus?.lastSeq ?? 0, chain: bus?.chain.toHex() ?? "" };
}

/** Only where nothing was ever entered there may be no bus. */
function verifyUnused({ database }: Store): Folded {
  if (database.query("SELECT 1 FROM journal").get() === null) return nothing();
  throw journalDamaged("the row that says which bus this is is gone");
}

function nothing(): Folded {
  return {
    users: new Map(),
    rooms: new Map(),
    members: new Map(),
    geneses: new Map(),
    tokens: new Map(),
    invites: new Map(),
    node_tokens: new Map(),
    nodes: new Map(),
    rights_taken: new Map(),
  };
}

function verifyEntries({ database }: Store, bus: BusRecord): Folded {
  const folded = nothing();
  let seq = 0;
  let chain = firstChain({ ...bus, level: bus.firstLevel });
  let level = bus.firstLevel;
  let latestAt = 0;
  // As bytes: text would show different damaged bytes as one replacement character.
  const rows = database.query<JournalRow, []>(
    `SELECT seq, CAST(entry AS BLOB) AS entry, CAST(outcome AS BLOB) AS outcome,
       CAST(changes AS BLOB) AS changes, chain, operation_id AS operationId,
       signature_id AS signatureId, at
     FROM journal ORDER BY seq`,
  );
  for (const row of rows.iterate()) {
    seq += 1;
    if (row.seq !== seq) throw journalDamaged(`entry ${seq} is missing`);
    if (seq > bus.lastSeq) throw journalDamaged(`entry ${seq} is newer than the journal's head`);
    chain = nextChain(chain, row);
    if (!equal(chain, row.chain)) throw journalDamaged(`entry ${seq} is not what was written`);
    level = verifyColumns(row) ?? level;
    latestAt = Math.max(latestAt, row.at);
    fold(folded, row);
  }
  if (seq !== bus.lastSeq) throw journalDamaged(`entry ${seq + 1} is missing`);
  if (!equal(chain, bus.chain) || latestAt !== bus.latestAt || level !== bus.level) {
    throw journalDamaged(`the head of the journal does not follow entry ${seq}`);
  }
  return folded;
}

/**
 * The columns beside an entry repeat what is in it, for the indexes that find it. Returns the level that
 * the entry gives to the bus, or null.
 */
function verifyColumns(row: JournalRow): number | null {
  // Rendered by apply, and proved by the chain to be unchanged.
  const { operation } = JSON.parse(text(row.entry)) as StoredEntry;
  const outcome = text(row.outcome);
  const known = row.operationId === null && REPEATS.some((repeat) => outcome.includes(repeat));
  const unrecorded = row.signatureId === null && outcome.includes(SIGNATURE_REPEATED);
  if (
    (operation.id !== row.operationId && !known) ||
    operation.at !== row.at ||
    (operation.signatureId !== row.signatureId && !unrecorded && !known)
  ) {
    throw journalDamaged(`entry ${row.seq} is not what its columns say`);
  }
  return levelAfter(operation, { status: outcome.includes(APPLIED) ? "applied" : "refused" });
}

function fold(folded: Folded, { seq, changes }: JournalRow): void {
  if (changes.length === 2) return;
  // As above.
  for (const { table, key, row } of JSON.parse(text(changes)) as RowWrite[]) {
    if (row) folded[table].set(key, { seq, row });
    else folded[table].delete(key);
  }
}

function verifyTable({ database }: Store, table: Table, written: Map<string, Written>): void {
  const columns = [...TABLES[table].key, ...TABLES[table].columns];
  const rows = database.query<Row, []>(`SELECT ${columns.join(", ")} FROM ${table} NOT INDEXED`);
  let count = 0;
  for (const row of rows.iterate()) {
    const key = rowKey(table, row);
    const expected = written.get(key);
    if (!expected) throw journalDamaged(`no entry made the row "${key}" of ${table}`);
    count += 1;
    // A column that came later than the entry is null.
    if (columns.some((column) => row[column] !== (expected.row[column] ?? null))) {
      throw journalDamaged(
        `the row "${key}" of ${table} is not what entry ${expected.seq} made it`,
      );
    }
  }
  if (count === written.size) return;
  const found = new Set([...rows.iterate()].map((row) => rowKey(table, row)));
  for (const [key, { seq }] of written) {
    if (!found.has(key))
      throw journalDamaged(`the row "${key}" of ${table} that entry ${seq} made is gone`);
  }
}

/** A trigger would change rows behind the journal's back, and a table without its checks take any value. */
function verifySchema({ database }: Store): void {
  const found = readSchema(database);
  const expected = readExpectedSchema();
  const key = (item: (typeof found)[number]): string => JSON.stringify(item);
  const known = new Set(expected.map(key));
  const foreign = found.find((item) => !known.delete(key(item)));
  if (foreign) {
    throw journalDamaged(`the ${foreign.type} "${foreign.name}" is not as unibus made it`);
  }
  if (known.size > 0) throw journalDamaged(`${known.size} of its tables or indexes are gone`);
}

/** Indexes decide too: who is in which room is read from one. */
function verifyStructure({ database }: Store): void {
  const check = database.query<{ integrity_check: string }, []>("PRAGMA integrity_check(1)").get();
  if (check?.integrity_check !== "ok") {
    throw journalDamaged(`SQLite finds "${check?.integrity_check ?? "nothing"}"`);
  }
}

const APPLIED = '"status":"applied"';
const SIGNATURE_REPEATED = '"code":"signature-repeated"';
/** What is written of an entry whose operation is recorded under an earlier number. */
const REPEATS = ['"status":"repeated"', '"code":"idempotency-conflict"', SIGNATURE_REPEATED];
const decoder = new TextDecoder();

function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
