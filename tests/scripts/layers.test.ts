import { expect, test } from "bun:test";
import { checkLayers, layerTable, missingFiles, withLayerTable } from "../../scripts/layers.ts";
import { faultsOf, sourceOf } from "../../scripts/source-tree.ts";

function findings(path: string, text: string): readonly string[] {
  return checkLayers([sourceOf(path, text)]).findings;
}

test("a folder may import itself and the folders of its row", () => {
  expect(findings("src/http/rooms.ts", 'import { a } from "./users.ts";\n')).toEqual([]);
  expect(findings("src/http/rooms.ts", 'import { a } from "../contract/rooms.ts";\n')).toEqual([]);
});

test.each([
  ["an import", 'import { openStore } from "../store/open.ts";'],
  ["a type import", 'import type { Store } from "../store/open.ts";'],
  ["a re-export", 'export { openStore } from "../store/open.ts";'],
  ["an import for its effect", 'import "../store/open.ts";'],
  ["an import() in a function", 'const f = async () => await import("../store/open.ts");'],
  ["an import over several lines", 'import {\n  openStore,\n} from\n  "../store/open.ts";'],
])("an adapter may not import another one: %s", (_, text) => {
  const found = findings("src/http/rooms.ts", text);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain('imports "../store/open.ts": http may import core, contract');
});

test("imports in comments and in strings are no imports", () => {
  const text = '// import "../store/open.ts";\nconst a = `from "../store/open.ts"`;\n';
  expect(findings("src/http/rooms.ts", text)).toEqual([]);
});

test("only the named commands may import the server", () => {
  const text = 'import { boot } from "../server/boot.ts";\n';
  expect(findings("src/cli/run-node.ts", text)).toEqual([]);
  expect(findings("src/cli/user.ts", text)).toHaveLength(1);
});

test("a package that is not of the folder's row is refused", () => {
  expect(findings("src/nats/a.ts", 'import { connect } from "@nats-io/x";\n')).toEqual([]);
  expect(findings("src/nats/a.ts", 'import { Elysia } from "elysia";\n')).toHaveLength(1);
  expect(findings("src/core/a.ts", 'import { join } from "node:path";\n')).toHaveLength(1);
});

test("src imports nothing outside itself but package.json", () => {
  expect(findings("src/cli/version.ts", 'import p from "../../package.json";\n')).toEqual([]);
  expect(findings("src/cli/a.ts", 'import { a } from "../../scripts/a.ts";\n')).toHaveLength(1);
});

test("a folder without a row is refused", () => {
  expect(findings("src/utils/a.ts", "export const a = 1;\n")).toEqual([
    "src/utils/a.ts: its folder has no row in scripts/layers.ts",
  ]);
});

test.each([
  ["Date.now()", "src/core/a.ts"],
  ["new Date(0)", "src/core/a.ts"],
  ["Math.random()", "src/core/a.ts"],
  ["performance.now()", "src/core/a.ts"],
  ["crypto.randomUUID()", "src/core/a.ts"],
  ["Bun.hash(a)", "src/core/a.ts"],
  ["fetch(a)", "src/core/rules/a.ts"],
  ["Bun.file(a)", "src/sdk/client.ts"],
  ["process.exit(1)", "src/server/boot.ts"],
  ['console.log("a")', "src/http/app.ts"],
  ["process.env.HOME", "src/cli/serve.ts"],
  ["Bun.env.HOME", "src/cli/serve.ts"],
])("%s is refused in %s", (expression, path) => {
  expect(findings(path, `export const a = () => ${expression};\n`).length).toBeGreaterThan(0);
});

test.each([
  ["process.exit(1)", "src/main.ts"],
  ['console.log("a")', "src/cli/output.ts"],
  ["process.env.HOME", "src/config/load.ts"],
  ["Date.now()", "src/system/clock.ts"],
  ["run.crypto + { fetch: 1 }.fetch", "src/core/a.ts"],
])("%s is allowed in %s", (expression, path) => {
  expect(findings(path, `export const a = () => ${expression};\n`)).toEqual([]);
});

test("words in comments, strings and regular expressions touch nothing", () => {
  const text = '/** Takes no Date. */\nexport const a = ["Date", `fetch`, /process\\.exit/];\n';
  expect(findings("src/core/a.ts", text)).toEqual([]);
});

test("code inside a template is code", () => {
  const text = `export const a = () => \`at \${Date.now()} \${\`\${Math.random()}\`}\`;\n`;
  expect(findings("src/core/a.ts", text)).toHaveLength(2);
});

test("a check that saw no import has failed", () => {
  expect(faultsOf(checkLayers([]))).toEqual(["layers: saw no imports, so it checked nothing"]);
});

test("the table is written between its markers, and nowhere else", () => {
  const open = "<!-- layers: bun scripts/layers.ts --write -->";
  const document = `# A\n\n${open}\nold\n<!-- /layers -->\n\nB\n`;
  const renewed = withLayerTable(document);
  expect(renewed).toBe(`# A\n\n${open}\n${layerTable()}\n<!-- /layers -->\n\nB\n`);
  expect(withLayerTable("# A\n")).toBeNull();
});

test("a file that the document names must be there", () => {
  const paths = new Set(["src/cli/up.ts", "scripts/layers.ts"]);
  const document = "`cli/up.ts` → `cli/down.ts`, `scripts/layers.ts`, `bun scripts/check.ts`";
  expect(missingFiles(document, paths)).toEqual(["cli/down.ts"]);
});
