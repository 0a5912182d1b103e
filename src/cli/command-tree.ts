import type { Option, Positional } from "./parse.ts";
import type { StrictNode } from "./strict.ts";

/** A command or a group of commands, as generated pages and completions need it. */
export interface CommandTree {
  /** Its words behind `unibus`; none for the whole. */
  readonly words: readonly string[];
  readonly description: string;
  readonly positionals: readonly Positional[];
  readonly options: readonly Option[];
  readonly commands: readonly CommandTree[];
}

export const SHELLS = ["bash", "zsh", "fish"] as const;

/** Loads every command and reads what it takes. */
export async function readTree(
  node: StrictNode,
  words: readonly string[] = [],
): Promise<CommandTree> {
  if (node.kind === "command") {
    const { description, positionals = [], options = [] } = node.help;
    return { words, description, positionals, options, commands: [] };
  }
  const commands = await Promise.all(
    Object.entries(node.commands).map(async ([word, load]) =>
      readTree(await load(), [...words, word]),
    ),
  );
  return { words, description: node.description, positionals: [], options: [], commands };
}

/** Renders the completions of a shell. */
export function renderCompletions(shell: (typeof SHELLS)[number], tree: CommandTree): string {
  const rows = flatten(tree);
  switch (shell) {
    case "bash":
      return renderBash(rows);
    case "zsh":
      return renderZsh(rows);
    case "fish":
      return renderFish(rows);
    default:
      return shell satisfies never;
  }
}

function flatten(tree: CommandTree): readonly CommandTree[] {
  return [tree, ...tree.commands.flatMap(flatten)];
}

/** What may follow the words of a command: commands, or options. */
function followersOf({ commands, options }: CommandTree): readonly string[] {
  const names = commands.map(({ words }) => words.at(-1) ?? "");
  return commands.length > 0 ? [...names, "--help"] : [...options.map(flagOf), "--help"];
}

function flagOf({ name }: Option): string {
  return `--${name}`;
}

/** What to offer behind the words that lead to each command; bash and zsh read it alike. */
function caseLines(rows: readonly CommandTree[]): string {
  return rows
    .map((row) => `    '${row.words.join(" ")}') next='${followersOf(row).join(" ")}' ;;`)
    .join("\n");
}

function groupPattern(rows: readonly CommandTree[]): string {
  const groups = rows.filter(({ commands }) => commands.length > 0);
  return groups.map(({ words }) => `'${words.join(" ")}'`).join("|");
}

/** The options behind which a value comes; in every command that has one of the name. */
function valuePattern(rows: readonly CommandTree[]): string {
  const taking = rows.flatMap(({ options }) => options.filter(({ kind }) => kind === "text"));
  return [...new Set(taking.map(flagOf))].join("|");
}

function renderBash(rows: readonly CommandTree[]): string {
  return `# Completions of unibus for bash. Written by: unibus completions bash
_unibus() {
  local word path='' next='' current="\${COMP_WORDS[COMP_CWORD]}"
  # A value is not ours to know: files are offered. Bash makes a word of the = before it.
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    ${valuePattern(rows)}|=) COMPREPLY=(); return ;;
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path" in
      ${groupPattern(rows)}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${caseLines(rows)}
  esac
  COMPREPLY=($(compgen -W "$next" -- "$current"))
}
complete -o default -F _unibus unibus ./unibus
`;
}

function renderZsh(rows: readonly CommandTree[]): string {
  return `#compdef unibus
# Completions of unibus for zsh. Written by: unibus completions zsh
_unibus() {
  local word path='' next=''
  case "\${words[CURRENT-1]}" in
    ${valuePattern(rows)}) _files; return ;;
  esac
  for word in \${words[2,CURRENT-1]}; do
    case "$path" in
      ${groupPattern(rows)}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${caseLines(rows)}
  esac
  compadd -- \${=next}
  [[ \${words[CURRENT]} == -* ]] || _files
}
if [ "$funcstack[1]" = "_unibus" ]; then _unibus "$@"; else compdef _unibus unibus; fi
`;
}

function renderFish(rows: readonly CommandTree[]): string {
  return [
    "# Completions of unibus for fish. Written by: unibus completions fish",
    ...rows.flatMap((row) => {
      const here = `-n '${fishCondition(row)}'`;
      const commands = row.commands.map(
        (one) =>
          `complete -c unibus -f ${here} -a ${one.words.at(-1)} -d ${fishWord(one.description)}`,
      );
      const options = row.options.map(
        (one) =>
          `complete -c unibus ${here} -l ${one.name}${one.kind === "text" ? " -r" : ""} -d ${fishWord(one.help)}`,
      );
      return [...commands, ...options];
    }),
    "",
  ].join("\n");
}

/** Holds where all words of the row were typed, and of a group none of its commands yet. */
function fishCondition({ words, commands }: CommandTree): string {
  const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
  const below = commands.map((one) => one.words.at(-1)).join(" ");
  const none = commands.length > 0 ? [`not __fish_seen_subcommand_from ${below}`] : [];
  return [...seen, ...none].join("; and ");
}

function fishWord(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
