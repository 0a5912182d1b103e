import { describe, expect, test } from "bun:test";
import { readTree, renderCompletions, SHELLS } from "../../src/cli/command-tree.ts";
import { root } from "../../src/cli/root.ts";
import { run } from "../harness/unibus.ts";

const tree = await readTree(root);

/** What bash offers behind some words. */
function offered(...words: readonly string[]): readonly string[] {
  const typed = words.map((word) => `'${word}'`).join(" ");
  const ask = `COMP_WORDS=(unibus ${typed}); COMP_CWORD=${words.length}; _unibus; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const script = `${renderCompletions("bash", tree)}\n${ask}`;
  const { stdout } = Bun.spawnSync(["bash", "-c", script], { stderr: "ignore" });
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

describe("completions", () => {
  test("lead through the commands to their options", () => {
    expect(offered("ro")).toEqual(["room"]);
    expect(offered("user", "re")).toEqual(["replace-key", "revoke", "restore"]);
    expect(offered("invite", "create", "--ro")).toEqual(["--role", "--room"]);
    expect(offered("user", "add", "--n")).toEqual(["--name"]);
    expect(offered("serve", "--nats-p")).toEqual(["--nats-port"]);
    expect(offered("nonsense", "")).toEqual([]);
    // Then the shell offers files.
    expect(offered("login", "URL", "--key", "")).toEqual([]);
    expect(offered("login", "URL", "--key", "=", "")).toEqual([]);
    expect(offered("login", "URL", "--key", "a.nk", "--c")).toEqual(["--ca"]);
  });

  test.each(SHELLS)("of %s hold every command and every option", (shell) => {
    const text = renderCompletions(shell, tree);
    for (const { words } of tree.commands) expect(text).toContain(words.join(" "));
    for (const option of ["insecure-no-tls", "first-admin", "history"]) {
      expect(text).toContain(option);
    }
  });

  test("of another shell are refused", async () => {
    const { code, stderr } = await run(["completions", "tcsh"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("bash, zsh, fish")]);
  });
});

test("version --verbose tells what it is made of", async () => {
  const { stdout } = await run(["version", "--verbose", "--json"]);
  expect(JSON.parse(stdout)).toEqual({
    unibus: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    commit: null,
    build: null,
    bun: expect.stringContaining(Bun.version),
    sqlite: expect.stringMatching(/^3\./),
    natsServer: null,
  });
});
