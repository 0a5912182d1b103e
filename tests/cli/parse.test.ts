import { describe, expect, test } from "bun:test";
import { type LineDefinition, parseCommandLine } from "../../src/cli/parse.ts";
import { Problem } from "../../src/core/problems.ts";

const DEFINITION = {
  positionals: [
    { name: "ROOM", required: true },
    { name: "USER", required: false },
  ],
  options: [
    { name: "bind", kind: "text", help: "", emptyAllowed: true },
    { name: "role", kind: "text", help: "" },
    { name: "json", kind: "boolean", help: "" },
    { name: "name", kind: "text", help: "", repeats: true },
  ],
} as const satisfies LineDefinition;
const SEED = `SU${"A".repeat(56)}`;

function parse(...argv: string[]) {
  const line = parseCommandLine(DEFINITION, argv, "unibus try");
  if (line.kind === "help") return "help";
  const { given, lists, positionals } = line;
  return { given, lists, positionals };
}

function faultOf(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "usage") throw error;
    expect(error.detail).toEndWith("; see: unibus try --help");
    expect(error.detail).not.toContain("\n");
    return error.detail.slice("Cannot run unibus try: ".length, -"; see: unibus try --help".length);
  }
  throw new Error("nothing was refused");
}

describe("one dash or two, a space or an equals sign are the same", () => {
  test.each([[["--role", "owner"]], [["-role", "owner"]], [["--role=owner"]], [["-role=owner"]]])(
    "%j",
    (words) =>
      expect(parse("ops", ...words)).toEqual({
        given: { role: "owner" },
        lists: {},
        positionals: { ROOM: "ops" },
      }),
  );

  test("options stand before, between and behind the arguments", () =>
    expect(parse("--json", "ops", "--role", "owner", "ada", "--bind=x")).toEqual({
      given: { json: true, role: "owner", bind: "x" },
      lists: {},
      positionals: { ROOM: "ops", USER: "ada" },
    }));

  test.each([
    [["--json"], true],
    [["-json"], true],
    [["--json=true"], true],
    [["--json=false"], false],
  ] as const)("the boolean %j is %j", (words, value) =>
    expect(parse("ops", ...words)).toMatchObject({ given: { json: value } }),
  );

  test("a boolean takes no word after it", () =>
    expect(parse("--json", "false")).toEqual({
      given: { json: true },
      lists: {},
      positionals: { ROOM: "false" },
    }));

  test("a value keeps its equals signs and spaces", () =>
    expect(parse("ops", "--role=a=b c")).toMatchObject({ given: { role: "a=b c" } }));

  test("a repeated option is a list, in order", () =>
    expect(parse("ops", "--name", "b", "-name=a", "--name=b")).toMatchObject({
      given: {},
      lists: { name: ["b", "a", "b"] },
    }));
});

describe("the argument after an option is its value", () => {
  test.each([["-x"], ["--frob"], ["-5"], ["-"]])("even %s", (value) =>
    expect(parse("ops", "--bind", value)).toMatchObject({ given: { bind: value } }),
  );

  test.each([["--role"], ["-role"], ["--role=x"], ["--json"]])(
    "but not %s, an option of the same command",
    (value) =>
      expect(faultOf("ops", "--bind", value)).toMatch(
        /^--bind is missing its value: the option --(role|json) follows$/,
      ),
  );

  test("which is a value when an equals sign says so", () =>
    expect(parse("ops", "--bind=--role")).toMatchObject({ given: { bind: "--role" } }));
});

describe("after -- all are arguments", () => {
  test("also those that look like options", () =>
    expect(parse("--json", "--", "--role", "--help")).toEqual({
      given: { json: true },
      lists: {},
      positionals: { ROOM: "--role", USER: "--help" },
    }));

  test("a single dash is an argument anywhere", () =>
    expect(parse("-")).toMatchObject({ positionals: { ROOM: "-" } }));
});

describe("wrong usage is refused, and the option is named", () => {
  test.each([
    [["ops", "--roel", "x"], 'it has no option "--roel"; is --role meant'],
    [["ops", "--completely-else=x"], 'it has no option "--completely-else"'],
    [["ops", "-b", "x"], 'it has no option "--b"'],
    [["ops", "--no-json"], 'it has no option "--no-json"'],
    [["ops", "--toString", "x"], 'it has no option "--toString"'],
    [["ops", "--=x"], 'it has no option "--"'],
    [["ops", "---role", "x"], 'it has no option "---role"; is --role meant'],
    [["ops", "--role"], "--role is missing its value"],
    [["ops", "--role", "--"], "--role is missing its value"],
    [["ops", "--role", "--help"], "--role is missing its value"],
    [["ops", "--role="], "--role is given an empty value"],
    [["ops", "--role", ""], "--role is given an empty value"],
    [["ops", "--name="], "--name is given an empty value"],
    [["ops", "--role", "a", "-role=a"], "--role is given twice"],
    [["ops", "--json", "--json=false"], "--json is given twice"],
    [["ops", "--json=yes"], "--json takes no value but =true or =false"],
    [["ops", "--json="], "--json takes no value but =true or =false"],
    [[], "ROOM is missing"],
    [["--json"], "ROOM is missing"],
    [[""], "ROOM is empty"],
    [["ops", "ada", "bob"], "it takes ROOM and USER, and 1 more is given"],
    [["ops", "ada", "bob", "eve"], "it takes ROOM and USER, and 2 more are given"],
  ])("%j", (argv, why) => expect(faultOf(...argv)).toBe(why));

  test("an empty value is taken where it is allowed [G-07]", () => {
    expect(parse("ops", "--bind", "")).toMatchObject({ given: { bind: "" } });
    expect(parse("ops", "--bind=")).toMatchObject({ given: { bind: "" } });
  });

  test.each([
    [["ops", "ada", SEED]],
    [["ops", `--${SEED}`]],
    [["ops", `-${SEED}=x`]],
    [["ops", `--rol=${SEED}`]],
    [["ops", `--json=${SEED}`]],
    [["ops", "--role", "x", "--role", SEED]],
    [["ops", "--role", "hunter2", "ada", "hunter2"]],
  ])("a refusal shows no value: it may be a secret (%#)", (argv) => {
    const fault = faultOf(...argv);
    expect(fault).not.toContain(SEED);
    expect(fault).not.toContain("hunter2");
  });
});

describe("help", () => {
  test.each([[["--help"]], [["-h"]], [["-help"]], [["ops", "--json", "--help"]]])(
    "%j asks for it, whatever is missing",
    (argv) => expect(parse(...argv)).toBe("help"),
  );
});

test("the canonical form says the same once more", () => {
  const argv = ["-json", "--name=b", "ops", "--bind", "", "--name", "--x", "--", "--role"];
  const line = parseCommandLine(DEFINITION, argv);
  if (line.kind === "help") throw new Error("help");
  expect(line.canonical).toEqual([
    "--json=true",
    "--bind=",
    "--name=b",
    "--name=--x",
    "--",
    "ops",
    "--role",
  ]);
  expect(parseCommandLine(DEFINITION, line.canonical)).toEqual(line);
});
