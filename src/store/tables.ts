import type { RowChange } from "../core/operations.ts";

export type Table = RowChange["table"];

/** A row as it is stored: the columns of its table. */
export type Row = Readonly<Record<string, string | number | null>>;

/** A change of one row, ready to be written. */
export interface RowWrite extends RowChange {
  readonly table: Table;
  readonly row: Row | null;
}

/** The tables that the journal makes: the columns that name a row, and the others. */
export const TABLES = {
  users: {
    key: ["user"],
    columns: [
      ...["name", "name_key", "role", "state", "accept", "created_at", "changed_at"],
      ...["successor", "key_number"],
    ],
  },
  rooms: {
    key: ["room"],
    columns: ["name", "history", "shard", "content", "created_at", "created_by"],
  },
  members: { key: ["room", "user"], columns: ["role", "state", "added_at"] },
  geneses: { key: ["room"], columns: ["record", "signature"] },
  tokens: {
    key: ["token"],
    columns: ["user", "label", "scope", "room", "hash", "created_at", "expires_at"],
  },
  invites: {
    key: ["invite"],
    columns: [
      ...["label", "role", "rooms", "verifier"],
      ...["created_by", "created_at", "expires_at", "redeemed_by"],
    ],
  },
  node_tokens: { key: ["token"], columns: ["created_by", "created_at", "expires_at", "used_by"] },
  nodes: {
    key: ["node"],
    columns: [
      ...["route", "certificate", "certificate_ends_at", "joined_at"],
      ...["client_urls", "api_urls", "version", "format", "announced_at", "removed_at"],
    ],
  },
  rights_taken: { key: ["actor", "user"], columns: ["at"] },
} as const satisfies Readonly<
  Record<Table, { readonly key: readonly string[]; readonly columns: readonly string[] }>
>;

export const TABLE_NAMES = [
  "users",
  "rooms",
  "members",
  "geneses",
  "tokens",
  "invites",
  "node_tokens",
  "nodes",
  "rights_taken",
] as const satisfies readonly Table[];

/** A row with all columns of its table: one that an entry's row does not have, as it came later, is null. */
export function wholeRow(table: Table, row: Row): Row {
  const { key, columns } = TABLES[table];
  return Object.fromEntries([...key, ...columns].map((column) => [column, row[column] ?? null]));
}

/** How a row is named in the journal: its key columns, with a space between. */
export function rowKey(table: Table, row: Row): string {
  return TABLES[table].key.map((column) => row[column]).join(" ");
}

/** The key columns of a row, from how it is named. */
export function keyColumns(table: Table, key: string): Row {
  const values = key.split(" ");
  return Object.fromEntries(TABLES[table].key.map((column, at) => [column, values[at] ?? null]));
}
