/** Answers the help of a command, given its words without `unibus`. */
export type AskHelp = (words: readonly string[]) => Promise<string>;

/** Renders the page of commands from what the command line itself says, group by group. */
export async function renderCli(ask: AskHelp): Promise<string> {
  const sections = await sectionsOf([], ask);
  return `# Command line

In a checkout it is \`./unibus\`. Results go to stdout, everything else to stderr. \`-name\` means
\`--name\`. Exit codes: [problems](problems.md); settings of a node with their variables:
[configuration](configuration.md).

${sections.join("\n")}`;
}

async function sectionsOf(words: readonly string[], ask: AskHelp): Promise<readonly string[]> {
  const help = await ask(words);
  const section = `## ${["unibus", ...words].join(" ")}\n\n\`\`\`text\n${help.trim()}\n\`\`\`\n`;
  const below = await Promise.all(
    commandsIn(help).map((command) => sectionsOf([...words, command], ask)),
  );
  return [section, ...below.flat()];
}

/** The names under "Commands:", as `name  what it does`, `one, other` or `group one | other`. */
function commandsIn(help: string): readonly string[] {
  const [, list = ""] = help.split(/^(?:Commands|All commands):\n/m);
  const [names = ""] = list.split("\n\n");
  return names
    .split("\n")
    .map((line) => /^ {2}(\S.*?)(?: {2}|$)/.exec(line)?.[1] ?? "")
    .flatMap((line) => line.split(", "))
    .flatMap((words) => words.split(" ")[0] || []);
}

/** Asks the command line of this checkout, in a process that knows no setting of ours. */
export function askProcess(root: string): AskHelp {
  return async (words) => {
    const command = [process.execPath, "--no-env-file", "src/main.ts", ...words, "--help"];
    const child = Bun.spawn(command, {
      cwd: root,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
    });
    const [help, errors, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (code === 0 && help.trim() !== "") return help;
    throw new Error(`"unibus ${words.join(" ")} --help" ended with ${code}: ${errors.trim()}`);
  };
}
