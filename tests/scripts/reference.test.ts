import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { renderCli } from "../../scripts/reference/cli.ts";
import { renderConfiguration } from "../../scripts/reference/configuration.ts";
import { renderLimits } from "../../scripts/reference/limits.ts";
import { renderOperations } from "../../scripts/reference/operations.ts";
import { renderProblemPages, renderProblems } from "../../scripts/reference/problems.ts";
import { comparePages } from "../../scripts/reference.ts";
import { faultsOf } from "../../scripts/source-tree.ts";
import { listSettings } from "../../src/config/schema.ts";
import { PROBLEMS } from "../../src/core/problems.ts";

const pages = new Map([["limits.md", "as rendered"]]);

test("pages that are as rendered pass", () => {
  expect(comparePages(pages, pages).findings).toEqual([]);
});

test("a page that differs, is missing, or that nothing renders is found", () => {
  const differs = [
    "docs/reference/limits.md differs from the code. Run: bun scripts/reference.ts --write",
  ];
  expect(comparePages(pages, new Map([["limits.md", "edited"]])).findings).toEqual(differs);
  expect(comparePages(pages, new Map()).findings).toEqual(differs);
  expect(comparePages(pages, new Map([...pages, ["old.md", ""]])).findings).toEqual([
    "docs/reference/old.md is written by nothing",
  ]);
});

test("a reference without pages has failed", () => {
  expect(faultsOf(comparePages(new Map(), new Map()))).toHaveLength(1);
});

test("every problem has a line with its status, exit code and what to do", () => {
  const page = renderProblems();
  for (const [code, { status, exit, title }] of Object.entries(PROBLEMS)) {
    expect(page).toMatch(
      new RegExp(
        `\\| \\[\`${code}\`\\]\\(problems/${code}.md\\) \\| ${status} \\| ${exit} \\| ${title} \\| .+ \\|`,
      ),
    );
  }
  expect(page).not.toContain("undefined");
});

test("every problem has a page with what it means and what to do", () => {
  const pages = renderProblemPages();
  expect([...pages.keys()].sort()).toEqual(
    Object.keys(PROBLEMS)
      .map((code) => `problems/${code}.md`)
      .sort(),
  );
  for (const [code, { status, exit, title }] of Object.entries(PROBLEMS)) {
    const page = pages.get(`problems/${code}.md`) ?? "";
    expect(page).toStartWith(`# ${title}\n\n`);
    expect(page).toMatch(/\n\n[A-Z].+\.\n\n\*\*What to do\.\*\* .+\n/);
    expect(page).toContain(
      `| \`${code}\` | ${status} | ${exit} | \`https://unibus.dev/problems/${code}\` |`,
    );
    expect(page).not.toContain("undefined");
  }
});

test("a limit is shown in the largest whole unit, with its own or the shared comment", () => {
  const text = `/** The file. */

/** Bytes of a
 * body. */
export const BODY_BYTES_MAX = 64 * 1024;
/** First and last wait. */
export const WAIT_MS_MIN = 250;
export const WAIT_MS_MAX = 30_000;
export const NAMES_MAX = 10_000;
`;
  const values = {
    BODY_BYTES_MAX: 65_536,
    WAIT_MS_MIN: 250,
    WAIT_MS_MAX: 30_000,
    NAMES_MAX: 10_000,
  };
  expect(renderLimits(text, values).split("\n").slice(6)).toEqual([
    "| `BODY_BYTES_MAX` | 64 KiB | Bytes of a body. |",
    "| `WAIT_MS_MIN` | 250 ms | First and last wait. |",
    "| `WAIT_MS_MAX` | 30 s | First and last wait. |",
    "| `NAMES_MAX` | 10,000 | First and last wait. |",
    "",
  ]);
});

test("every kind of operation has a line with what it carries and does", () => {
  const path = join(import.meta.dir, "../../src/core/operations.ts");
  const page = renderOperations(readFileSync(path, "utf8"));
  expect(page).toContain(
    "| `member.add` | `room: RoomId`, `user: UserId`, `role: RoomRole` | Adds a user to a room",
  );
  expect(page).not.toContain("undefined");
});

test("every setting has a line with its flag, variable and default", () => {
  const page = renderConfiguration();
  for (const { name } of listSettings()) expect(page).toContain(`| \`--${name}`);
  expect(page).toContain("| `--http-port PORT` | `UNIBUS_HTTP_PORT` | `8470` |");
  expect(page).toContain("| `--insecure-no-tls` | `UNIBUS_INSECURE_NO_TLS` | `false` |");
});

test("the page of commands follows what each group lists", async () => {
  const helps: Readonly<Record<string, string>> = {
    "": "A bus.\n\nAll commands:\n  up, serve    run a node\n  user list | add\n\nThe options: …\n",
    up: "Starts.\n",
    serve: "Runs a node.\n\nOptions:\n  --bind HOST\n",
    user: "Users.\n\nCommands:\n  list  Lists them, on a\n        second line.\n\nThe options of a command: …\n",
    "user list": "Lists users.\n",
  };
  const page = await renderCli(async (words) => helps[words.join(" ")] ?? "");
  expect(page.match(/^## .*$/gm)).toEqual([
    "## unibus",
    "## unibus up",
    "## unibus serve",
    "## unibus user",
    "## unibus user list",
  ]);
  expect(page).toContain("```text\nLists users.\n```");
});
