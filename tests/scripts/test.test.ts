import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { listRuns } from "../../scripts/test.ts";
import { createCounter } from "../../scripts/test-runs.ts";
import { eventually } from "../harness/eventually.ts";
import { temporaryFolder } from "../harness/fake-programs.ts";

const SCRIPT = join(import.meta.dir, "../../scripts/test.ts");
const HEAD = 'import { expect, test } from "bun:test";\n';
const PASSING = `${HEAD}test("a", () => {});`;
const FAILING = `${HEAD}test("a", () => {}); test("b", () => expect(1).toBe(2));`;

/** A folder of test folders: `{ "folder/file.test.ts": text }`. */
function aProject(files: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder.path, path)), { recursive: true });
    writeFileSync(join(folder.path, path), text);
  }
  return folder;
}

function start(folders: readonly string[]) {
  return Bun.spawn([process.execPath, SCRIPT, ...folders], { stdout: "pipe", stderr: "pipe" });
}

/** Runs the folders; answers the last line of each stream and the exit code. */
async function run(...folders: readonly string[]) {
  const child = start(folders);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { closing: stdout.trimEnd().split("\n").at(-1), stderr, code };
}

describe("npm test", () => {
  test("sums the runs and closes with one line", async () => {
    using project = aProject({ "a/a.test.ts": PASSING, "b/b.test.ts": PASSING });
    const { closing, code } = await run(join(project.path, "a"), join(project.path, "b"));
    expect({ closing, code }).toEqual({ closing: "2 passed, 0 failed", code: 0 });
  });

  test.each([
    ["a failing test", { "a/a.test.ts": FAILING }, "1 passed, 1 failed"],
    ["a syntax error", { "a/a.test.ts": "test(" }, "0 passed, 1 failed"],
    ["a missing import", { "a/a.test.ts": 'import "./none.ts";' }, "0 passed, 1 failed"],
    [
      "a file that ends the process as if all were well",
      { "a/a.test.ts": PASSING, "a/b.test.ts": `${HEAD}test("b", () => process.exit(0));` },
      "0 passed, 1 failed",
    ],
    [
      "a run that is killed",
      { "a/a.test.ts": `${HEAD}test("a", () => process.kill(process.pid, "SIGKILL"));` },
      "0 passed, 1 failed",
    ],
    [
      "an error after the tests",
      {
        "a/a.test.ts": `${PASSING} import { afterAll } from "bun:test"; afterAll(() => { throw 1; });`,
      },
      "1 passed, 1 failed",
    ],
    ["no test", { "a/a.txt": "" }, "0 passed, 1 failed"],
    ["a test file without tests", { "a/a.test.ts": "" }, "0 passed, 1 failed"],
    ["no folder", { "b/b.test.ts": PASSING }, "0 passed, 1 failed"],
  ])("fails on %s", async (_, files: Readonly<Record<string, string>>, expected) => {
    using project = aProject(files);
    const { closing, code } = await run(join(project.path, "a"));
    expect(closing).toMatch(expected);
    expect(code).toBe(1);
  });

  test("goes on after a run that failed", async () => {
    using project = aProject({ "a/a.test.ts": FAILING, "b/b.test.ts": PASSING });
    const { closing } = await run(join(project.path, "a"), join(project.path, "b"));
    expect(closing).toBe("2 passed, 1 failed");
  });

  test("counts what was skipped, and says its title at the end", async () => {
    const skipping = `${PASSING} test.skip("a page opens (needs a browser)", () => {});`;
    using project = aProject({ "a/a.test.ts": skipping });
    const { closing, stderr, code } = await run(join(project.path, "a"));
    expect({ closing, code }).toEqual({ closing: "1 passed, 0 failed, 1 skipped", code: 0 });
    expect(stderr.trimEnd()).toEndWith("\nskipped: a page opens (needs a browser)");
  });

  test("that is stopped stops its tests, and has failed", async () => {
    const waiting = `${HEAD}import { writeFileSync } from "node:fs";
      test("a", async () => {
        writeFileSync(import.meta.dir + "/pid", String(process.pid));
        await new Promise(() => {});
      });`;
    using project = aProject({ "a/a.test.ts": waiting, "b/b.test.ts": PASSING });
    const child = start([join(project.path, "a"), join(project.path, "b")]);
    const pid = await eventually(
      async () => Number(await Bun.file(join(project.path, "a/pid")).text()),
      { timeoutMs: 20_000 },
    );
    child.kill("SIGTERM");
    expect(await child.exited).toBe(1);
    expect(await new Response(child.stdout).text()).toEndWith("0 passed, 1 failed\n");
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});

test("the folders that start processes run apart, the others together", () => {
  using project = aProject({
    "server/a.test.ts": "",
    "scripts/a.test.ts": "",
    "core/rules/a.test.ts": "",
    "store/a.test.ts": "",
    "harness/a.ts": "",
    "browser/a.ts": "",
  });
  const runs = listRuns(project.path).map((run) => run.map((path) => path.split("/").at(-1)));
  expect(runs).toEqual([["core", "store"], ["server"], ["scripts"]]);
});

describe("a summary of the test runner", () => {
  function counted(lines: readonly string[], exitCode: number) {
    const counter = createCounter();
    for (const line of lines) counter.take(line);
    return counter.counts(exitCode);
  }

  test("is read in colours, and its last numbers count", () => {
    const lines = [
      " 9 pass",
      "\u001b[32m 5 pass\u001b[0m",
      " 0 fail",
      "Ran 5 tests across 1 file. [1ms]",
    ];
    expect(counted(lines, 0)).toEqual({ passed: 5, failed: 0, skipped: 0, skips: [] });
  });

  test("that is missing is a failure, and so is a bad end without a failed test", () => {
    expect(counted([" 5 pass", " 0 fail"], 0)).toMatchObject({ passed: 5, failed: 1 });
    const whole = [" 5 pass", " 0 fail", "Ran 5 tests across 2 files. [1ms]"];
    expect(counted(whole, 1)).toMatchObject({ passed: 5, failed: 1 });
    expect(counted([" 5 pass", " 2 fail", "Ran 7 tests across 2 files."], 1).failed).toBe(2);
  });
});
