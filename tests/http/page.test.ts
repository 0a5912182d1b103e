import { describe, expect, test } from "bun:test";
import { PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX } from "../../src/core/limits.ts";
import { pageRows, readPage } from "../../src/http/page.ts";

/** A list of so many rows that answers at most PAGE_ROWS_MAX, as the store does. */
const rowsOf = (count: number) => (limit: number) =>
  Array.from({ length: Math.min(count, limit, PAGE_ROWS_MAX) }, (_, at) => `${at}`);

describe("a page", () => {
  test("has as many rows as are asked for, with a default and a most", () => {
    expect(pageRows(undefined)).toBe(PAGE_ROWS_DEFAULT);
    expect(pageRows("7")).toBe(7);
    expect(pageRows("999999")).toBe(PAGE_ROWS_MAX);
  });

  test("tells where the next begins, only when there is one", () => {
    expect(readPage({ limit: "2" }, rowsOf(3), String)).toEqual({ rows: ["0", "1"], next: "1" });
    expect(readPage({ limit: "2" }, rowsOf(2), String)).toEqual({ rows: ["0", "1"], next: null });
    expect(readPage({ limit: "2" }, rowsOf(0), String)).toEqual({ rows: [], next: null });
  });

  test("of the greatest size never hides what comes behind it", () => {
    const limit = `${PAGE_ROWS_MAX}`;
    const { rows, next } = readPage({ limit }, rowsOf(PAGE_ROWS_MAX + 1), String);
    expect([rows.length, next]).toEqual([PAGE_ROWS_MAX, `${PAGE_ROWS_MAX - 1}`]);
  });
});
