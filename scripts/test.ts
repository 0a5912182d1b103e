/**
 * `npm test`: the checks, then every test, each folder in a process of its own; ends with one line,
 * `N passed, N failed` (`, N skipped`). With folders or files as arguments it runs only those.
 */
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { closingLine, failuresOf, type RunCounts, runTests, sumCounts } from "./test-runs.ts";

const ROOT = join(import.meta.dir, "..");
/** Folders whose tests start processes; each is a run of its own, in this order. */
const FOLDERS_APART = [
  "write-path",
  "server",
  "cluster",
  "faults",
  "executable",
  "browser",
  "scripts",
];
const TEST_TIMEOUT_MS = 60_000;
const RUN_TIMEOUT_MS = 40 * 60_000;

/** The paths of each run: the in-process tests together, then the folders apart. */
export function listRuns(testsFolder: string): readonly (readonly string[])[] {
  const folders = readdirSync(testsFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && hasTests(join(testsFolder, entry.name)))
    .map((entry) => entry.name)
    .sort();
  const inProcess = folders.filter((folder) => !FOLDERS_APART.includes(folder));
  const apart = FOLDERS_APART.filter((folder) => folders.includes(folder));
  return [inProcess, ...apart.map((folder) => [folder])]
    .filter((run) => run.length > 0)
    .map((run) => run.map((folder) => join(testsFolder, folder)));
}

function hasTests(folder: string): boolean {
  return readdirSync(folder, { recursive: true }).some((path) => /\.test\.ts$/.test(String(path)));
}

/** Runs the checks as one item: they print what they found. */
async function runChecks(signal: AbortSignal): Promise<RunCounts> {
  const child = Bun.spawn([process.execPath, join(ROOT, "scripts/check.ts"), "--no-tests"], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: RUN_TIMEOUT_MS,
    signal,
  });
  const failed = (await child.exited) === 0 ? 0 : 1;
  return { passed: 1 - failed, failed, skipped: 0, skips: [] };
}

async function main(asked: readonly string[]): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  const { signal } = stop;
  const counts = asked.length > 0 ? [] : [await runChecks(signal)];
  const runs = asked.length > 0 ? asked.map((path) => [path]) : listRuns(join(ROOT, "tests"));
  for (const paths of runs) {
    if (signal.aborted) break;
    counts.push(await run(paths, signal));
  }
  const sum = sumCounts(counts);
  for (const title of sum.skips) say(`skipped: ${title}`);
  if (signal.aborted) say("The tests were stopped before their end");
  process.stdout.write(`${closingLine(sum)}\n`);
  process.exitCode = failuresOf(sum) === 0 && !signal.aborted ? 0 : 1;
}

async function run(paths: readonly string[], signal: AbortSignal): Promise<RunCounts> {
  const missing = paths.filter((path) => !existsSync(path));
  if (missing.length > 0) {
    say(`There is no ${missing.join(", ")}`);
    return { passed: 0, failed: 1, skipped: 0, skips: [] };
  }
  return await runTests({
    // A bare name would be a pattern that other paths may hold too.
    paths: paths.map((path) => resolve(path)),
    env: process.env,
    testTimeoutMs: TEST_TIMEOUT_MS,
    runTimeoutMs: RUN_TIMEOUT_MS,
    signal,
  });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

if (import.meta.main) await main(process.argv.slice(2));
