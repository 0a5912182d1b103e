import { closeSync, openSync } from "node:fs";
import { findBus } from "./journal.ts";
import { openStore, type Store } from "./open.ts";
import { TABLE_NAMES } from "./tables.ts";
import { verifyJournal } from "./verify.ts";

/** Referred to before they refer: users and rooms come before what names them. */
const COPIED = ["bus", "journal", ...TABLE_NAMES] as const;

/** Writes all that a database holds into a new file, which its owner alone can read. */
export function writeCopy({ database }: Store, path: string): void {
  closeSync(openSync(path, "wx", 0o600));
  database.query("VACUUM INTO $path").run({ path });
}

/**
 * Puts what a copy holds into an empty database, in one transaction, after the copy was verified.
 * Throws "journal-damaged" when the copy is not what was written, "schema-too-new" or "level-too-old" when
 * a newer unibus wrote it, and an `Error` when the database is not empty.
 */
export function takeCopy(store: Store, path: string): void {
  const { database } = store;
  {
    // A peer of an earlier version has another schema: the copy is brought to that of today.
    using copy = openStore({ path, random: null });
    verifyJournal(copy);
  }
  database.query("ATTACH $path AS copy").run({ path });
  try {
    database
      .transaction(() => {
        if (findBus(store)) throw new Error("Cannot take a copy: the database here is not empty");
        for (const table of COPIED) {
          database.run(`INSERT INTO main.${table} SELECT * FROM copy.${table}`);
        }
      })
      .immediate();
  } finally {
    database.run("DETACH copy");
  }
  verifyJournal(store);
  store.head?.keep();
}
