import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testedExecutable } from "../harness/executable.ts";
import { temporaryFolder } from "../harness/unibus.ts";

let executable: string;
beforeAll(async () => {
  executable = (await testedExecutable()).path;
});

/** Foreign code: it leaves a file behind when it runs. */
const FOREIGN = 'require("node:fs").writeFileSync("ran", "");';

/** Runs the executable in a folder that holds foreign code; tells whether that ran. */
async function runAmong(
  files: Readonly<Record<string, string>>,
  options: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> },
) {
  using folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text);
  const child = Bun.spawn([executable, ...(options.args ?? ["version"])], {
    cwd: folder.path,
    env: { ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr, ran: existsSync(join(folder.path, "ran")) };
}

describe("the executable runs nothing but what is inside", () => {
  test.each([
    ["a file by --preload", "--preload ./foreign.js"],
    ["a file by --import", "--import ./foreign.js"],
    ["a file by --require", "--require ./foreign.js"],
    ["a text by --preload", `--preload data:text/javascript,${FOREIGN.replaceAll('"', "%22")}`],
    ["the inspector", "--inspect=127.0.0.1:0"],
    ["eval, by an option that would allow it again", "--disallow-code-generation-from-strings"],
  ])("with BUN_OPTIONS that ask for %s", async (_what, BUN_OPTIONS) => {
    const { stdout, ran } = await runAmong({ "foreign.js": FOREIGN }, { env: { BUN_OPTIONS } });
    expect(ran).toBe(false);
    // Bun ends there, or goes on without what was asked.
    expect(["", expect.stringMatching(/^unibus \d/)]).toContainEqual(stdout);
  });

  test("with the inspector in BUN_INSPECT", async () => {
    const { code, stdout } = await runAmong({}, { env: { BUN_INSPECT: "127.0.0.1:0" } });
    expect([code, stdout]).toEqual([1, ""]);
  });

  test("in a folder with a bunfig.toml, a tsconfig.json and a package.json", async () => {
    const { code, stdout, ran } = await runAmong(
      {
        "foreign.js": FOREIGN,
        "bunfig.toml": 'preload = ["./foreign.js"]\n',
        "tsconfig.json": '{"compilerOptions":{"paths":{"*":["./foreign.js"]}}}',
        "package.json": '{"type":"commonjs","imports":{"#x":"./foreign.js"}}',
      },
      {},
    );
    expect([code, ran]).toEqual([0, false]);
    expect(stdout).toMatch(/^unibus \d/);
  });

  test("and reads no .env of the folder it is started in", async () => {
    const { code, stderr } = await runAmong(
      { ".env": "UNIBUS_BUS_AUTH=nonsense\n", ".env.production": "UNIBUS_BUS_AUTH=nonsense\n" },
      { args: ["serve", "--http-port", "x"] },
    );
    expect([code, stderr]).toEqual([2, expect.stringContaining("--http-port")]);
  });

  test("and takes no option of Bun's on its command line", async () => {
    const { code, stderr, ran } = await runAmong(
      { "foreign.js": FOREIGN },
      { args: ["--preload", "./foreign.js", "version"] },
    );
    expect([code, ran]).toEqual([2, false]);
    expect(stderr).toContain("--preload");
  });
});

test("BUN_BE_BUN turns the executable into Bun, and nothing of ours runs: Bun cannot be told otherwise", async () => {
  const { code, ran } = await runAmong(
    { "foreign.js": FOREIGN },
    { args: ["run", "./foreign.js"], env: { BUN_BE_BUN: "1" } },
  );
  expect([code, ran]).toEqual([0, true]);
});
