import { writeSync } from "node:fs";
import { type ProblemDocument, problemDocument } from "../core/problem-document.ts";
import type { Problem } from "../core/problems.ts";
import { printable } from "../core/quote.ts";

const STDOUT = 1;
const STDERR = 2;

/** Prints lines for people on stdout; whoever wrote what they show, no terminal obeys it. */
export function printLines(lines: readonly string[]): void {
  write(STDOUT, lines.map((line) => `${printable(line)}\n`).join(""));
}

/** Prints a text as it stands on stdout. */
export function printText(text: string): void {
  write(STDOUT, text.endsWith("\n") ? text : `${text}\n`);
}

/** Prints a document for programs on stdout; its members are a promise. */
export function printJson(document: object): void {
  write(STDOUT, renderJson(document));
}

/** Says something beside the result, on stderr, so that a program that reads stdout is not disturbed. */
export function note(line: string): void {
  write(STDERR, `${printable(line)}\n`);
}

/** Says why a command failed: one line, and a second one that says where, if that is known. */
export function reportProblem(
  problem: Problem,
  { json, where }: { readonly json: boolean; readonly where?: string },
): void {
  if (!json) {
    note(`unibus: ${problem.detail}`);
    if (where !== undefined) note(`  (${where})`);
    return;
  }
  const document: ProblemDocument & { readonly where?: string } = {
    ...problemDocument(problem),
    ...(where === undefined ? {} : { where }),
  };
  write(STDERR, renderJson(document));
}

/** The same document for programs, and harmless on a terminal: JSON itself escapes few characters. */
function renderJson(document: object): string {
  const text = JSON.stringify(document, null, 2).replace(
    /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => character.split("").map(jsonEscape).join(""),
  );
  return `${text}\n`;
}

function jsonEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Lays out rows under their headings; the last column is not padded. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => widthOf(row[column] ?? ""))),
  );
  return all.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)),
      )
      .join("  ")
      .trimEnd(),
  );
}

/** Lays out names and values, the values in one column. */
export function fields(pairs: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
}

/** Columns that a text takes on a terminal. */
function widthOf(text: string): number {
  return Bun.stringWidth(text);
}

/** Writes all of it at once: the process ends right after, and would cut off what is still waiting. */
function write(file: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(file, bytes, at);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : "";
      // Whoever read us has gone, as `head` does; there is nobody left to tell.
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(1);
    }
  }
}
