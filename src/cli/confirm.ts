import { Problem } from "../core/problems.ts";
import type { Given } from "./node-command.ts";
import { note } from "./output.ts";
import type { Option } from "./parse.ts";

export const YES_OPTION = {
  name: "yes",
  kind: "boolean",
  help: "do it without asking; needed where there is no terminal",
} as const satisfies Option;

const ANSWER_CHARS_MAX = 100;

/**
 * Shows what is about to be done and asks on the terminal whether to do it. With `--yes` it only shows, and
 * with `--json` as well not even that.
 * Throws "usage" for any answer but "yes", and where there is no terminal to ask on.
 */
export async function confirm(options: {
  readonly lines: readonly string[];
  readonly question: string;
  readonly given: Given;
}): Promise<void> {
  const { lines, question, given } = options;
  const asks = given.yes !== true && process.stdin.isTTY;
  // A program reads one document on stderr.
  if (asks || given.json !== true) for (const line of lines) note(line);
  if (given.yes === true) return;
  if (!asks) {
    throw unconfirmed("there is no terminal to ask on; read what will happen, and give --yes");
  }
  note(`${question} Type yes to do it:`);
  if ((await readLine()).trim().toLowerCase() !== "yes") throw unconfirmed("it was not confirmed");
}

async function readLine(): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of Bun.stdin.stream()) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n") || text.length > ANSWER_CHARS_MAX) break;
  }
  return text.split("\n", 1)[0] ?? "";
}

function unconfirmed(why: string): Problem {
  return new Problem("usage", `Nothing was changed: ${why}`);
}
