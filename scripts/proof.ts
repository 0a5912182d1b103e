import type { RunCounts } from "./test-runs.ts";

/** What a test counted or measured, as tests/harness/counts.ts writes it. */
export interface ProofRecord {
  readonly name: string;
  readonly numbers: Readonly<Record<string, number | string>>;
}

/** One line of docs/proof.md. */
export interface ProofRow extends ProofRecord {
  /** RFC 3339, UTC: when the test file began. */
  readonly date: string;
  readonly commit: string;
  readonly file: string;
  readonly result: string;
}

/** Reads the lines that the tests of one file recorded. */
export function parseRecords(text: string): readonly ProofRecord[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** The rows of one test file. A file that failed has a row even when it recorded nothing. */
export function rowsOf(
  records: readonly ProofRecord[],
  run: {
    readonly file: string;
    readonly date: string;
    readonly commit: string;
    readonly counts: RunCounts;
  },
): readonly ProofRow[] {
  const { counts, ...about } = run;
  const result = resultOf(counts);
  if (records.length === 0 && counts.failed > 0) {
    return [{ ...about, name: "(nothing recorded)", numbers: {}, result }];
  }
  return records.map(({ name, numbers }) => ({ ...about, name, numbers, result }));
}

/** The result of a whole file: a record says nothing about the test that failed beside it. */
function resultOf({ passed, failed, skipped }: RunCounts): string {
  if (failed > 0) return `FAILED (${failed} of ${passed + failed} tests)`;
  return skipped > 0 ? `passed, ${skipped} skipped` : "passed";
}

/** Replaces the rows of the files that ran, and drops those of files that are gone. */
export function mergeProof(
  before: readonly ProofRow[],
  now: {
    readonly present: readonly string[];
    readonly ran: readonly string[];
    readonly rows: readonly ProofRow[];
  },
): readonly ProofRow[] {
  const kept = before.filter(
    (row) => now.present.includes(row.file) && !now.ran.includes(row.file),
  );
  return [...kept, ...now.rows].sort(
    (a, b) => a.file.localeCompare(b.file, "en") || a.name.localeCompare(b.name, "en"),
  );
}

/** Renders docs/proof.md. */
export function renderProof(rows: readonly ProofRow[]): string {
  const lines = rows.map((row) => {
    const { seed, ...numbers } = row.numbers;
    const date = row.date.slice(0, 16).replace("T", " ");
    const counted = Object.entries(numbers).map(([name, value]) => `${name} ${value}`);
    const cells = [
      date,
      row.commit,
      row.name,
      counted.join(", "),
      String(seed ?? ""),
      row.result,
      `\`${row.file}\``,
    ];
    return `| ${cells.map(cellOf).join(" | ")} |`;
  });
  return [
    "# Proof",
    "",
    "What the tests counted and measured at the depth of the promises. Written by `npm run prove`;",
    "`npm run prove -- PART` runs the test files whose path holds PART and replaces their rows only.",
    "`+changes` after a commit: the tree held more than the commit.",
    "",
    "| date (UTC) | commit | name | counts | seed | result | test file |",
    "|---|---|---|---|---|---|---|",
    ...lines,
    "",
  ].join("\n");
}

function cellOf(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
