import { expect, test } from "bun:test";
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, writeProgram } from "../harness/fake-programs.ts";

/** A checkout that has the launcher and nothing else. */
function aCheckout() {
  const folder = temporaryFolder();
  copyFileSync(join(import.meta.dir, "../../unibus"), join(folder.path, "unibus"));
  return folder;
}

test("./unibus in a checkout without packages says what to do", () => {
  using checkout = aCheckout();
  const run = Bun.spawnSync([join(checkout.path, "unibus"), "version"]);
  expect(run.exitCode).toBe(1);
  expect(run.stderr.toString()).toContain("Run: npm run setup");
});

test("./unibus runs the checkout's own Bun, from any folder, through a link, with its arguments", () => {
  using checkout = aCheckout();
  using elsewhere = temporaryFolder();
  mkdirSync(join(checkout.path, "node_modules/.bin"), { recursive: true });
  writeProgram(join(checkout.path, "node_modules/.bin/bun"), 'printf "%s\\n" "$@"; exit 3');
  const link = join(elsewhere.path, "link");
  symlinkSync(join(checkout.path, "unibus"), link);
  const run = Bun.spawnSync([link, "user", "a b", ""], { cwd: elsewhere.path });
  expect(run.stdout.toString().split("\n")).toEqual([
    "--no-env-file",
    `--config=${checkout.path}/bunfig.toml`,
    `--tsconfig-override=${checkout.path}/tsconfig.json`,
    `${checkout.path}/src/main.ts`,
    "user",
    "a b",
    "",
    "",
  ]);
  expect(run.exitCode).toBe(3);
});
