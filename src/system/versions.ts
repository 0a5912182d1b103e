import { Database } from "bun:sqlite";

/** The version of SQLite in this Bun. */
export function sqliteVersion(): string {
  using database = new Database(":memory:");
  const row = database.query<{ version: string }, []>("SELECT sqlite_version() AS version").get();
  return row?.version ?? "unknown";
}
