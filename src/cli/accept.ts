import { ACCEPT_SETTINGS } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { nodeOptions, onNode, requireLogin } from "./node-command.ts";
import { defineStrict } from "./strict.ts";

export const acceptCommand = defineStrict({
  description:
    "Says whose adding to a room you take without being asked; memberships by others wait until you accept them.",
  positionals: [
    {
      name: "WHOM",
      required: true,
      help: "from-admins: admins and the operator (as from the start); all: everybody; none: nobody",
    },
  ],
  options: nodeOptions(),
  examples: ["unibus accept none"],
  run: ({ positionals, given }) => {
    const accept = ACCEPT_SETTINGS.find((one) => one === positionals.WHOM);
    if (accept === undefined) {
      throw new Problem(
        "usage",
        `Cannot accept: WHOM must be one of ${ACCEPT_SETTINGS.join(", ")}`,
      );
    }
    return onNode(given, async ({ client, remote }) => {
      requireLogin(remote, "say whose adding is accepted");
      const user = await client.me.update({ accept });
      return { document: user, lines: [`Memberships are accepted at once: ${user.accept}`] };
    });
  },
});
