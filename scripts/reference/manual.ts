import type { CommandTree } from "../../src/cli/command-tree.ts";
import type { Option } from "../../src/cli/parse.ts";
import { VERSION } from "../../src/core/version.ts";

/** Renders the manual page, for `man`. Source: man-pages(7), groff_man(7). */
export function renderManual(tree: CommandTree): string {
  const commands = tree.commands.flatMap(leavesOf);
  return [
    '.\\" Written by scripts/reference.ts from the code. Do not edit.',
    `.TH UNIBUS 1 "" "unibus ${VERSION}" "User Commands"`,
    ".SH NAME",
    "unibus \\- a private message bus that a small team runs itself",
    ".SH SYNOPSIS",
    ".B unibus",
    ".I COMMAND",
    "[\\fIoptions\\fR]",
    ".SH DESCRIPTION",
    "People, services, scripts and devices each have a key pair and talk in rooms. A node is one",
    "process, which supervises a nats\\-server; clients speak plain NATS to that.",
    ".B unibus up",
    "is the quick start.",
    ".B unibus",
    ".I COMMAND",
    ".B \\-\\-help",
    "tells about a command.",
    ".SH COMMANDS",
    ...commands.flatMap(commandLines),
    ".SH EXIT STATUS",
    ...[
      ["0", "done"],
      ["1", "failed"],
      ["2", "wrong usage"],
      ["3", "refused"],
      ["4", "no node there, or it does not answer"],
    ].flatMap(([code = "", words = ""]) => [".TP", `.B ${code}`, words]),
    ".SH ENVIRONMENT",
    "Each option of a node can be a variable: its name in capitals, with _ for \\-, behind UNIBUS_.",
    ".TP",
    ".B UNIBUS_NATS_SERVER",
    "A nats\\-server to run instead of the one that belongs to unibus.",
    ".SH FILES",
    ".TP",
    ".I ./local_files",
    "All that a node keeps, unless \\-\\-data\\-dir names another folder.",
    ".SH SEE ALSO",
    ".BR systemd (1)",
    "",
  ].join("\n");
}

function leavesOf(tree: CommandTree): readonly CommandTree[] {
  return tree.commands.length === 0 ? [tree] : tree.commands.flatMap(leavesOf);
}

function commandLines({ words, positionals, options, description }: CommandTree) {
  const places = positionals.map(({ name, required }) => (required ? name : `[${name}]`));
  return [
    `.SS "${roff(["unibus", ...words, ...places].join(" "))}"`,
    lineOf(description),
    ...options.flatMap(optionLines),
  ];
}

function optionLines({ name, kind, value = "VALUE", help, default: usual }: Option) {
  const shown = kind === "text" ? ` \\fI${roff(value)}\\fR` : "";
  const tail = usual ? ` (default ${usual})` : "";
  return [".TP", `\\fB\\-\\-${roff(name)}\\fR${shown}`, lineOf(`${help}${tail}`)];
}

/** A line of text: one that begins with a dot or a quote would be an order to roff. */
function lineOf(text: string): string {
  return `\\&${roff(text)}`;
}

function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq");
}
