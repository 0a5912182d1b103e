import { expect, test } from "bun:test";
import { checkRequirements, namedTests, withTests } from "../../scripts/requirements.ts";
import { faultsOf, sourceOf } from "../../scripts/source-tree.ts";

function named(text: string) {
  return namedTests([sourceOf("tests/core/a.test.ts", text)]);
}

const HERE = "| M-041 | A public bind needs enforce. | here |  |";

test("rows are read from the brackets of test and group titles", () => {
  expect(named('test("is refused [M-041]", () => {});')).toEqual([
    { file: "tests/core/a.test.ts", title: "is refused", rows: ["M-041"] },
  ]);
  const rows = (text: string) => named(text).flatMap((test) => test.rows);
  expect(rows('describe("guards [M-041, G-07]", () => {});')).toEqual(["M-041", "G-07"]);
  expect(rows('test.each([f(g(1))])("%s is refused [G-13]", () => {});')).toEqual(["G-13"]);
  expect(rows('test.skipIf(!root)(\n  "is refused [G-13]",\n  () => {});')).toEqual(["G-13"]);
  expect(rows(`test(\`is \${code} [G-13]\`, () => {});`)).toEqual(["G-13"]);
});

test("brackets elsewhere, and tests that never run, name nothing", () => {
  expect(named('// test("is refused [M-041]")')).toEqual([]);
  expect(named('const a = "[M-041]"; use("is refused [M-041]");')).toEqual([]);
  expect(named('test.skip("is refused [M-041]", () => {});')).toEqual([]);
  expect(named('test.todo("is refused [M-041]");')).toEqual([]);
  expect(named('test("a list of [a, b]", () => {});')).toEqual([]);
  const harness = sourceOf("tests/harness/a.ts", 'test("is refused [M-041]", () => {});');
  expect(namedTests([harness])).toEqual([]);
});

test("the column of tests is written, and then nothing is found", () => {
  const tests = named('test("off | soft is refused [M-041]", () => {});');
  const document = withTests(`# A\n\n${HERE}\n`, tests);
  expect(document).toBe(
    "# A\n\n| M-041 | A public bind needs enforce. | here | tests/core/a.test.ts: off \\| soft is refused |\n",
  );
  expect(checkRequirements(document, tests).findings).toEqual([]);
  expect(withTests(document, tests)).toBe(document);
  expect(withTests(document, [])).toBe(`# A\n\n${HERE}\n`);
});

test("a row that is here and has no test is found", () => {
  expect(checkRequirements(HERE, []).findings).toEqual([
    'M-041 is marked "here" and no test names it',
  ]);
  const part = HERE.replace("here", "here: the guard; later: clusters");
  expect(checkRequirements(part, []).findings).toHaveLength(1);
  const later = HERE.replace("here", "later: clusters");
  expect(checkRequirements(later, []).findings).toEqual([]);
});

test("a test that names an unknown row is found", () => {
  const tests = named('test("is refused [M-041, M-999]", () => {});');
  expect(checkRequirements(withTests(HERE, tests), tests).findings).toEqual([
    "tests/core/a.test.ts names M-999, which is no requirement: is refused",
  ]);
});

test("a column that differs from the tests is found", () => {
  const tests = named('test("is refused [M-041]", () => {});');
  expect(checkRequirements(HERE, tests).findings).toEqual([
    "docs/requirements.md differs from the tests. Run: bun scripts/requirements.ts --write",
  ]);
});

test.each([
  ["an unknown state", "| M-041 | Words. | soon |  |"],
  ["a part without the rest", "| M-041 | Words. | here: the guard |  |"],
  ["a missing column", "| M-041 | Words. | here |"],
])("a row of another form is found: %s", (_, row) => {
  expect(checkRequirements(row, []).findings[0]).toStartWith(
    "docs/requirements.md has a row of another form",
  );
});

test("a row that stands twice is found", () => {
  const later = "| M-041 | Words. | later: clusters |  |";
  expect(checkRequirements(`${later}\n${later}`, []).findings).toEqual([
    "docs/requirements.md has M-041 twice",
  ]);
});

test("a document without rows has failed", () => {
  expect(faultsOf(checkRequirements("# A\n", []))).toEqual([
    "requirements: saw no rows, so it checked nothing",
  ]);
});
