import { blockAfter } from "./readme.ts";

/** One marked step of docs/cluster.md. */
export type RunbookStep =
  | {
      readonly kind: "type";
      readonly terminal: number;
      readonly lines: readonly string[];
      /** The last line goes on until it is stopped. */
      readonly stays: boolean;
    }
  /** A terminal is to show a text by and by. */
  | { readonly kind: "says"; readonly terminal: number; readonly text: string }
  /** Ctrl-C in a terminal. */
  | { readonly kind: "stop"; readonly terminal: number }
  /** The machine of a terminal is gone, with all that is on it. */
  | { readonly kind: "gone"; readonly terminal: number };

const MARK = /^<!-- test: (.+) -->$/;
const TERMINAL =
  /^(?<story>[a-z]+) terminal (?<number>\d+)(?: (?<stays>stays)| says (?<text>.+))?$/;
const END = /^(?<story>[a-z]+) (?<kind>stop|gone) (?<number>\d+)$/;

/**
 * Reads the steps of each story of the runbook, in their order: marks `<!-- test: STORY terminal N
 * [stays] -->` before a block, `… terminal N says TEXT`, `STORY stop N` and `STORY gone N`. A mark that
 * begins with `later` is for a command that is yet to come. Throws for a mark that it does not understand.
 */
export function readRunbook(markdown: string): ReadonlyMap<string, readonly RunbookStep[]> {
  const lines = markdown.split("\n");
  const stories = new Map<string, RunbookStep[]>();
  for (const [at, line] of lines.entries()) {
    const mark = MARK.exec(line)?.[1];
    if (mark === undefined || mark.startsWith("later ")) continue;
    const { story, step } = stepOf(mark, () => blockAfter(lines, at, mark).lines);
    stories.set(story, [...(stories.get(story) ?? []), step]);
  }
  return stories;
}

function stepOf(
  mark: string,
  readLines: () => readonly string[],
): { readonly story: string; readonly step: RunbookStep } {
  const typed = TERMINAL.exec(mark)?.groups;
  const { story = "", number, kind, stays, text } = typed ?? END.exec(mark)?.groups ?? {};
  if (number === undefined) throw new Error(`The runbook has a mark of no known form: ${mark}`);
  const terminal = Number(number);
  if (kind === "stop" || kind === "gone") return { story, step: { kind, terminal } };
  if (text !== undefined) return { story, step: { kind: "says", terminal, text } };
  const step = { kind: "type", terminal, lines: readLines(), stays: stays !== undefined } as const;
  return { story, step };
}
