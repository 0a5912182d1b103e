import type { Source } from "./source-tree.ts";

/** A function's body: where its braces stand in the file, and how many lines it has of its own. */
export interface FunctionBody {
  readonly start: number;
  readonly end: number;
  readonly lines: number;
}

interface Braces {
  readonly start: number;
  readonly end: number;
  /** Declared by a name, as a function or a method, rather than handed on as a value. */
  readonly declared: boolean;
}

/** `function` and methods, by the place before their parameters; calls are told apart by what follows. */
const HEAD =
  /\bfunction\b\s*\*?\s*[\w$]*|^[ \t]+(?:(?:public|private|protected|static|async|override|get|set)\s+|\*\s*)*(?!(?:if|for|while|switch|catch|return|await|new|super|else)\b)[#\w$[\].]+(?=\s*[(<])/gm;
const ARROW = /=>\s*\{/g;
/** What begins a group of tests: its body is a list of them, not a function to read in one go. */
const GROUP = /\bdescribe(?:\.\w+)*(?:\([^()]*\))?\(\s*["'`][^"'`]*["'`],\s*(?:async\s*)?\(\)\s*$/;

/**
 * Finds the bodies of functions, methods and arrow functions by their braces, callbacks of
 * `describe` left out. Functions and methods declared inside count for themselves: one that makes
 * an object of closures is as long as a class is. It reads the shape that the formatter leaves, not
 * the whole grammar.
 */
export function functionBodies(source: Source): readonly FunctionBody[] {
  const { code } = source;
  const all = new Map<number, Braces>();
  for (const match of code.matchAll(HEAD)) {
    const start = bodyAfter(code, match.index + match[0].length);
    if (start !== null) all.set(start, { start, end: closing(code, start), declared: true });
  }
  for (const match of code.matchAll(ARROW)) {
    const start = match.index + match[0].length - 1;
    const before = code.slice(Math.max(0, match.index - 400), match.index);
    if (!GROUP.test(before)) all.set(start, { start, end: closing(code, start), declared: false });
  }
  const bodies = [...all.values()];
  return bodies.map((body) => ({ ...body, lines: ownLines(code, body, bodies) }));
}

function ownLines(code: string, body: Braces, bodies: readonly Braces[]): number {
  const inside = bodies.filter(
    (other) => other.declared && other.start > body.start && other.end < body.end,
  );
  const outermost = inside.filter(
    (one) => !inside.some((other) => other.start < one.start && other.end > one.end),
  );
  const lines = ({ start, end }: Braces) => code.slice(start, end + 1).split("\n").length;
  return outermost.reduce((sum, one) => sum - lines(one), lines(body));
}

/** The body's brace behind a head: after type parameters, parameters and the type of the answer. */
function bodyAfter(code: string, from: number): number | null {
  const open = code.indexOf("(", from);
  if (open < 0 || !/^\s*(?:<[^(]*>)?\s*$/.test(code.slice(from, open))) return null;
  let at = closing(code, open) + 1;
  let before = "";
  for (; at < code.length; at++) {
    const character = code.charAt(at);
    if (/\s/.test(character)) continue;
    if (before === "" && character !== "{" && character !== ":") return null;
    if (character === ";") return null;
    if (character === "{") {
      if (!/[:|&<,(=]/.test(before)) return at;
      at = closing(code, at);
    }
    before = code.charAt(at);
  }
  return null;
}

const CLOSING: Readonly<Record<string, string>> = { "{": "}", "(": ")" };

function closing(code: string, from: number): number {
  const open = code.charAt(from);
  const close = CLOSING[open];
  let depth = 0;
  for (let at = from; at < code.length; at++) {
    const character = code.charAt(at);
    if (character === open) depth++;
    if (character === close && --depth === 0) return at;
  }
  return code.length;
}
