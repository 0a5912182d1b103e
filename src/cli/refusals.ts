import type { Refused } from "../contract/refusals.ts";
import { LOGIN_REFUSALS } from "../core/login.ts";
import { PROBLEMS } from "../core/problems.ts";
import { nodeOptions, onNode } from "./node-command.ts";
import { table } from "./output.ts";
import { defineStrict } from "./strict.ts";

const OTHER_REASONS: Readonly<Record<string, string>> = {
  "no-right": "no membership of the user allows this subject",
  unauthenticated: "the request had neither signature nor token",
};

export const refusalsCommand = defineStrict({
  description:
    "Shows who was refused since the node's start, and why; under soft also what enforce would have refused.",
  options: nodeOptions(),
  run: ({ given }) =>
    onNode(
      given,
      async ({ client }) => {
        const refusals = await client.refusals();
        const counts = Object.entries(refusals.counts);
        const lines =
          counts.length === 0
            ? ["Nothing was refused since the node's start."]
            : [
                ...table(
                  ["COUNT", "WHAT"],
                  counts.map(([what, count]) => [`${count}`, what]),
                ),
                "",
                ...table(["TIME", "WHAT", "FROM", "WHO", "WHY"], refusals.last.map(rowOf)),
              ];
        return { document: refusals, lines };
      },
      { runningOnly: true },
    ),
});

function rowOf({ at, kind, reason, address, user, subject, admitted }: Refused) {
  const what = subject === "" ? kind : `${kind} ${subject}`;
  const why = reasonWords(reason);
  return [
    at,
    what,
    address === "" ? "-" : address,
    user === "" ? "-" : user,
    admitted ? `${why} (let through: soft)` : why,
  ];
}

function reasonWords(reason: string): string {
  const known: Readonly<Record<string, string>> = { ...OTHER_REASONS, ...LOGIN_REFUSALS };
  return known[reason] ?? titleOf(reason) ?? reason;
}

/** What is refused of a request has the code of the problem that it is answered with. */
function titleOf(reason: string): string | undefined {
  const problems: Readonly<Record<string, { readonly title: string }>> = PROBLEMS;
  return Object.hasOwn(problems, reason) ? problems[reason]?.title.toLowerCase() : undefined;
}
