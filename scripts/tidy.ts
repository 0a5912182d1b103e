import { dirname, join } from "node:path";
import * as limits from "../src/core/limits.ts";
import { PROBLEMS } from "../src/core/problems.ts";
import { functionBodies } from "./functions.ts";
import { importsOf } from "./layers.ts";
import { type CheckResult, faultsOf, placeOf, readSources, type Source } from "./source-tree.ts";

const FILE_LINES_MAX = 300;
/** A table, which is looked up and not read through. */
const LIMITS = "src/core/limits.ts";
const FUNCTION_LINES_MAX = 60;

/** What the checks look at. */
export interface Tree {
  readonly sources: readonly Source[];
  readonly problemCodes: readonly string[];
  readonly limitNames: readonly string[];
}

/** Every check by its name. */
export const TIDY_CHECKS = {
  "long files": findLongFiles,
  "long functions": findLongFunctions,
  "open ends": findOpenEnds,
  "sources without a test": findUntested,
  "problems without a test": findUnprovoked,
  "limits nobody reads": findUnreadLimits,
  mocks: findMocks,
  sleeps: findSleeps,
} as const satisfies Readonly<Record<string, (tree: Tree) => Omit<CheckResult, "name">>>;

function findLongFiles({ sources }: Tree) {
  const findings = sources.flatMap((source) => {
    const lines = source.text.trimEnd().split("\n").length;
    return lines > FILE_LINES_MAX && source.path !== LIMITS
      ? [`${source.path} has ${lines} lines; at most ${FILE_LINES_MAX}`]
      : [];
  });
  return { seen: sources.length, what: "files", findings };
}

function findLongFunctions({ sources }: Tree) {
  let seen = 0;
  const findings: string[] = [];
  for (const source of sources) {
    for (const { start, lines } of functionBodies(source)) {
      seen++;
      if (lines > FUNCTION_LINES_MAX) {
        findings.push(
          `${placeOf(source, start)} has a function of ${lines} lines; at most ${FUNCTION_LINES_MAX}`,
        );
      }
    }
  }
  return { seen, what: "functions", findings };
}

const OPEN_END = /\bFIXME\b|\bXXX\b|\bTODO\b(?!\(#\d+\))/g;

function findOpenEnds({ sources }: Tree) {
  let seen = 0;
  const findings: string[] = [];
  for (const source of sources) {
    for (const comment of source.comments) {
      seen++;
      const words = source.text.slice(comment.start, comment.end);
      for (const match of words.matchAll(OPEN_END)) {
        findings.push(
          `${placeOf(source, comment.start + match.index)} has ${match[0]}: write TODO(#number) of an issue, or do it`,
        );
      }
    }
  }
  return { seen, what: "comments", findings };
}

function ofFolder(sources: readonly Source[], folder: string): readonly Source[] {
  return sources.filter((source) => source.path.startsWith(`${folder}/`));
}

/** The tests that try the product; those of the scripts only speak of its files. */
function productTests(sources: readonly Source[]): readonly Source[] {
  return ofFolder(sources, "tests").filter(({ path }) => !path.startsWith("tests/scripts/"));
}

/**
 * A source file counts as tried when a test imports it, names it or mirrors its path, or when a file
 * that is tried imports it: tests of processes name only `src/main.ts`. What is left is dead.
 */
function findUntested({ sources }: Tree) {
  const tests = productTests(sources);
  const mirrored = new Set(tests.map((test) => test.path));
  const words = tests.map((test) => test.text).join("\n");
  const own = ofFolder(sources, "src");
  const isNamed = ({ path }: Source): boolean => {
    const mirror = path.replace(/^src\//, "tests/").replace(/\.ts$/, ".test.ts");
    return mirrored.has(mirror) || words.includes(path);
  };
  const tried = reachable(own.filter(isNamed), own);
  const findings = own
    .filter(({ path }) => !tried.has(path))
    .map(({ path }) => `${path}: no test imports or names it`);
  return { seen: tests.length > 0 ? own.length : 0, what: "sources", findings };
}

/** A Worker's file is named by its URL, not imported. */
const WORKER = /new URL\("(\.[^"]+)", import\.meta\.url\)/g;

function reachable(from: readonly Source[], all: readonly Source[]): ReadonlySet<string> {
  const byPath = new Map(all.map((source) => [source.path, source]));
  const found = new Set<string>();
  const waiting = [...from];
  for (let source = waiting.pop(); source; source = waiting.pop()) {
    if (found.has(source.path)) continue;
    found.add(source.path);
    const workers = [...source.text.matchAll(WORKER)].map(([, path = ""]) => path);
    for (const path of [...importsOf(source).map(({ specifier }) => specifier), ...workers]) {
      const imported = byPath.get(join(dirname(source.path), path));
      if (imported) waiting.push(imported);
    }
  }
  return found;
}

function findUnprovoked({ sources, problemCodes }: Tree) {
  const words = productTests(sources)
    .map((test) => test.text)
    .join("\n");
  const findings = problemCodes
    .filter((code) => !words.includes(`"${code}"`))
    .map((code) => `The problem "${code}" is named by no test`);
  return { seen: problemCodes.length, what: "problems", findings };
}

function findUnreadLimits({ sources, limitNames }: Tree) {
  const code = ofFolder(sources, "src")
    .filter(({ path }) => path !== LIMITS)
    .map((source) => source.code)
    .join("\n");
  const findings = limitNames
    .filter((name) => !new RegExp(`\\b${name}\\b`).test(code))
    .map((name) => `The limit ${name} of src/core/limits.ts is read by nobody`);
  return { seen: limitNames.length, what: "limits", findings };
}

const MOCK =
  /\bmock\.module\b|\bspyOn\(\s*(?!(?:Date|Math|performance|globalThis|console|process)\b)/g;

function findMocks({ sources }: Tree) {
  return findInTests(ofFolder(sources, "tests"), MOCK, "mocks our own code: run the real thing");
}

const SLEEP = /\bsleep(?:Sync)?\(|\bsetTimeout\(\s*(?:resolve|done)\b|\bscheduler\.wait\(/g;

function findSleeps({ sources }: Tree) {
  const tests = ofFolder(sources, "tests").filter(({ path }) => !path.startsWith("tests/harness/"));
  return findInTests(tests, SLEEP, "sleeps: await what it waits for, with eventually()");
}

function findInTests(tests: readonly Source[], pattern: RegExp, fault: string) {
  const findings = tests.flatMap((test) =>
    [...test.code.matchAll(pattern)].map((match) => `${placeOf(test, match.index)} ${fault}`),
  );
  return { seen: tests.length, what: "tests", findings };
}

/** Runs every check over a tree; one that saw nothing is a finding itself. */
export function checkTidy(tree: Tree): CheckResult {
  const findings = Object.entries(TIDY_CHECKS).flatMap(([name, check]) =>
    faultsOf({ name, ...check(tree) }),
  );
  return { name: "tidy", seen: tree.sources.length, what: "files", findings };
}

/** Runs every check over the project. */
export function checkTidyOf(root: string): CheckResult {
  return checkTidy({
    sources: readSources(root, ["src", "scripts", "tests"]),
    problemCodes: Object.keys(PROBLEMS),
    limitNames: Object.keys(limits),
  });
}

if (import.meta.main) {
  const faults = faultsOf(checkTidyOf(join(import.meta.dir, "..")));
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
