/** A value that a log line may carry: ids, counts, words. Never a token, a seed, a body. */
export type LogField = string | number | boolean | null | readonly string[];
export type LogFields = Readonly<Record<string, LogField>>;
export type LogLevel = "info" | "warn" | "error";

/** One line per event; `event` in dotted past tense (`member.added`), `message` for people. */
export interface Log {
  info(event: string, message: string, fields?: LogFields): void;
  warn(event: string, message: string, fields?: LogFields): void;
  error(event: string, message: string, fields?: LogFields): void;
}

/** Picks the form of "auto": text for a person at a terminal, JSON lines for everything else. */
export function logFormatOf(asked: "text" | "json" | "auto", isTerminal: boolean): "text" | "json" {
  if (asked !== "auto") return asked;
  return isTerminal ? "text" : "json";
}

/**
 * Makes a log that writes one line per event: text (`<time> [unibus] <message>`) or JSON
 * (`time`, `level`, `event`, `message` and the fields). The sentence is the same in both [M-055].
 */
export function createLog(options: {
  readonly format: "text" | "json";
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
}): Log {
  const { format, write = writeToStderr, now = () => new Date() } = options;
  function line(level: LogLevel, event: string, message: string, fields: LogFields = {}): void {
    const time = now().toISOString();
    if (format === "json") {
      const own = { time, level, event, message };
      write(`${oneLine(JSON.stringify({ ...own, ...fields, ...own }))}\n`);
      return;
    }
    const mark = level === "info" ? "" : `${level.toUpperCase()}: `;
    write(`${time} [unibus] ${mark}${oneLine(message)}\n`);
  }
  return {
    info: (event, message, fields) => line("info", event, message, fields),
    warn: (event, message, fields) => line("warn", event, message, fields),
    error: (event, message, fields) => line("error", event, message, fields),
  };
}

function writeToStderr(line: string): void {
  process.stderr.write(line);
}

/** Escapes that JSON and people know better than their numbers. */
const SHORT_ESCAPES = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/**
 * Keeps a text on its line, in its order, and from commanding a terminal: what a client sent may hold
 * line breaks that would forge lines, format characters that would turn one around, and control
 * characters, of which JSON itself escapes the first 32 only.
 */
function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => SHORT_ESCAPES.get(character) ?? character.split("").map(unitEscape).join(""),
  );
}

function unitEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
