import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One question to the API, and what each of the askers is to be told. */
export interface Row {
  /** Method and path as OpenAPI has them, less its braces: `GET /v1/rooms/:room`. */
  readonly operation: string;
  /** Which question of that operation; "" where there is only one. */
  readonly what: string;
  /** By asker, the status and the code of the problem: `200`, `403 forbidden`. */
  readonly told: ReadonlyMap<string, string>;
}

/** The tables of docs/authorization.md. */
export interface AuthorizationTables {
  readonly open: readonly Row[];
  readonly byKey: readonly Row[];
  readonly byToken: readonly Row[];
  readonly unsigned: readonly Row[];
}

const PAGE = join(import.meta.dir, "../../docs/authorization.md");
const TOLD = /^\d{3}(?: [a-z-]+)?$/;

/** Reads the page. Throws where a table or a cell is not as it has to be. */
export function readAuthorizationTables(): AuthorizationTables {
  const tables = readTables(readFileSync(PAGE, "utf8")).map(readTable);
  const [open, byKey, byToken, unsigned] = tables;
  if (!open || !byKey || !byToken || !unsigned || tables.length > 4) {
    throw new Error("docs/authorization.md has other tables than it should");
  }
  return { open, byKey, byToken, unsigned };
}

/** Each table as rows of cells, its head first. */
function readTables(text: string): string[][][] {
  const tables: string[][][] = [];
  let inTable = false;
  for (const line of text.split("\n")) {
    const isRow = line.startsWith("|");
    if (isRow && !inTable) tables.push([]);
    inTable = isRow;
    if (isRow && !/^\|[-| ]+\|$/.test(line)) tables.at(-1)?.push(cellsOf(line));
  }
  return tables;
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}

function readTable([head = [], ...body]: string[][]): Row[] {
  const askers = head.slice(2);
  return body.map(([operation = "", what = "", ...cells]) => {
    const wrong = cells.length !== askers.length || cells.some((cell) => !TOLD.test(cell));
    if (wrong) throw new Error(`The row of ${operation} (${what}) has a wrong cell`);
    return { operation, what, told: new Map(askers.map((asker, at) => [asker, cells[at] ?? ""])) };
  });
}
