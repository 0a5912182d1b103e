/**
 * `npm run prove [-- PART…]`: the tests at the depth of the promises, and docs/proof.md from what
 * they counted. PART is a piece of a test file's path; without one, all files run. The rows of files
 * that did not run stay as they are.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mergeProof, type ProofRow, parseRecords, renderProof, rowsOf } from "./proof.ts";
import { closingLine, failuresOf, type RunCounts, runTests, sumCounts } from "./test-runs.ts";

const ROOT = join(import.meta.dir, "..");
const PROOF_TABLE = "docs/proof.md";
/** The same rows for a program: a partial run merges into them. */
const PROOF_ROWS = "docs/proof.json";
const TEST_TIMEOUT_MS = 30 * 60_000;
const RUN_TIMEOUT_MS = 3 * 3_600_000;

function listTestFiles(): readonly string[] {
  return readdirSync(join(ROOT, "tests"), { recursive: true })
    .map((path) => `tests/${String(path)}`)
    .filter((path) => path.endsWith(".test.ts"))
    .sort();
}

/** The commit that is proved, marked when the tree holds more than it; the proof itself is not meant. */
export function commitOfTree(): string {
  const commit = git("rev-parse", "--short", "HEAD");
  if (!commit) return "unknown";
  const changes = git("status", "--porcelain", "--", ".", `:!${PROOF_TABLE}`, `:!${PROOF_ROWS}`);
  return changes === "" ? commit : `${commit}+changes`;
}

function git(...args: readonly string[]): string | null {
  if (!Bun.which("git")) return null;
  const child = Bun.spawnSync(["git", ...args], { cwd: ROOT, stderr: "ignore" });
  return child.exitCode === 0 ? child.stdout.toString().trim() : null;
}

async function proveFile(
  file: string,
  options: { readonly commit: string; readonly signal: AbortSignal },
): Promise<{ readonly counts: RunCounts; readonly rows: readonly ProofRow[] }> {
  const folder = mkdtempSync(join(tmpdir(), "unibus-proof-"));
  try {
    const records = join(folder, "records");
    const date = new Date().toISOString();
    const counts = await runTests({
      paths: [join(ROOT, file)],
      env: { ...process.env, UNIBUS_TEST_DEPTH: "prove", UNIBUS_PROOF_FILE: records },
      testTimeoutMs: TEST_TIMEOUT_MS,
      runTimeoutMs: RUN_TIMEOUT_MS,
      signal: options.signal,
    });
    const text = existsSync(records) ? readFileSync(records, "utf8") : "";
    const run = { file, date, commit: options.commit, counts };
    return { counts, rows: rowsOf(parseRecords(text), run) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(parts: readonly string[]): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  const present = listTestFiles();
  const asked = present.filter(
    (file) => parts.length === 0 || parts.some((part) => file.includes(part)),
  );
  const commit = commitOfTree();
  const counts: RunCounts[] = [];
  const rows: ProofRow[] = [];
  const ran: string[] = [];
  for (const file of asked) {
    const proved = await proveFile(file, { commit, signal: stop.signal });
    // A run that was stopped proves nothing, and takes nothing back either.
    if (stop.signal.aborted) break;
    counts.push(proved.counts);
    rows.push(...proved.rows);
    ran.push(file);
  }
  writeProof(mergeProof(readProof(), { present, ran, rows }));
  const sum = sumCounts(counts);
  for (const title of sum.skips) process.stderr.write(`skipped: ${title}\n`);
  process.stderr.write(`${rows.length} rows of ${PROOF_TABLE} are new\n`);
  process.stdout.write(`${closingLine(sum)}\n`);
  process.exitCode = failuresOf(sum) === 0 && !stop.signal.aborted ? 0 : 1;
}

function readProof(): readonly ProofRow[] {
  const path = join(ROOT, PROOF_ROWS);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : [];
}

function writeProof(rows: readonly ProofRow[]): void {
  writeFileSync(join(ROOT, PROOF_ROWS), `${JSON.stringify(rows, null, 2)}\n`);
  writeFileSync(join(ROOT, PROOF_TABLE), renderProof(rows));
}

if (import.meta.main) await main(process.argv.slice(2));
