import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { createCounter } from "../../scripts/test-runs.ts";
import { proving, recordProof } from "../harness/counts.ts";
import { testedExecutable } from "../harness/executable.ts";

const ROOT = join(import.meta.dir, "../..");
/** What runs the checkout itself, whatever the command is. */
const OF_THE_CHECKOUT = new Set(["fresh-clone", "readme"]);
/** A part that takes a quarter of a minute; `npm run prove` takes all. */
const PART = [
  "attack-subjects",
  "boot-log",
  "explorer",
  "file-modes",
  "kill",
  "locks",
  "members",
  "modes",
  "refused-starts",
  "revoke",
  "secrets",
  "tls",
  "told",
];

/** Clusters are made of the executable too: their messages here, the rest of these in `npm run prove`. */
const CLUSTER_PART = ["forwarding"];
const CLUSTER = [
  ...CLUSTER_PART,
  ...["growth", "join", "nodes", "registry", "remove", "renewal", "restore", "roll", "runbook"],
];

function listFiles(): readonly string[] {
  const all = readdirSync(join(ROOT, "tests/server"))
    .flatMap((name) => /^(.+)\.test\.ts$/.exec(name)?.[1] ?? [])
    .filter((name) => !OF_THE_CHECKOUT.has(name));
  const asked = proving ? all : all.filter((name) => PART.includes(name));
  const clusters = proving ? CLUSTER : CLUSTER_PART;
  return [
    ...asked.map((name) => join(ROOT, `tests/server/${name}.test.ts`)),
    ...clusters.map((name) => join(ROOT, `tests/cluster/${name}.test.ts`)),
  ];
}

/** Files that hold running nodes against the sources themselves, or against their limits. */
const IN_PROCESS_TOO = [
  "client-urls",
  "http-edges",
  "own-connections",
  "refused-growth",
  "renewal-rules",
  "slow-clients",
  "soft-and-off",
  "stalled-readers",
  "watchdog",
  "write-path-disk",
];
/** What tests of processes may have of the sources, by the harness file that has it. */
const MATERIAL = new Set(["tests/harness/certificates.ts", "tests/harness/external-nats.ts"]);

/** The values that a test imports from the sources, through the harness too; types are none. */
function sourcesOf(file: string, seen = new Set<string>()): readonly string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const path = relative(ROOT, file);
  if (path.startsWith("src/")) return [path];
  if (MATERIAL.has(path)) return [];
  return new Bun.Transpiler({ loader: "ts" })
    .scanImports(readFileSync(file, "utf8"))
    .filter((one) => one.path.startsWith("."))
    .flatMap((one) => sourcesOf(join(dirname(file), one.path), seen));
}

test("the tests of nodes know nothing of the sources", () => {
  const knowing = readdirSync(join(ROOT, "tests/server"))
    .map((name) => join(ROOT, "tests/server", name))
    .filter((file) => sourcesOf(file).length > 0)
    .map((file) => basename(file, ".test.ts"));
  expect(knowing).toEqual(expect.arrayContaining(IN_PROCESS_TOO));
  expect(knowing.filter((name) => !IN_PROCESS_TOO.includes(name))).toEqual([]);
  expect(PART.filter((name) => IN_PROCESS_TOO.includes(name))).toEqual([]);
});

test(
  "the executable passes the tests that nodes from source pass",
  async () => {
    const { path, sha256 } = await testedExecutable();
    const files = listFiles();
    expect(files.length).toBeGreaterThanOrEqual(PART.length);
    const child = Bun.spawn([process.execPath, "test", "--timeout", "120000", ...files], {
      cwd: ROOT,
      // The counts of the promises are proved on nodes from source, once.
      env: {
        ...process.env,
        ...{ UNIBUS_COMMAND: path, UNIBUS_TEST_DEPTH: undefined, UNIBUS_PROOF_FILE: undefined },
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    const counter = createCounter();
    for (const line of stderr.split("\n")) counter.take(line);
    const { passed, failed, skipped } = counter.counts(code);
    if (failed > 0) process.stderr.write(`${stdout}${stderr}`);
    expect(failed).toBe(0);
    expect(passed).toBeGreaterThan(100);
    recordProof("executable-suite", { files: files.length, passed, skipped, sha256 });
  },
  30 * 60_000,
);
