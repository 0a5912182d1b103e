import { PAGE_ROWS_MAX } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import type { PageOptions } from "../sdk/options.ts";

/**
 * Reads every page of a list. Each leads further on, or it would never end.
 * Throws "node-unreachable" when what answers sends one in a circle.
 */
export async function allPages<Row>(
  read: (
    page: PageOptions,
  ) => Promise<{ readonly rows: readonly Row[]; readonly next: string | null }>,
): Promise<readonly Row[]> {
  const all: Row[] = [];
  let after: string | null = null;
  do {
    const page = await read({ limit: PAGE_ROWS_MAX, ...(after === null ? {} : { after }) });
    all.push(...page.rows);
    const leadsOn = page.rows.length > 0 && (after === null || (page.next ?? "") > after);
    if (page.next !== null && !leadsOn) {
      throw new Problem(
        "node-unreachable",
        "Cannot read the list: what answers sends one page again and again, and is no node of unibus",
      );
    }
    after = page.next;
  } while (after !== null);
  return all;
}
