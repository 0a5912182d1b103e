import type { LineDefinition, Option } from "./parse.ts";

const COLUMNS = 100;

/** What a command's help is made of. */
export interface HelpFacts extends LineDefinition {
  readonly description: string;
  /** Lines that can be typed as they stand. */
  readonly examples?: readonly string[];
}

/** Renders the help of one command: name, default and purpose of each option. No colours. */
export function renderCommandHelp(command: string, facts: HelpFacts): string {
  const positionals = facts.positionals ?? [];
  const options = facts.options ?? [];
  const usage = [
    command,
    ...positionals.map(({ name, required }) => (required ? name : `[${name}]`)),
    ...(options.length > 0 ? ["[options]"] : []),
  ].join(" ");
  const explained = positionals.filter(({ help }) => help !== undefined);
  return [
    ...wrap(facts.description, 0),
    "",
    `Usage: ${usage}`,
    ...(explained.length > 0 ? ["", "Arguments:"] : []),
    ...explained.flatMap(({ name, help }) => [`  ${name}`, ...wrap(help ?? "", 6)]),
    ...groupsOf(options).flatMap(([heading, members]) => [
      "",
      `${heading}:`,
      ...members.flatMap(optionLines),
    ]),
    ...((facts.examples?.length ?? 0) > 0 ? ["", "Examples:"] : []),
    ...(facts.examples ?? []).map((example) => `  ${example}`),
    "",
  ].join("\n");
}

/** Renders the help of a group of commands. */
export function renderGroupHelp(
  group: string,
  facts: {
    readonly description: string;
    readonly commands: readonly { readonly name: string; readonly description: string }[];
  },
): string {
  const width = Math.max(...facts.commands.map(({ name }) => name.length));
  return [
    ...wrap(facts.description, 0),
    "",
    `Usage: ${group} COMMAND`,
    "",
    "Commands:",
    ...facts.commands.flatMap(({ name, description }) => {
      const [first = "", ...rest] = wrap(description, width + 4);
      return [`  ${name.padEnd(width)}  ${first.trimStart()}`, ...rest];
    }),
    "",
    `The options of a command: ${group} COMMAND --help`,
    "",
  ].join("\n");
}

function groupsOf(options: readonly Option[]): readonly (readonly [string, readonly Option[]])[] {
  return [...Map.groupBy(options, (option) => option.group ?? "Options")];
}

function optionLines(option: Option): readonly string[] {
  const value = option.kind === "text" ? ` ${option.value ?? "VALUE"}` : "";
  const notes = [
    option.default === undefined ? "" : `default ${option.default === "" ? '""' : option.default}`,
    option.variable ?? "",
  ].filter((note) => note !== "");
  const often = option.repeats ? "; may be repeated" : "";
  const tail = notes.length > 0 ? ` (${notes.join("; ")})` : "";
  return [`  --${option.name}${value}`, ...wrap(`${option.help}${often}${tail}`, 6)];
}

/** Breaks a text into lines of at most 100 columns, each behind `indent` spaces. */
function wrap(text: string, indent: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((one) => `${" ".repeat(indent)}${one}`);
}
