import { expect, test } from "bun:test";
import { keyColumns, rowKey, TABLE_NAMES, TABLES } from "../../src/store/tables.ts";
import { openTestBus } from "../harness/builders.ts";

test.each(TABLE_NAMES)("every column of %s is written and compared", (table) => {
  using bus = openTestBus();
  const columns = bus.store.database
    .query<{ name: string; pk: number }, []>(`PRAGMA table_info(${table})`)
    .all();
  expect([...TABLES[table].key, ...TABLES[table].columns] as string[]).toEqual(
    columns.map(({ name }) => name),
  );
  const inKey = columns.filter(({ pk }) => pk > 0).map(({ name }) => name);
  expect(TABLES[table].key as readonly string[]).toEqual(inKey);
});

test("a row's name and its key columns say the same", () => {
  const row = { room: "r", user: "u", role: "owner" };
  expect(rowKey("members", row)).toBe("r u");
  expect(keyColumns("members", "r u")).toEqual({ room: "r", user: "u" });
});
