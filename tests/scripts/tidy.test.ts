import { describe, expect, test } from "bun:test";
import { sourceOf } from "../../scripts/source-tree.ts";
import { checkTidy, TIDY_CHECKS, type Tree } from "../../scripts/tidy.ts";

/** A tree of the files given, all tidy but for what a test puts in. */
function aTree(files: Readonly<Record<string, string>>, more: Partial<Tree> = {}): Tree {
  const sources = Object.entries(files).map(([path, text]) => sourceOf(path, text));
  return { sources, problemCodes: [], limitNames: [], ...more };
}

const lines = (count: number) => "a();\n".repeat(count);

describe("long files", () => {
  test("a file of 300 lines passes and one of 301 does not", () => {
    const check = TIDY_CHECKS["long files"];
    expect(check(aTree({ "src/a.ts": lines(300) })).findings).toEqual([]);
    expect(check(aTree({ "src/a.ts": lines(301) })).findings).toEqual([
      "src/a.ts has 301 lines; at most 300",
    ]);
  });
});

describe("long functions", () => {
  const check = TIDY_CHECKS["long functions"];
  const long = (head: string) => `${head} {\n${lines(59)}}\n`;

  test.each([
    "function f(): void",
    "export async function* f<T extends { a: 1 }>(a: T = { a: 1 }): AsyncGenerator<{ b: 2 }>",
    "function f({ a }: { a: 1 }): { readonly b: string } | null",
    "function f(a: unknown): a is string",
    "const f = (a: string) =>",
    "const f = async ({ a }: { a: 1 }): Promise<void> =>",
    "class A {\n  constructor(private readonly a: string)",
    "class A {\n  private async *[Symbol.iterator]<T>(a: T): AsyncGenerator<T>",
    "const o = {\n  async f(a: string): Promise<{ b: 1 }>",
    'test("a title", async () =>',
  ])("%s is a function", (head) => {
    expect(check(aTree({ "src/a.ts": long(head) })).findings).toHaveLength(1);
    const short = `${head} {\n${lines(58)}}\n`;
    expect(check(aTree({ "src/a.ts": short })).findings).toEqual([]);
  });

  test.each([
    "interface A",
    "const o =",
    "class A",
    "if (a)",
    "  for (const a of b)",
    "  switch (a)",
    "declare function f(a: string): void;\nconst o =",
    'describe("a group", () =>',
    'describe.skipIf(!root)("a group", () =>',
  ])("%s is no function", (head) => {
    expect(check(aTree({ "src/a.ts": long(head) })).findings).toEqual([]);
  });

  test("functions declared inside count for themselves, callbacks do not", () => {
    const inner = (head: string) => `function f() {\n${lines(40)}  ${head} {\n${lines(40)}  }\n}\n`;
    expect(check(aTree({ "src/a.ts": inner("function g()") })).findings).toEqual([]);
    expect(check(aTree({ "src/a.ts": inner("list.map((a) =>") })).findings).toEqual([
      "src/a.ts:1 has a function of 84 lines; at most 60",
    ]);
  });

  test("braces in strings, comments and regular expressions do not count", () => {
    const text = `function f() {\n  // }\n  g("}", /[}/]}/, \`}\${"}"}\`);\n${lines(58)}}\n`;
    expect(check(aTree({ "src/a.ts": text })).findings).toHaveLength(1);
  });
});

describe("open ends", () => {
  const check = TIDY_CHECKS["open ends"];
  test.each(["// FIXME", "/* XXX later */", "// TODO: later", "/** TODO(me) */"])("%s", (text) => {
    expect(check(aTree({ "src/a.ts": `${text}\n` })).findings).toHaveLength(1);
  });

  test("an issue's number, and words in strings, pass", () => {
    const text = '// TODO(#12): later\nconst a = "FIXME";\n';
    expect(check(aTree({ "src/a.ts": text })).findings).toEqual([]);
  });
});

describe("sources without a test", () => {
  const check = TIDY_CHECKS["sources without a test"];

  test("a source that no test imports, names or mirrors is found", () => {
    const tree = aTree({ "src/core/a.ts": "", "tests/core/b.test.ts": "" });
    expect(check(tree).findings).toEqual(["src/core/a.ts: no test imports or names it"]);
  });

  test("a source is tried through one that is tried, and through its Worker", () => {
    const tree = aTree({
      "src/core/a.ts": 'import { b } from "./b.ts";',
      "src/core/b.ts": 'new Worker(new URL("./c.ts", import.meta.url).href);',
      "src/core/c.ts": "",
      "src/core/d.ts": "",
      "tests/core/a.test.ts": "",
    });
    expect(check(tree).findings).toEqual(["src/core/d.ts: no test imports or names it"]);
  });

  test.each([
    ["tests/core/b.test.ts", 'import "../../src/core/a.ts";'],
    ["tests/server/b.test.ts", "// Tries src/core/a.ts from outside."],
    ["tests/core/a.test.ts", ""],
  ])("%s with %p tests it", (path, text) => {
    expect(check(aTree({ "src/core/a.ts": "", [path]: text })).findings).toEqual([]);
  });

  test("a test of the scripts that names it does not count", () => {
    const tree = aTree({ "src/core/a.ts": "", "tests/scripts/b.test.ts": '"src/core/a.ts"' });
    expect(checkTidy(tree).findings).toContain(
      "sources without a test: saw no sources, so it checked nothing",
    );
  });
});

test("a problem code that no test names in quotes is found", () => {
  const tree = aTree({ "tests/a.test.ts": 'is("room-full");' }, { problemCodes: ["room-full"] });
  expect(TIDY_CHECKS["problems without a test"](tree).findings).toEqual([]);
  const more = { ...tree, problemCodes: ["room-full", "full"] };
  expect(TIDY_CHECKS["problems without a test"](more).findings).toEqual([
    'The problem "full" is named by no test',
  ]);
});

test("a limit is read by code of src, not by its own file, a comment or a test", () => {
  const files = {
    "src/core/limits.ts": "export const A_MAX = 1;\nexport const B_MAX = A_MAX;\n",
    "src/http/a.ts": "// A_MAX\nuse(B_MAX);\n",
    "tests/a.test.ts": "use(A_MAX);\n",
  };
  const tree = aTree(files, { limitNames: ["A_MAX", "B_MAX"] });
  expect(TIDY_CHECKS["limits nobody reads"](tree).findings).toEqual([
    "The limit A_MAX of src/core/limits.ts is read by nobody",
  ]);
});

test("a mock of our own code is found, a fake clock is not", () => {
  const check = TIDY_CHECKS.mocks;
  const found = (text: string) => check(aTree({ "tests/a.test.ts": text })).findings;
  expect(found('mock.module("../src/a.ts", () => ({}));')).toHaveLength(1);
  expect(found('spyOn(store, "findUser");')).toHaveLength(1);
  expect(found('spyOn(Date, "now");')).toEqual([]);
});

test("a sleep in a test is found, one in the harness is not", () => {
  const check = TIDY_CHECKS.sleeps;
  const tests = { "tests/a.test.ts": "" };
  for (const text of ["await Bun.sleep(5);", "new Promise((resolve) => setTimeout(resolve, 5));"]) {
    expect(check(aTree({ "tests/a.test.ts": text })).findings).toHaveLength(1);
    expect(check(aTree({ ...tests, "tests/harness/eventually.ts": text })).findings).toEqual([]);
  }
});

test("every check that saw nothing is a finding", () => {
  expect(checkTidy(aTree({})).findings).toHaveLength(Object.keys(TIDY_CHECKS).length);
});
