/**
 * `bun run check`: everything that is judged without starting a node. One line per check with its
 * time, then every fault. With `--no-tests` it leaves out the in-process tests.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkLayersOf } from "./layers.ts";
import { checkReferenceOf } from "./reference.ts";
import { checkRequirementsOf } from "./requirements.ts";
import { type CheckResult, faultsOf } from "./source-tree.ts";
import { createCounter } from "./test-runs.ts";
import { checkTidyOf } from "./tidy.ts";

const ROOT = join(import.meta.dir, "..");
const BIN = join(ROOT, "node_modules/.bin");
/** Folders of tests that start processes; `npm test` runs them too. */
const FOLDERS_OF_PROCESSES = ["server", "cluster", "executable", "browser", "scripts", "faults"];
const OTHER_LOCK_FILES =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|bun\.lockb|pnpm-lock\.yaml|deno\.lock)$/;

interface Ran {
  readonly code: number;
  readonly output: string;
}

async function run(command: readonly string[]): Promise<Ran> {
  const child = Bun.spawn([...command], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, output: `${stdout}${stderr}`.trim() };
}

/** A check by another program, whose output says how many files it looked at. */
async function checkByTool(options: {
  readonly name: string;
  readonly command: readonly string[];
  readonly files: RegExp;
}): Promise<CheckResult> {
  const { code, output } = await run(options.command);
  const seen = Number(options.files.exec(output)?.[1] ?? 0);
  // A tool that found nothing may still warn, with exit code 0.
  const clean = code === 0 && !/^Found \d+ warnings?/m.test(output);
  return { name: options.name, seen, what: "files", findings: clean ? [] : [output] };
}

/** What of a package.json the lock's check reads. */
interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/**
 * Says what is wrong with the lock: an address in it would bind a checkout to one registry, a second
 * lock file would differ in time, and `setup` must fetch the very bun that the lock holds.
 */
export function checkLock(facts: {
  readonly lock: string;
  readonly manifest: Manifest;
  readonly files: readonly string[];
}): CheckResult {
  const findings: string[] = [];
  const packages = facts.lock.match(/^ {4}"[^"]+": \["/gm) ?? [];
  if (/https?:/.test(facts.lock)) findings.push("bun.lock holds an address of a registry");
  for (const file of facts.files.filter((path) => OTHER_LOCK_FILES.test(path))) {
    findings.push(`${file} is a lock file beside bun.lock`);
  }
  const inSetup = /\bbun@(\S+)/.exec(facts.manifest.scripts.setup ?? "")?.[1];
  const inLock = facts.manifest.devDependencies.bun;
  if (!inSetup || inSetup !== inLock) {
    findings.push(`package.json: setup fetches bun ${inSetup}, devDependencies say ${inLock}`);
  }
  return { name: "lock", seen: packages.length, what: "packages", findings };
}

async function checkLockOf(root: string): Promise<CheckResult> {
  const tracked = await run(["git", "ls-files"]);
  // Without git, as in an unpacked archive, npm's own lock file may lie there, ignored.
  const files =
    tracked.code === 0
      ? tracked.output.split("\n")
      : readdirSync(root).filter((name) => name !== "package-lock.json");
  return checkLock({
    lock: readFileSync(join(root, "bun.lock"), "utf8"),
    // Our own file; a field that is missing is a finding.
    manifest: JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest,
    files,
  });
}

async function checkTests(): Promise<CheckResult> {
  const folders = readdirSync(join(ROOT, "tests"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !FOLDERS_OF_PROCESSES.includes(entry.name))
    .map((entry) => join(ROOT, "tests", entry.name))
    .filter((folder) =>
      readdirSync(folder, { recursive: true }).some((path) => /\.test\.ts$/.test(String(path))),
    );
  if (folders.length === 0) return { name: "tests", seen: 0, what: "tests", findings: [] };
  const { code, output } = await run([process.execPath, "test", ...folders]);
  const counter = createCounter();
  for (const line of output.split("\n")) counter.take(line);
  const { passed, failed } = counter.counts(code);
  return {
    name: "tests",
    seen: passed + failed,
    what: "tests",
    findings: failed > 0 ? [output] : [],
  };
}

interface Timed {
  readonly name: string;
  readonly line: string;
  readonly faults: readonly string[];
}

async function timed(
  name: string,
  check: () => CheckResult | Promise<CheckResult>,
): Promise<Timed> {
  const startedAt = performance.now();
  const result = await Promise.resolve()
    .then(check)
    .catch((error: unknown): CheckResult => {
      const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return { name, seen: 1, what: "error", findings: [words] };
    });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(2);
  const faults = faultsOf(result);
  const verdict = faults.length === 0 ? "ok" : "FAILED";
  return {
    name,
    line: `${name.padEnd(13)} ${verdict.padEnd(7)} ${seconds.padStart(6)} s  ${result.seen} ${result.what}`,
    faults,
  };
}

async function main(options: { readonly tests: boolean }): Promise<void> {
  const biome = [join(BIN, "biome"), "check", "--max-diagnostics=200"];
  const checks: readonly Promise<Timed>[] = [
    timed("format, lint", () =>
      checkByTool({ name: "format, lint", command: biome, files: /^Checked (\d+) files?/m }),
    ),
    timed("types", () =>
      checkByTool({
        name: "types",
        command: [process.execPath, "check", "--no-script"],
        files: /(?:No type errors in|checked) (\d+) files?/,
      }),
    ),
    timed("lock", () => checkLockOf(ROOT)),
    timed("reference", () => checkReferenceOf(ROOT, "check")),
    timed("layers", () => checkLayersOf(ROOT, "check")),
    timed("tidy", () => checkTidyOf(ROOT)),
    timed("requirements", () => checkRequirementsOf(ROOT, "check")),
    ...(options.tests ? [timed("tests", checkTests)] : []),
  ];
  const faulty: Timed[] = [];
  for (const check of checks) {
    const done = await check;
    process.stdout.write(`${done.line}\n`);
    if (done.faults.length > 0) faulty.push(done);
  }
  for (const { name, faults } of faulty) {
    process.stdout.write(`\n${name}:\n${faults.join("\n")}\n`);
  }
  process.exitCode = faulty.length > 0 ? 1 : 0;
}

if (import.meta.main) await main({ tests: !process.argv.includes("--no-tests") });
