import { Problem } from "../core/problems.ts";
import { readTree, renderCompletions, SHELLS } from "./command-tree.ts";
import { printText } from "./output.ts";
import { defineStrict, type StrictCommand, type StrictNode } from "./strict.ts";

/** Makes the command that prints what shells need to know of all commands. */
export function completionsCommandOf(root: () => StrictNode): StrictCommand {
  return defineStrict({
    description: "Prints what a shell needs to complete the commands and options of unibus.",
    positionals: [{ name: "SHELL", required: true, help: SHELLS.join(", ") }],
    examples: [
      "unibus completions bash > /etc/bash_completion.d/unibus",
      'unibus completions zsh > "$fpath[1]/_unibus"',
      "unibus completions fish > ~/.config/fish/completions/unibus.fish",
    ],
    run: async ({ positionals }) => {
      const shell = SHELLS.find((one) => one === positionals.SHELL);
      if (!shell) {
        const known = SHELLS.join(", ");
        throw new Problem("usage", `Cannot complete for this shell: it must be one of ${known}`);
      }
      printText(renderCompletions(shell, await readTree(root())));
    },
  });
}
