import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CheckResult, faultsOf, readSources, type Source } from "./source-tree.ts";

/** A test that names rows in brackets in its title: `… is refused [M-041, G-07]`. */
export interface NamedTest {
  readonly file: string;
  /** The title without the brackets. */
  readonly title: string;
  readonly rows: readonly string[];
}

/** One row of docs/requirements.md: `| ID | requirement | state | tests |`. */
interface Row {
  readonly id: string;
  readonly words: string;
  readonly state: string;
  readonly tests: string;
}

const ROW = /^\| ([MG]-\d{2,3}) \| (.*?) \| ((?:here|later)[^|]*) \| (.*?) ?\|$/;
const LOOKS_LIKE_ROW = /^\|\s*[MG]-\d/;
/** `here`, a part of it here and the rest later, or all of it later; with what, each time. */
const STATE = /^(?:here|here: [^;]+; later: .+|later: .+)$/;
const ROW_IDS = /\s*\[((?:M-\d{3}|G-\d{2})(?:,\s*(?:M-\d{3}|G-\d{2}))*)\]/g;
/** `test`, `test.each`, `describe.skipIf`; never one that is always skipped. */
const RUNS_TESTS = /^(?:test|it|describe)(?:\.(?!(?:skip|todo)\b)\w+)*$/;

/** Finds the tests that name rows. A test that is always skipped proves nothing and is left out. */
export function namedTests(sources: readonly Source[]): readonly NamedTest[] {
  return sources
    .filter(({ path }) => path.endsWith(".test.ts"))
    .flatMap((source) =>
      source.strings.flatMap((span) => {
        const title = source.text.slice(span.start + 1, span.end - 1).replace(/\\(.)/g, "$1");
        const rows = [...title.matchAll(ROW_IDS)].flatMap((match) => match[1]?.split(/,\s*/) ?? []);
        if (rows.length === 0 || !RUNS_TESTS.test(calledAt(source.code, span.start))) return [];
        return [{ file: source.path, title: title.replace(ROW_IDS, "").trim(), rows }];
      }),
    );
}

/** The name of the function whose first argument stands here, past arguments of its own: `f(…)(`. */
function calledAt(code: string, at: number): string {
  let before = code.slice(0, at).trimEnd();
  if (!before.endsWith("(")) return "";
  before = before.slice(0, -1).trimEnd();
  if (before.endsWith(")")) {
    let depth = 0;
    let open = before.length - 1;
    for (; open >= 0; open--) {
      const character = before.charAt(open);
      if (character === ")") depth++;
      if (character === "(" && --depth === 0) break;
    }
    before = before.slice(0, open).trimEnd();
  }
  return /[\w$.]*$/.exec(before)?.[0] ?? "";
}

function readRow(line: string): Row | null {
  const [, id, words, state, tests] = ROW.exec(line) ?? [];
  if (!id || !words || !state || tests === undefined || !STATE.test(state)) return null;
  return { id, words, state, tests };
}

function testsCell(id: string, tests: readonly NamedTest[]): string {
  return tests
    .filter((test) => test.rows.includes(id))
    .map(({ file, title }) => `${file}: ${title.replaceAll("|", "\\|").replaceAll("\n", " ")}`)
    .join("<br>");
}

/** The document with the column of tests renewed. */
export function withTests(document: string, tests: readonly NamedTest[]): string {
  return document
    .split("\n")
    .map((line) => {
      const row = readRow(line);
      if (!row) return line;
      return `| ${row.id} | ${row.words} | ${row.state} | ${testsCell(row.id, tests)} |`;
    })
    .join("\n");
}

/**
 * Checks the document against the tests: each row that is here, in whole or in part, is named by a
 * test; each named row exists; the column of tests is as it would be written.
 */
export function checkRequirements(document: string, tests: readonly NamedTest[]): CheckResult {
  const findings: string[] = [];
  const rows = new Map<string, Row>();
  for (const line of document.split("\n")) {
    if (!LOOKS_LIKE_ROW.test(line)) continue;
    const row = readRow(line);
    if (!row) findings.push(`docs/requirements.md has a row of another form: ${line}`);
    else if (rows.has(row.id)) findings.push(`docs/requirements.md has ${row.id} twice`);
    else rows.set(row.id, row);
  }
  for (const { file, title, rows: named } of tests) {
    for (const id of named) {
      if (!rows.has(id)) findings.push(`${file} names ${id}, which is no requirement: ${title}`);
    }
  }
  const proved = new Set(tests.flatMap((test) => test.rows));
  for (const { id, state } of rows.values()) {
    if (state.startsWith("here") && !proved.has(id)) {
      findings.push(`${id} is marked "here" and no test names it`);
    }
  }
  if (withTests(document, tests) !== document) {
    findings.push(
      "docs/requirements.md differs from the tests. Run: bun scripts/requirements.ts --write",
    );
  }
  return { name: "requirements", seen: rows.size, what: "rows", findings };
}

/** Checks the project's document, after renewing it when asked. */
export function checkRequirementsOf(root: string, write: "write" | "check"): CheckResult {
  const path = join(root, "docs/requirements.md");
  const tests = namedTests(readSources(root, ["tests"]));
  const document = readFileSync(path, "utf8");
  const renewed = write === "write" ? withTests(document, tests) : document;
  if (renewed !== document) writeFileSync(path, renewed);
  return checkRequirements(renewed, tests);
}

if (import.meta.main) {
  const write = process.argv.includes("--write") ? "write" : "check";
  const faults = faultsOf(checkRequirementsOf(join(import.meta.dir, ".."), write));
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
