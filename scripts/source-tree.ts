import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** Where a comment or a string literal stands in a file, quotes included. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

/** One file, with its text apart from its code: what is blanked keeps its place and its lines. */
export interface Source {
  /** From the root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments, the inside of strings and regular expressions blanked. */
  readonly code: string;
  readonly comments: readonly TextSpan[];
  readonly strings: readonly TextSpan[];
}

/** What a check saw and found. A check that saw nothing has failed, whatever it found. */
export interface CheckResult {
  readonly name: string;
  readonly seen: number;
  /** What was counted, in the plural: "files". */
  readonly what: string;
  readonly findings: readonly string[];
}

/** The findings of a result, and one more when it saw nothing. */
export function faultsOf(result: CheckResult): readonly string[] {
  if (result.seen > 0) return result.findings;
  return [...result.findings, `${result.name}: saw no ${result.what}, so it checked nothing`];
}

/** Reads every TypeScript file below the folders; a folder that does not exist holds none. */
export function readSources(root: string, folders: readonly string[]): readonly Source[] {
  return folders
    .flatMap((folder) => listFiles(join(root, folder)))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => sourceOf(relative(root, file).replaceAll(sep, "/"), readFileSync(file, "utf8")))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function listFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

export function lineOf(source: Source, at: number): number {
  return source.text.slice(0, at).split("\n").length;
}

/** `path:line`, as editors open it. */
export function placeOf(source: Source, at: number): string {
  return `${source.path}:${lineOf(source, at)}`;
}

type Kind = "comment" | "string" | "regex" | "template";
interface Span extends TextSpan {
  readonly kind: Kind;
  /** For a template: which of its two backticks this piece holds. */
  readonly opens: boolean;
  readonly closes: boolean;
}

/** Takes a file's text apart. */
export function sourceOf(path: string, text: string): Source {
  const spans = spansOf(text);
  return {
    path,
    text,
    code: blank(text, spans),
    comments: spans.filter((span) => span.kind === "comment"),
    strings: stringsOf(spans),
  };
}

const TOKEN = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[\w$]+|\s+|./suy;
const TEMPLATE_PIECE = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** After these a slash begins a regular expression, after anything else it divides. */
const BEFORE_REGEX = /^(?:[(,=:[!&|?{};+\-*%<>~^]|return|typeof|case|in|of|do|else|void|)$/;

function spansOf(text: string): readonly Span[] {
  const spans: Span[] = [];
  const openTemplates: number[] = [];
  let depth = 0;
  let last = "";
  let at = 0;
  const take = (pattern: RegExp): number => {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : text.length;
  };
  const add = (kind: Kind, end: number, opens = false, closes = false) => {
    spans.push({ kind, start: at, end, opens, closes });
    at = end;
  };
  const addTemplatePiece = (opens: boolean) => {
    const start = at;
    at++;
    const end = take(TEMPLATE_PIECE);
    at = start;
    const closes = text[end - 1] === "`";
    if (!closes) openTemplates.push(depth);
    add("template", end, opens, closes);
    last = closes ? "`" : "{";
  };
  while (at < text.length) {
    const character = text.charAt(at);
    const end = take(TOKEN);
    const token = text.slice(at, end);
    if (token.startsWith("//") || token.startsWith("/*")) add("comment", end);
    else if (character === "`") addTemplatePiece(true);
    else if (character === "}" && openTemplates.at(-1) === depth) {
      openTemplates.pop();
      addTemplatePiece(false);
    } else if (character === '"' || character === "'") {
      add("string", end);
      last = '"';
    } else if (character === "/" && BEFORE_REGEX.test(last)) {
      add("regex", take(REGEX));
      last = '"';
    } else {
      if (character === "{") depth++;
      if (character === "}") depth--;
      if (token.trim() !== "") last = token;
      at = end;
    }
  }
  return spans;
}

function stringsOf(spans: readonly Span[]): readonly TextSpan[] {
  const strings: TextSpan[] = [];
  const open: number[] = [];
  for (const span of spans) {
    if (span.kind === "string") strings.push(span);
    if (span.kind !== "template") continue;
    if (span.opens) open.push(span.start);
    if (span.closes) strings.push({ start: open.pop() ?? span.start, end: span.end });
  }
  return strings.sort((a, b) => a.start - b.start);
}

/** Blanks the spans; of strings the quotes stay, so that it still reads as code. */
function blank(text: string, spans: readonly Span[]): string {
  let blanked = "";
  let at = 0;
  for (const span of spans) {
    const quote = span.kind === "comment" ? 0 : 1;
    const inner = text.slice(span.start + quote, span.end - quote).replace(/[^\n]/g, " ");
    blanked += text.slice(at, span.start + quote) + inner;
    at = span.end - quote;
  }
  return blanked + text.slice(at);
}
