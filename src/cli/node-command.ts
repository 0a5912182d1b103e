import { processEnvironment } from "../config/environment.ts";
import { loadNodePlace } from "../config/load.ts";
import { EXIT, PROBLEMS, Problem } from "../core/problems.ts";
import type { Client } from "../sdk/client.ts";
import { advise } from "./advice.ts";
import { commandName } from "./invocation.ts";
import { openNode, type Remote } from "./node.ts";
import { placeOptions } from "./node-options.ts";
import { printJson, printLines, reportProblem } from "./output.ts";
import type { Option } from "./parse.ts";
import type { NodePlace } from "./place.ts";

/** `--json`, as every command has it. */
export const JSON_OPTION = {
  name: "json",
  kind: "boolean",
  help: "print one JSON document; that of an error goes to stderr",
} as const satisfies Option;

/** The options of every command that speaks to a node, behind its own. */
export function nodeOptions(own: readonly Option[] = []): readonly Option[] {
  return [...own, JSON_OPTION, ...placeOptions()];
}

export type Given = Readonly<Record<string, string | boolean>>;

/** What a command shows: a document for programs, lines for people. */
export interface Shown {
  readonly document: object;
  readonly lines: readonly string[];
}

/** What a command is given of its node. */
export interface CommandNode {
  readonly client: Client;
  readonly running: boolean;
  readonly place: NodePlace;
  /** Who one is at a node elsewhere; null at the node's own folder. */
  readonly remote: Remote | null;
}

/**
 * Runs a command against the node that its options name, prints what it shows, and answers the exit
 * code. A problem is told together with the node or database that it came from.
 */
export async function onNode(
  given: Given,
  use: (node: CommandNode) => Promise<Shown>,
  options: { readonly mayCreate?: boolean; readonly runningOnly?: boolean } = {},
): Promise<number> {
  const place = loadNodePlace(given, processEnvironment());
  const json = given.json === true;
  await using node = await openNode(place, { ...options, quiet: json });
  const { client, running, where, remote } = node;
  try {
    show(await use({ client, running, place, remote }), json);
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const told = remote ? advise(error) : error;
    // Wrong usage has nothing to do with the node.
    reportProblem(told, { json, ...(error.code === "usage" ? {} : { where }) });
    return PROBLEMS[error.code].exit;
  }
}

export function show({ document, lines }: Shown, json: boolean): void {
  if (json) printJson(document);
  else printLines(lines);
}

/**
 * Refuses what only a user does where there is none: at the node itself one is its operator.
 * Throws "forbidden".
 */
export function requireLogin(remote: Remote | null, action: string): void {
  if (remote) return;
  throw new Problem(
    "forbidden",
    `Cannot ${action}: at the node itself you are its operator, and no user; be one in another folder: ${commandName()} login URL --key FILE --data-dir FOLDER`,
  );
}

/** A text option that was given, or undefined. */
export function textOf(given: Given, name: string): string | undefined {
  const value = given[name];
  return typeof value === "string" ? value : undefined;
}

/** An option that is one of few words. Throws `usage` for another one. */
export function choiceOf<Choice extends string>(
  given: Given,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const value = textOf(given, name);
  if (value === undefined) return undefined;
  const choice = choices.find((one) => one === value);
  if (choice !== undefined) return choice;
  throw new Problem("usage", `Cannot use --${name}: it must be one of ${choices.join(", ")}`);
}
