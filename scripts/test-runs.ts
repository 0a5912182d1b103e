import { join } from "node:path";
import { readLines } from "../src/system/lines.ts";

const ROOT = join(import.meta.dir, "..");

/** What one run of the test runner counted. */
export interface RunCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Titles of the tests that were skipped; a title names what is missing. */
  readonly skips: readonly string[];
}

export interface RunOptions {
  /** Test files, or folders of them. */
  readonly paths: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long one test may take, unless it says otherwise itself. */
  readonly testTimeoutMs: number;
  readonly runTimeoutMs: number;
  /** Ends the run; its tests count as failed. */
  readonly signal: AbortSignal;
}

/** These tell Bun that a program reads along; it then hides what was skipped, and why. */
const QUIETING = { CLAUDECODE: undefined, REPL_ID: undefined, AGENT: undefined };

/** Runs tests in a process of their own, passes their output through, and counts them. */
export async function runTests(options: RunOptions): Promise<RunCounts> {
  const { paths, env, testTimeoutMs, runTimeoutMs, signal } = options;
  const command = [process.execPath, "test", "--timeout", String(testTimeoutMs), ...paths];
  const child = Bun.spawn(command, {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
    env: { ...env, ...QUIETING },
    timeout: runTimeoutMs,
    signal,
    killSignal: "SIGKILL",
  });
  const counter = createCounter();
  const [shown, read] = child.stderr.tee();
  await Promise.all([show(shown), readLines(read, counter.take)]);
  return counter.counts(await child.exited);
}

/**
 * Counts from the test runner's lines: the last of each kind count, as its summary comes last.
 * A run that ends badly without a failed test has failed once, and so has one without a summary: a
 * test file that calls `process.exit(0)` ends it as if all were well.
 */
export function createCounter(): {
  readonly take: (line: string) => void;
  readonly counts: (exitCode: number) => RunCounts;
} {
  const numbers = { pass: 0, fail: 0, skip: 0, todo: 0 };
  const skips: string[] = [];
  let summarised = false;
  function take(coloured: string): void {
    const line = Bun.stripANSI(coloured);
    const skip = /^\((?:skip|todo)\) (.+)$/.exec(line)?.[1];
    if (skip) skips.push(skip);
    const [, digits, kind] = /^ *(\d+) (pass|fail|skip|todo)$/.exec(line) ?? [];
    if (digits && isKind(kind)) numbers[kind] = Number(digits);
    if (/^Ran \d+ tests? across \d+ files?\./.test(line)) summarised = true;
  }
  function counts(exitCode: number): RunCounts {
    const unexplained = !summarised || (exitCode !== 0 && numbers.fail === 0);
    return {
      passed: numbers.pass,
      failed: numbers.fail + (unexplained ? 1 : 0),
      skipped: numbers.skip + numbers.todo,
      skips,
    };
  }
  function isKind(kind: string | undefined): kind is keyof typeof numbers {
    return kind !== undefined && kind in numbers;
  }
  return { take, counts };
}

export function sumCounts(runs: readonly RunCounts[]): RunCounts {
  return {
    passed: runs.reduce((sum, run) => sum + run.passed, 0),
    failed: runs.reduce((sum, run) => sum + run.failed, 0),
    skipped: runs.reduce((sum, run) => sum + run.skipped, 0),
    skips: runs.flatMap((run) => run.skips),
  };
}

/** The closing line. Where nothing passed, failed or was skipped, that is a failure itself. */
export function closingLine(counts: RunCounts): string {
  const { passed, skipped } = counts;
  const line = `${passed} passed, ${failuresOf(counts)} failed`;
  return skipped > 0 ? `${line}, ${skipped} skipped` : line;
}

export function failuresOf({ passed, failed, skipped }: RunCounts): number {
  return passed + failed + skipped === 0 ? 1 : failed;
}

async function show(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const piece of stream) process.stderr.write(piece);
}
