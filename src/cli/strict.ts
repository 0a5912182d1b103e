// How commands are made and run:
//
//   export const userAddCommand = defineStrict({
//     description: "Admits a user.",
//     positionals: [{ name: "PUBLIC-KEY", required: true, help: "the user's public nkey" }],
//     options: [{ name: "role", kind: "text", value: "admin|member", help: "role on the bus" }],
//     run: async ({ positionals, options }) => addUser(positionals["PUBLIC-KEY"], options.role),
//   });
//   const root = defineGroup({
//     description: "A private message bus.",
//     commands: { user: async () => (await import("./user.ts")).userGroup, … },
//   });
//   process.exitCode = await runStrict(root, argv, { name: "unibus", print: (text) => … });
//
// A command is loaded when it is named, so a short command imports only what it uses. Wrong usage is
// a thrown Problem("usage"); help goes to `print` and exits with 0.
import { type CommandDef, defineCommand, runCommand } from "citty";
import { findNearest } from "../core/nearest.ts";
import { EXIT } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { type HelpFacts, renderCommandHelp, renderGroupHelp } from "./help.ts";
import { type Option, type ParsedLine, type Positional, parseCommandLine, wrong } from "./parse.ts";

type Line = Extract<ParsedLine, { readonly kind: "arguments" }>;

type OptionValue<O extends Option> = O extends { readonly repeats: true }
  ? readonly string[]
  : O extends { readonly kind: "boolean" }
    ? boolean
    : string | undefined;

/** What a command's `run` is given. */
export interface CommandArguments<P extends readonly Positional[], O extends readonly Option[]> {
  readonly positionals: {
    readonly [One in P[number] as One["name"]]: One extends { readonly required: true }
      ? string
      : string | undefined;
  };
  /** A boolean that was not given is false, a list empty, a text undefined. */
  readonly options: { readonly [One in O[number] as One["name"]]: OptionValue<One> };
  /** The options that were given and do not repeat, as loadNodeSettings takes them. */
  readonly given: Readonly<Record<string, string | boolean>>;
}

type Awaitable<T> = T | Promise<T>;

export interface StrictCommand {
  readonly kind: "command";
  readonly help: HelpFacts;
  readonly command: CommandDef;
}

export interface StrictGroup {
  readonly kind: "group";
  readonly description: string;
  readonly commands: Readonly<Record<string, () => Awaitable<StrictNode>>>;
}

export type StrictNode = StrictCommand | StrictGroup;

/** Makes a command. `run` answers the exit code; nothing means 0. */
export function defineStrict<
  const P extends readonly Positional[] = readonly [],
  const O extends readonly Option[] = readonly [],
>(
  definition: HelpFacts & {
    readonly positionals?: P;
    readonly options?: O;
    readonly run: (args: CommandArguments<P, O>) => Awaitable<number | undefined>;
  },
): StrictCommand {
  const { run, ...help } = definition;
  return {
    kind: "command",
    help,
    command: defineCommand({
      meta: { description: help.description },
      args: cittyArguments(help),
      run: ({ rawArgs }) => {
        // What citty made of the arguments is not used: it takes the last of a repeated option.
        const line = parseCommandLine(help, rawArgs);
        if (line.kind === "help") return EXIT.done;
        return run(argumentsOf<P, O>(help, line));
      },
    }),
  };
}

/** Makes a group of commands; each is loaded when it is named. */
export function defineGroup(definition: Omit<StrictGroup, "kind">): StrictGroup {
  return { kind: "group", ...definition };
}

/**
 * Finds the command that the arguments name and runs it, or prints the help that they ask for.
 * Answers the exit code; throws `usage` for wrong usage, and what the command throws.
 */
export async function runStrict(
  root: StrictNode,
  argv: readonly string[],
  io: { readonly name: string; readonly print: (text: string) => void },
): Promise<number> {
  const { node, name, rest } = await findCommand(root, argv, io.name);
  if (node.kind === "group") {
    if (!isHelp(rest[0])) throw wrong(name, "no command is given");
    io.print(await groupHelp(node, name));
    return EXIT.done;
  }
  const takesWords = (node.help.positionals?.length ?? 0) > 0;
  const asksHelp = !takesWords && rest.length === 1 && rest[0] === "help";
  const line = asksHelp ? { kind: "help" as const } : parseCommandLine(node.help, rest, name);
  if (line.kind === "help") {
    io.print(renderCommandHelp(name, node.help));
    return EXIT.done;
  }
  const { result } = await runCommand(node.command, { rawArgs: [...line.canonical] });
  return typeof result === "number" ? result : EXIT.done;
}

interface Found {
  readonly node: StrictNode;
  /** The words that lead to it, e.g. `unibus user add`. */
  readonly name: string;
  readonly rest: readonly string[];
}

async function findCommand(
  root: StrictNode,
  argv: readonly string[],
  rootName: string,
): Promise<Found> {
  let found: Found = { node: root, name: rootName, rest: argv };
  let helpWanted = false;
  for (;;) {
    const { node, name, rest } = found;
    const [word, ...after] = rest;
    if (node.kind === "command") {
      return helpWanted ? { ...found, rest: ["--help"] } : found;
    }
    if (word === undefined || isHelp(word)) {
      // `unibus help user add` is `unibus user add --help`.
      const asked = helpWanted || word !== undefined;
      if (word === "help" && after.length > 0 && !helpWanted) {
        helpWanted = true;
        found = { node, name, rest: after };
        continue;
      }
      return { node, name, rest: asked ? ["--help"] : [] };
    }
    found = { node: await loadCommand(node, name, word), name: `${name} ${word}`, rest: after };
  }
}

async function loadCommand(group: StrictGroup, name: string, word: string): Promise<StrictNode> {
  const load = Object.hasOwn(group.commands, word) ? group.commands[word] : undefined;
  if (load) return load();
  const nearest = findNearest(word, Object.keys(group.commands));
  const hint = nearest ? `; is ${nearest} meant` : "";
  const what = word.startsWith("-") ? "an option stands before the command" : "it has no command";
  const [shown = ""] = word.split("=", 1);
  throw wrong(name, `${what}: ${quote(shown)}${hint}`);
}

async function groupHelp(group: StrictGroup, name: string): Promise<string> {
  const commands = await Promise.all(
    Object.entries(group.commands).map(async ([word, load]) => {
      const node = await load();
      const description = node.kind === "group" ? node.description : node.help.description;
      return { name: word, description };
    }),
  );
  return renderGroupHelp(name, { description: group.description, commands });
}

function isHelp(word: string | undefined): boolean {
  return word === "help" || word === "--help" || word === "-help" || word === "-h";
}

function cittyArguments(help: HelpFacts): NonNullable<CommandDef["args"]> {
  const positionals = (help.positionals ?? []).map(({ name, required }) => [
    name,
    { type: "positional", required },
  ]);
  const options = (help.options ?? []).map(({ name, kind }) => [
    name,
    { type: kind === "text" ? "string" : "boolean" },
  ]);
  return Object.fromEntries([...positionals, ...options]);
}

function argumentsOf<P extends readonly Positional[], O extends readonly Option[]>(
  help: HelpFacts,
  line: Line,
): CommandArguments<P, O> {
  const options = (help.options ?? []).map((option) => {
    if (option.repeats) return [option.name, line.lists[option.name] ?? []];
    return [
      option.name,
      line.given[option.name] ?? (option.kind === "boolean" ? false : undefined),
    ];
  });
  // The shape that the definition's type computes; parseCommandLine refused every other line.
  return {
    positionals: line.positionals,
    options: Object.fromEntries(options),
    given: line.given,
  } as CommandArguments<P, O>;
}
