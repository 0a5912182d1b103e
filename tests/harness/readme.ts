/** One marked block of README.md: lines to type in a terminal, or what a terminal shows. */
export type ReadmeStep =
  | {
      readonly kind: "type";
      readonly terminal: number;
      readonly lines: readonly string[];
      /** The last line goes on until it is stopped. */
      readonly stays: boolean;
      /** The last line is meant to exit with an error. */
      readonly fails: boolean;
      /** It fetches something. */
      readonly online: boolean;
    }
  | { readonly kind: "shows"; readonly terminal: number; readonly lines: readonly string[] };

const MARK = /^<!-- test: (.+) -->$/;
const WORDS = /^terminal (\d+)(?: (stays|fails|online|shows))?$/;

/**
 * Reads the blocks that a comment `<!-- test: terminal N [stays|fails|online|shows] -->` marks for the
 * test, in their order. Throws for a mark that it does not understand, or without a block behind it.
 */
export function readReadmeSteps(markdown: string): readonly ReadmeStep[] {
  const lines = markdown.split("\n");
  return lines.flatMap((line, at) => {
    const mark = MARK.exec(line)?.[1];
    return mark === undefined ? [] : [stepOf(mark, blockAfter(lines, at, mark))];
  });
}

function stepOf(mark: string, block: Block): ReadmeStep {
  const [, number, word] = WORDS.exec(mark) ?? [];
  if (number === undefined) throw new Error(`README.md has a mark of no known form: ${mark}`);
  const terminal = Number(number);
  const language = word === "shows" ? "text" : "sh";
  if (block.language !== language) {
    throw new Error(`README.md has a block of ${block.language} after "${mark}", not ${language}`);
  }
  const { lines } = block;
  if (word === "shows") return { kind: "shows", terminal, lines };
  return {
    kind: "type",
    terminal,
    lines,
    stays: word === "stays",
    fails: word === "fails",
    online: word === "online",
  };
}

/** A fenced block of a page, and the language that it names. */
export interface Block {
  readonly language: string;
  readonly lines: readonly string[];
}

/** Reads the block right after a mark. Throws when there is none. */
export function blockAfter(lines: readonly string[], at: number, mark: string): Block {
  const language = /^```(\w+)$/.exec(lines[at + 1] ?? "")?.[1];
  const end = lines.indexOf("```", at + 2);
  if (language === undefined || end < 0) {
    throw new Error(`The page has no block right after "${mark}"`);
  }
  return { language, lines: lines.slice(at + 2, end).filter((line) => line !== "") };
}
