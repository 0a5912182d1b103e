import { findNearest } from "../core/nearest.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";

export interface Positional {
  /** As the help shows it, e.g. `ROOM`. */
  readonly name: string;
  readonly required: boolean;
  readonly help?: string;
}

export interface Option {
  /** Without dashes. */
  readonly name: string;
  readonly kind: "text" | "boolean";
  readonly help: string;
  /** What stands for the value in the help; `VALUE` if not said. */
  readonly value?: string;
  /** The default, for the help. */
  readonly default?: string;
  /** The environment variable that sets it too, for the help. */
  readonly variable?: string;
  /** Heading under which the help shows it. */
  readonly group?: string;
  readonly emptyAllowed?: boolean;
  /** Whether it may be given more than once. */
  readonly repeats?: boolean;
}

export interface LineDefinition {
  readonly positionals?: readonly Positional[];
  readonly options?: readonly Option[];
}

export type ParsedLine =
  | { readonly kind: "help" }
  | {
      readonly kind: "arguments";
      /** The options that were given; those that repeat are in `lists`. */
      readonly given: Readonly<Record<string, string | boolean>>;
      readonly lists: Readonly<Record<string, readonly string[]>>;
      readonly positionals: Readonly<Record<string, string>>;
      /** The same arguments in the one form that citty reads as they are meant. */
      readonly canonical: readonly string[];
    };

const HELP = new Set(["--help", "-help", "-h"]);

/**
 * Reads the arguments of one command, strictly. `-name X`, `--name X`, `-name=X` and `--name=X` are
 * the same; a boolean is `--name`, `--name=true` or `--name=false`; after `--` all are positionals.
 * The argument after an option is its value, whatever it looks like, unless it is another option of
 * the command: then the value was forgotten (`--name=--other` is the way to mean it).
 * Throws `usage`, never with the text of a value: it may be a secret in the wrong place.
 */
export function parseCommandLine(
  definition: LineDefinition,
  argv: readonly string[],
  command = "unibus",
): ParsedLine {
  const reader = { command, options: definition.options ?? [], argv, at: 0 };
  const given = new Map<string, string | boolean>();
  const lists = new Map<string, string[]>();
  const words: string[] = [];
  while (reader.at < argv.length) {
    const argument = argv[reader.at++] ?? "";
    if (argument === "--") {
      words.push(...argv.slice(reader.at));
      break;
    }
    if (HELP.has(argument)) return { kind: "help" };
    if (!isOption(argument)) {
      words.push(argument);
      continue;
    }
    const { option, value } = readOption(reader, argument);
    if (option.repeats) {
      lists.set(option.name, [...(lists.get(option.name) ?? []), `${value}`]);
    } else if (given.has(option.name)) {
      throw wrong(command, `--${option.name} is given twice`);
    } else {
      given.set(option.name, value);
    }
  }
  const positionals = namePositionals(definition.positionals ?? [], words, command);
  const pairs = [
    ...given,
    ...[...lists].flatMap(([name, values]) => values.map((value) => [name, value] as const)),
  ];
  return {
    kind: "arguments",
    given: Object.fromEntries(given),
    lists: Object.fromEntries(lists),
    positionals,
    canonical: [...pairs.map(([name, value]) => `--${name}=${value}`), "--", ...words],
  };
}

interface Reader {
  readonly command: string;
  readonly options: readonly Option[];
  readonly argv: readonly string[];
  /** Index of the next argument. */
  at: number;
}

function isOption(argument: string): boolean {
  return argument.startsWith("-") && argument !== "-";
}

/** The name an argument spells as an option: `-name`, `--name`, each with or without `=value`. */
function optionName(argument: string): string {
  const [name = ""] = argument.replace(/^--?/, "").split("=", 1);
  return name;
}

function readOption(
  reader: Reader,
  argument: string,
): { readonly option: Option; readonly value: string | boolean } {
  const name = optionName(argument);
  const option = reader.options.find((one) => one.name === name);
  if (!option) throw wrong(reader.command, unknownOption(reader, name));
  const equals = argument.indexOf("=");
  const written = equals === -1 ? null : argument.slice(equals + 1);
  if (option.kind === "boolean") {
    if (written === null || written === "true") return { option, value: true };
    if (written === "false") return { option, value: false };
    throw wrong(reader.command, `--${name} takes no value but =true or =false`);
  }
  const value = written ?? takeValue(reader, option);
  if (value === "" && !option.emptyAllowed) {
    throw wrong(reader.command, `--${name} is given an empty value`);
  }
  return { option, value };
}

function takeValue(reader: Reader, option: Option): string {
  const value = reader.argv[reader.at++];
  if (value === undefined || value === "--" || HELP.has(value)) {
    throw wrong(reader.command, `--${option.name} is missing its value`);
  }
  const other = isOption(value) && reader.options.find(({ name }) => name === optionName(value));
  if (other) {
    throw wrong(
      reader.command,
      `--${option.name} is missing its value: the option --${other.name} follows`,
    );
  }
  return value;
}

function unknownOption(reader: Reader, name: string): string {
  const names = reader.options.map((option) => option.name);
  const nearest = findNearest(name, names);
  const hint = nearest ? `; is --${nearest} meant` : "";
  return `it has no option ${quote(`--${name}`)}${hint}`;
}

function namePositionals(
  positionals: readonly Positional[],
  words: readonly string[],
  command: string,
): Readonly<Record<string, string>> {
  const missing = positionals.find(({ required }, index) => required && index >= words.length);
  if (missing) throw wrong(command, `${missing.name} is missing`);
  if (words.length > positionals.length) {
    const names = positionals.map(({ name }) => name).join(" and ") || "no argument";
    const surplus = words.length - positionals.length;
    throw wrong(
      command,
      `it takes ${names}, and ${surplus} more ${surplus > 1 ? "are" : "is"} given`,
    );
  }
  const empty = positionals.find((_, index) => words[index] === "");
  if (empty) throw wrong(command, `${empty.name} is empty`);
  return Object.fromEntries(
    positionals.flatMap(({ name }, index) => {
      const word = words[index];
      return word === undefined ? [] : [[name, word]];
    }),
  );
}

/** A wrong line of arguments: says what is wrong, and where the right form is shown. */
export function wrong(command: string, why: string): Problem {
  return new Problem("usage", `Cannot run ${command}: ${why}; see: ${command} --help`);
}
