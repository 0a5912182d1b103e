import { Database } from "bun:sqlite";
import { chmodSync, closeSync, openSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { LEVEL_NEWEST, levelTooOld } from "../core/level.ts";
import { SQLITE_BUSY_TIMEOUT_MS } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { createBus } from "./apply-bus.ts";
import { codeOf, faultWords, journalDamaged } from "./faults.ts";
import type { HeadKeeper } from "./head.ts";
import { USERS_ROOMS_MEMBERS } from "./migrations/0001-users-rooms-members.ts";
import { TOKENS_INVITES_ENCRYPTED_ROOMS } from "./migrations/0002-tokens-invites-encrypted-rooms.ts";
import { NUMBERED_REPEATS } from "./migrations/0003-numbered-repeats.ts";
import { NODES } from "./migrations/0004-nodes.ts";
import { NODE_REGISTRY } from "./migrations/0005-node-registry.ts";
import { LEVELS } from "./migrations/0006-levels.ts";

/** Append-only: what ran on somebody's data is never edited. */
const MIGRATIONS: readonly string[] = [
  USERS_ROOMS_MEMBERS,
  TOKENS_INVITES_ENCRYPTED_ROOMS,
  NUMBERED_REPEATS,
  NODES,
  NODE_REGISTRY,
  LEVELS,
];
/** "unib": tells our database from another program's. */
const APPLICATION_ID = 0x756e6962;

export interface Store extends Disposable {
  readonly database: Database;
  /** Keeps how far the journal goes; null where it is a copy, or opened for reading. */
  readonly head: HeadKeeper | null;
}

/**
 * Opens the database of a node for writing; makes and migrates it if needed, in a folder that exists.
 * Its files are readable by their owner alone. `random` gives a new bus its id and generation; with
 * null no bus is made: the first entry of a cluster's journal names it.
 * Throws "schema-too-new" and "level-too-old" for the data of a newer unibus, "start-failed" for
 * another program's.
 */
export function openStore(options: {
  readonly path: string;
  readonly random: ((sizeBytes: number) => Uint8Array) | null;
}): Store {
  return openDatabase(options.path, (path) => {
    makeMissing(path);
    const database = new Database(path, { strict: true, readwrite: true, create: false });
    return prepared(database, options.path, () => {
      makePrivate(path);
      database.run("PRAGMA journal_mode = WAL");
      database.run("PRAGMA synchronous = FULL");
      // A table that is made anew may not take the rows with it that refer to its own.
      database.run("PRAGMA foreign_keys = OFF");
      database.transaction(() => migrate(database, options)).immediate();
      database.run("PRAGMA foreign_keys = ON");
    });
  });
}

/** What the migrations make, as SQLite keeps it: tables, indexes, and no trigger or view. */
export function readExpectedSchema(): readonly SchemaItem[] {
  using database = new Database(":memory:", { strict: true });
  for (const migration of MIGRATIONS) database.run(migration);
  return readSchema(database);
}

/** Everything that is in the schema of a database, but for what SQLite itself puts there. */
export function readSchema(database: Database): readonly SchemaItem[] {
  return database
    .query<SchemaItem, []>(
      `SELECT type, name, tbl_name AS tableName, sql FROM sqlite_schema
       WHERE name NOT GLOB 'sqlite_*' ORDER BY type, name`,
    )
    .all();
}

interface SchemaItem {
  readonly type: string;
  readonly name: string;
  readonly tableName: string;
  readonly sql: string | null;
}

/** Opens the database of a running node for reading alone: for the Worker that decides logins. */
export function openStoreForReading(options: { readonly path: string }): Store {
  return openDatabase(options.path, (path) => {
    const database = new Database(path, { strict: true, readonly: true });
    return prepared(database, options.path, () => {});
  });
}

/** `open` gets the path from the root on: SQLite means no file by some names, such as ":memory:". */
function openDatabase(path: string, open: (absolute: string) => Database): Store {
  try {
    const database = open(resolve(path));
    return { database, head: null, [Symbol.dispose]: () => database.close() };
  } catch (error) {
    if (error instanceof Problem) throw error;
    const damaged = ["SQLITE_CORRUPT", "SQLITE_NOTADB"].includes(codeOf(error));
    throw damaged
      ? journalDamaged(`SQLite cannot read "${path}"`, error)
      : new Problem("start-failed", `Cannot open the database "${path}": ${faultWords(error)}`, {
          cause: error,
        });
  }
}

function prepared(database: Database, path: string, prepare: () => void): Database {
  try {
    database.run(`PRAGMA busy_timeout = ${SQLITE_BUSY_TIMEOUT_MS}`);
    refuseForeign(database, path);
    prepare();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Makes a file where there is nothing, and touches nothing that is there. */
function makeMissing(path: string): void {
  const about = statSync(path, { throwIfNoEntry: false });
  if (about?.isFile() === false) {
    throw new Problem(
      "start-failed",
      `Cannot open the database "${path}": it is no file, name one with --db`,
    );
  }
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

/** Takes from others what rights they have to our file; SQLite's own files follow it. */
function makePrivate(path: string): void {
  // By name, not by handle: closing a handle would drop the locks that SQLite holds on the file.
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    const mode = statSync(file, { throwIfNoEntry: false })?.mode;
    if (mode !== undefined && (mode & 0o777) !== 0o600) chmodSync(file, 0o600);
  }
}

function refuseForeign(database: Database, path: string): void {
  const version = pragma(database, "user_version");
  const known = pragma(database, "application_id") === APPLICATION_ID;
  const tables = database.query<{ count: number }, []>(
    "SELECT count(*) AS count FROM sqlite_schema",
  );
  if (!known && (version > 0 || (tables.get()?.count ?? 0) > 0)) {
    throw new Problem(
      "start-failed",
      `Cannot open the database "${path}": another program made it, name a new file with --db`,
    );
  }
  if (version > MIGRATIONS.length) throw tooNew(`its schema is version ${version}`);
}

function migrate(
  database: Database,
  { random }: { random: ((sizeBytes: number) => Uint8Array) | null },
): void {
  const version = pragma(database, "user_version");
  for (const migration of MIGRATIONS.slice(version)) database.run(migration);
  if (version < MIGRATIONS.length && database.query("PRAGMA foreign_key_check").get() !== null) {
    throw journalDamaged("rows refer to others that are gone");
  }
  if (version === 0) database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
  if (random && isUnused(database)) {
    createBus(database, {
      busId: random(16).toHex(),
      generation: random(16).toHex(),
      level: LEVEL_NEWEST,
    });
  }
  if (version < MIGRATIONS.length) database.run(`PRAGMA user_version = ${MIGRATIONS.length}`);
  const bus = database.query<{ level: number }, []>("SELECT format AS level FROM bus").get();
  if (bus && bus.level > LEVEL_NEWEST) throw levelTooOld("the bus in the database", bus.level);
}

/** True where no bus was named and nothing was ever entered. */
function isUnused(database: Database): boolean {
  return database.query("SELECT 1 FROM bus UNION ALL SELECT 1 FROM journal").get() === null;
}

function tooNew(reason: string): Problem {
  return new Problem(
    "schema-too-new",
    `Cannot open the database: ${reason} and this unibus is older, start the newer unibus again`,
  );
}

function pragma(database: Database, name: "user_version" | "application_id"): number {
  return database.query<Record<string, number>, []>(`PRAGMA ${name}`).get()?.[name] ?? 0;
}
