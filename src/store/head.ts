import { existsSync } from "node:fs";
import { Problem } from "../core/problems.ts";
import { wordsOf } from "../core/thrown.ts";
import { findBeginning } from "./beginning.ts";
import { journalDamaged } from "./faults.ts";
import { type Head, headPath, openHeadFile } from "./head-file.ts";
import { openStore, openStoreForReading, type Store } from "./open.ts";

/**
 * Keeps how far a journal goes outside its database, so that a database which lost its last entries, by
 * damage to its WAL say, is not taken for whole.
 */
export interface HeadKeeper {
  /** Whether there was no such file when the database was opened: an earlier version wrote none. */
  isNew(): boolean;
  /** The last entry that was ever applied here, as far as is known; the database may have lost it. */
  seq(): number;
  /** The entries up to this one are lost in the database and come again from the cluster; else null. */
  lostUpTo(): number | null;
  /**
   * Throws "journal-damaged" when an entry that came again is not the one that was lost. Call it inside
   * the transaction that applies entries.
   */
  verify(): void;
  /** Writes down how far the journal goes; call it when that is on disk. Never throws. */
  keep(): void;
  /** Why that could not be written down, or null. */
  fault(): string | null;
}

/**
 * Opens the database of a node as `openStore` does, and the file beside it that says how far its journal
 * went. In a cluster (`clustered`) a database that lost its last entries is opened too: the cluster's
 * stream has them.
 * Throws "journal-rolled-back" when the database is not as far, or is of another history.
 */
export function openNodeStore(options: {
  readonly path: string;
  readonly random: ((sizeBytes: number) => Uint8Array) | null;
  readonly clustered: boolean;
}): Store {
  const { path, random, clustered } = options;
  using stack = new DisposableStack();
  const file = stack.use(openHeadFile(headPath(path)));
  const known = file.last();
  // Before anything is written: a database that is not right stays as it is.
  const lost = known && judge(path, known, { clustered });
  const store = stack.use(openStore({ path, random }));
  let pending = lost;
  let fault: string | null = null;
  const head: HeadKeeper = {
    isNew: () => known === null,
    seq: () => Math.max(file.last()?.seq ?? 0, pending?.seq ?? 0),
    lostUpTo: () => pending?.seq ?? null,
    verify() {
      const found = pending && findHead(store);
      if (!pending || !found || found.seq < pending.seq) return;
      if (!follows(store, found, pending)) {
        throw journalDamaged(`entry ${pending.seq} of the cluster is not the one that was here`);
      }
    },
    keep() {
      const found = findHead(store);
      if (!found || (pending && found.seq < pending.seq)) return;
      pending = null;
      if (file.last()?.chain === found.chain) return;
      try {
        file.write(found);
        fault = null;
      } catch (error) {
        fault = wordsOf(error);
      }
    },
    fault: () => fault,
  };
  const owned = stack.move();
  return { database: store.database, head, [Symbol.dispose]: () => owned.dispose() };
}

/** Answers the head that the database has lost and a cluster has; null where it has all. */
function judge(path: string, known: Head, { clustered }: { readonly clustered: boolean }) {
  if (!existsSync(path)) throw rolledBack(path, known, "the database is gone");
  // Ours has no such file, and SQLite looks through one of another's only where it may write.
  if (existsSync(`${path}-journal`)) openStore({ path, random: null })[Symbol.dispose]();
  using store = openStoreForReading({ path });
  const found = findHead(store);
  if (!found) throw rolledBack(path, known, "the database is empty");
  if (found.busId !== known.busId || found.generation !== known.generation) {
    throw rolledBack(path, known, `the database is of another bus, ${found.busId}`);
  }
  if (found.seq < known.seq) {
    // One that forgot that it was in a cluster might go on alone.
    if (clustered && findBeginning(store)) return known;
    throw rolledBack(path, known, `the database ends at entry ${found.seq}`);
  }
  if (follows(store, found, known)) return null;
  throw rolledBack(path, known, `entry ${known.seq} of the database is another one`);
}

/** Whether the history that goes as far as `found` has `known` in it. */
function follows({ database }: Store, found: Head, known: Head): boolean {
  if (found.busId !== known.busId || found.generation !== known.generation) return false;
  if (found.seq === known.seq) return found.chain === known.chain;
  // The first chain is made of the bus, which is the same.
  if (known.seq === 0) return true;
  const row = database
    .query<{ chain: Uint8Array }, { seq: number }>("SELECT chain FROM journal WHERE seq = $seq")
    .get({ seq: known.seq });
  return row?.chain.toHex() === known.chain;
}

/** How far the journal of a database goes, whatever version wrote it; null where it has no bus. */
function findHead({ database }: Store): Head | null {
  const table = database.query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'bus'");
  if (table.get() === null) return null;
  const row = database
    .query<{ busId: string; generation: string; seq: number; chain: Uint8Array }, []>(
      "SELECT bus_id AS busId, generation, last_seq AS seq, chain FROM bus",
    )
    .get();
  return row && { ...row, chain: row.chain.toHex() };
}

function rolledBack(path: string, known: Head, found: string): Problem {
  const file = headPath(path);
  return new Problem(
    "journal-rolled-back",
    `Cannot trust the database "${path}": ${found}, and entry ${known.seq} of bus ${known.busId} was recorded here (${file}), so its WAL was damaged or it is an older copy; put the right files back; on a node of a cluster take them from the others: unibus node reset; or remove "${file}" to go on without what was lost, revocations too`,
  );
}
