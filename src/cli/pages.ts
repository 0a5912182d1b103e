import type { PageOptions } from "../sdk/client.ts";

/** Rows asked for at once. */
const PAGE_ROWS = 1_000;

/** Reads every page of a list. */
export async function allPages<Row>(
  read: (
    page: PageOptions,
  ) => Promise<{ readonly rows: readonly Row[]; readonly next: string | null }>,
): Promise<readonly Row[]> {
  const all: Row[] = [];
  let after: string | null = null;
  do {
    const page = await read({ limit: PAGE_ROWS, ...(after === null ? {} : { after }) });
    all.push(...page.rows);
    after = page.next;
  } while (after !== null);
  return all;
}
