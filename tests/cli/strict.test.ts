import { describe, expect, test } from "bun:test";
import { defineGroup, defineStrict, runStrict } from "../../src/cli/strict.ts";
import { Problem } from "../../src/core/problems.ts";

/** A small tree of commands that records what reached them. */
function aTree() {
  const calls: unknown[] = [];
  const loaded: string[] = [];
  const add = defineStrict({
    description: "Adds a user.",
    positionals: [
      { name: "KEY", required: true, help: "the key" },
      { name: "ROOM", required: false },
    ],
    options: [
      { name: "role", kind: "text", help: "the role", default: "member" },
      { name: "json", kind: "boolean", help: "as JSON" },
      { name: "host", kind: "text", help: "a host", repeats: true },
    ],
    run: ({ positionals, options, given }) => {
      // The types follow from the definition: no cast, no check.
      const key: string = positionals.KEY;
      const room: string | undefined = positionals.ROOM;
      const hosts: readonly string[] = options.host;
      const json: boolean = options.json;
      calls.push({ key, room, role: options.role, json, hosts, given });
      return key === "bad" ? 3 : undefined;
    },
  });
  const version = defineStrict({
    description: "Says the version.",
    run: async () => {
      calls.push("version");
      throw new Problem("node-unreachable", "Cannot ask");
    },
  });
  const load = <T>(name: string, node: T) => {
    return async () => {
      loaded.push(name);
      return node;
    };
  };
  const user = defineGroup({ description: "People.", commands: { add: load("add", add) } });
  const root = defineGroup({
    description: "A bus.",
    commands: { user: load("user", user), version: load("version", version) },
  });
  const printed: string[] = [];
  const run = (...argv: string[]) =>
    runStrict(root, argv, { name: "unibus", print: (text) => printed.push(text) });
  return { calls, loaded, printed, run };
}

async function faultOf(answer: Promise<unknown>): Promise<string> {
  const error = await answer.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Problem && error.code === "usage") return error.detail;
  throw error ?? new Error("nothing was refused");
}

describe("a command is found by its words and run with its arguments", () => {
  test("its options and arguments have the types of the definition", async () => {
    const tree = aTree();
    expect(await tree.run("user", "add", "-role", "admin", "U1", "--host=a", "--host", "-b")).toBe(
      0,
    );
    expect(tree.calls).toEqual([
      {
        key: "U1",
        room: undefined,
        role: "admin",
        json: false,
        hosts: ["a", "-b"],
        given: { role: "admin" },
      },
    ]);
  });

  test("values that citty alone would misread arrive as they were written", async () => {
    const tree = aTree();
    await tree.run("user", "add", "--role", "--no-json", "--", "--key", "--no-role");
    expect(tree.calls).toMatchObject([{ key: "--key", room: "--no-role", role: "--no-json" }]);
  });

  test("its answer is the exit code, and its problems come through", async () => {
    const tree = aTree();
    expect(await tree.run("user", "add", "bad")).toBe(3);
    await expect(tree.run("version")).rejects.toThrow("Cannot ask");
  });

  test("only what was named is loaded", async () => {
    const tree = aTree();
    await tree.run("user", "add", "U1");
    expect(tree.loaded).toEqual(["user", "add"]);
  });
});

describe("wrong usage names the command", () => {
  test.each([
    [[], "Cannot run unibus: no command is given; see: unibus --help"],
    [["user"], "Cannot run unibus user: no command is given; see: unibus user --help"],
    [["usr"], 'Cannot run unibus: it has no command: "usr"; is user meant; see: unibus --help'],
    [["constructor"], 'Cannot run unibus: it has no command: "constructor"; see: unibus --help'],
    [
      ["user", "__proto__"],
      'Cannot run unibus user: it has no command: "__proto__"; see: unibus user --help',
    ],
    [[""], 'Cannot run unibus: it has no command: ""; see: unibus --help'],
    [
      ["--json=hunter2", "user"],
      'Cannot run unibus: an option stands before the command: "--json"; see: unibus --help',
    ],
    [
      ["user", "--bind", "x"],
      'Cannot run unibus user: an option stands before the command: "--bind"; see: unibus user --help',
    ],
    [["user", "add"], "Cannot run unibus user add: KEY is missing; see: unibus user add --help"],
    [
      ["user", "add", "U1", "--bind", "x"],
      'Cannot run unibus user add: it has no option "--bind"; see: unibus user add --help',
    ],
    [
      ["version", "now"],
      "Cannot run unibus version: it takes no argument, and 1 more is given; see: unibus version --help",
    ],
  ])("%j [M-010]", async (argv, detail) => {
    const tree = aTree();
    expect(await faultOf(tree.run(...argv))).toBe(detail);
    expect(tree.calls).toEqual([]);
  });
});

describe("help is printed, and nothing is run", () => {
  test.each([
    [["--help"], "Usage: unibus COMMAND"],
    [["-h"], "Usage: unibus COMMAND"],
    [["help"], "Usage: unibus COMMAND"],
    [["user", "--help"], "Usage: unibus user COMMAND"],
    [["help", "user"], "Usage: unibus user COMMAND"],
    [["user", "help"], "Usage: unibus user COMMAND"],
    [["user", "add", "--help"], "Usage: unibus user add KEY [ROOM] [options]"],
    [["help", "user", "add"], "Usage: unibus user add KEY [ROOM] [options]"],
    [["user", "help", "add"], "Usage: unibus user add KEY [ROOM] [options]"],
    [["version", "help"], "Usage: unibus version"],
    [["version", "-h"], "Usage: unibus version"],
  ])("%j", async (argv, usage) => {
    const tree = aTree();
    expect(await tree.run(...argv)).toBe(0);
    expect(tree.printed).toHaveLength(1);
    expect(tree.printed[0]?.split("\n")).toContain(usage);
    expect(tree.calls).toEqual([]);
  });

  test("help is a fine name where a command takes arguments", async () => {
    const tree = aTree();
    await tree.run("user", "add", "help");
    expect(tree.calls).toMatchObject([{ key: "help" }]);
  });

  test("help of no command is wrong usage", async () =>
    expect(await faultOf(aTree().run("help", "frob"))).toContain('it has no command: "frob"'));
});
