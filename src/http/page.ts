import { PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX } from "../core/limits.ts";

/** How many rows one page of a list has: what was asked for, up to the most there may be. */
export function pageRows(limit: string | undefined): number {
  return Math.min(limit === undefined ? PAGE_ROWS_DEFAULT : Number(limit), PAGE_ROWS_MAX);
}

/**
 * Reads one page and where the next one begins. `list` is asked for one row more than the page has,
 * but for no more than PAGE_ROWS_MAX: then the next page may turn out empty.
 */
export function readPage<Row>(
  { limit }: { readonly limit?: string },
  list: (limit: number) => readonly Row[],
  cursorOf: (row: Row) => string,
): { readonly rows: readonly Row[]; readonly next: string | null } {
  const most = pageRows(limit);
  const asked = Math.min(most + 1, PAGE_ROWS_MAX);
  const found = list(asked);
  const rows = found.slice(0, most);
  const last = rows.at(-1);
  const more = found.length === asked;
  return { rows, next: more && last !== undefined ? cursorOf(last) : null };
}
