import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, writeProgram } from "../harness/fake-programs.ts";

const NEEDED = [
  "chromium-headless-shell",
  "curl",
  "flock",
  "ip",
  "openssl",
  "ps",
  "python3",
  "setpriv",
  "systemd-analyze",
];

/** A checkout with .ci/run and a machine whose whole PATH is one folder; npm is a script. */
function aMachine(npm: string, options: { readonly missing?: readonly string[] } = {}) {
  const folder = temporaryFolder();
  const bin = join(folder.path, "bin");
  mkdirSync(join(folder.path, ".ci"), { recursive: true });
  mkdirSync(bin);
  copyFileSync(join(import.meta.dir, "../../.ci/run"), join(folder.path, ".ci/run"));
  for (const name of ["bash", "dirname", "grep", "mktemp", "rm", "tail", "tee"]) {
    symlinkSync(Bun.which(name) ?? name, join(bin, name));
  }
  for (const name of NEEDED) {
    if (!options.missing?.includes(name)) writeProgram(join(bin, name), "");
  }
  writeProgram(join(bin, "id"), "echo 0");
  writeProgram(join(bin, "apt-get"), 'echo "$*" >> apt-calls');
  writeProgram(join(bin, "npm"), npm);
  return {
    path: folder.path,
    run: () => {
      const command = [join(bin, "bash"), join(folder.path, ".ci/run")];
      const child = Bun.spawnSync(command, { env: { PATH: bin }, stdin: "ignore" });
      const lines = child.stdout.toString().trimEnd().split("\n");
      return { closing: lines.at(-1), code: child.exitCode };
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe(".ci/run", () => {
  test.each([
    ["passed", "echo '5 passed, 0 failed'", "5 passed, 0 failed", 0],
    ["skipped some", "echo '5 passed, 0 failed, 2 skipped'", "5 passed, 0 failed, 2 skipped", 0],
    ["failed", "echo '4 passed, 1 failed'; echo noise; exit 1", "4 passed, 1 failed", 1],
    ["counted nothing", "echo hello", "0 passed, 1 failed", 1],
    ["died early", "exit 7", "0 passed, 1 failed", 7],
    [
      "are called as npm test",
      '[ "$1" = test ] && echo "1 passed, 0 failed"',
      "1 passed, 0 failed",
      0,
    ],
  ])("closes with the line and the code of tests that %s", (_, npm, closing, code) => {
    using machine = aMachine(npm);
    expect(machine.run()).toEqual({ closing, code });
    expect(existsSync(join(machine.path, "apt-calls"))).toBe(false);
  });

  test("installs what is missing", () => {
    using machine = aMachine("echo '1 passed, 0 failed'", { missing: ["ps", "openssl"] });
    expect(machine.run().code).toBe(0);
    expect(readFileSync(join(machine.path, "apt-calls"), "utf8")).toBe(
      "update -q\ninstall -yq --no-install-recommends openssl procps\n",
    );
  });
});
