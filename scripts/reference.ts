import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { readTree } from "../src/cli/command-tree.ts";
import { root as commands } from "../src/cli/root.ts";
import * as limits from "../src/core/limits.ts";
import { askProcess, renderCli } from "./reference/cli.ts";
import { renderConfiguration } from "./reference/configuration.ts";
import { renderLimits } from "./reference/limits.ts";
import { renderManual } from "./reference/manual.ts";
import { renderOpenApiPage } from "./reference/openapi.ts";
import { renderOperations } from "./reference/operations.ts";
import { renderProblemPages, renderProblems } from "./reference/problems.ts";
import { type CheckResult, faultsOf } from "./source-tree.ts";

const NOTE = "<!-- Written by scripts/reference.ts from the code. Do not edit. -->\n\n";

/** Renders every page of docs/reference by its file name. */
export async function renderReference(root: string): Promise<ReadonlyMap<string, string>> {
  const text = (path: string) => readFileSync(join(root, path), "utf8");
  return new Map([
    ["cli.md", NOTE + (await renderCli(askProcess(root)))],
    ["configuration.md", NOTE + renderConfiguration()],
    ["limits.md", NOTE + renderLimits(text("src/core/limits.ts"), limits)],
    ["operations.md", NOTE + renderOperations(text("src/core/operations.ts"))],
    ["problems.md", NOTE + renderProblems()],
    ...[...renderProblemPages()].map(([name, page]): [string, string] => [name, NOTE + page]),
    ["openapi.json", renderOpenApiPage()],
    ["unibus.1", renderManual(await readTree(commands))],
  ]);
}

/** Compares pages with those in a folder: each must be there as rendered, and no other. */
export function comparePages(
  pages: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): CheckResult {
  const findings = [...pages].flatMap(([name, page]) =>
    found.get(name) === page
      ? []
      : [`docs/reference/${name} differs from the code. Run: bun scripts/reference.ts --write`],
  );
  for (const name of found.keys()) {
    if (!pages.has(name)) findings.push(`docs/reference/${name} is written by nothing`);
  }
  return { name: "reference", seen: pages.size, what: "pages", findings };
}

/** Checks docs/reference, after renewing it when asked. */
export async function checkReferenceOf(
  root: string,
  write: "write" | "check",
): Promise<CheckResult> {
  const folder = join(root, "docs/reference");
  const pages = await renderReference(root);
  mkdirSync(folder, { recursive: true });
  if (write === "write") {
    for (const [name, page] of pages) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), page);
    }
  }
  const found = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry): [string, string] => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path), readFileSync(path, "utf8")];
    });
  return comparePages(pages, new Map(found));
}

if (import.meta.main) {
  const write = process.argv.includes("--write") ? "write" : "check";
  const faults = faultsOf(await checkReferenceOf(join(import.meta.dir, ".."), write));
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
