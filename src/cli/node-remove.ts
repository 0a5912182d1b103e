import { CLUSTER_WAIT_MS, NODE_SEEN_MS } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import type { Client } from "../sdk/client.ts";
import { commandName } from "./invocation.ts";
import { nodeOptions, onNode } from "./node-command.ts";
import { defineStrict } from "./strict.ts";

export const nodeRemoveCommand = defineStrict({
  description:
    "Removes a node from the cluster for good, at another one: it is out of the list and of JetStream's majority, it stops if it runs, and its name is never used again. Its files still open routes, until the bus CA and the route secret are rolled (unibus cert roll).",
  positionals: [{ name: "NAME", required: true, help: "the node, as unibus node list names it" }],
  options: nodeOptions([
    { name: "yes", kind: "boolean", help: "remove it though it is connected now" },
  ]),
  examples: ["unibus node remove n3"],
  run: ({ positionals: { NAME: node }, given }) =>
    onNode(
      given,
      async ({ client }) => {
        if (given.yes !== true && (await isConnected(client, node))) throw stillConnected(node);
        await client.nodes.remove(node);
        return { document: { node, removed: true }, lines: removedLines(node) };
      },
      { runningOnly: true },
    ),
});

/** Whether the node that is asked has a route to it, and not only had one a moment ago. */
async function isConnected(client: Client, name: string): Promise<boolean> {
  const deadlineAt = performance.now() + NODE_SEEN_MS;
  for (;;) {
    const { nodes } = await client.nodes.list();
    if (!nodes.some(({ node, connected }) => node === name && connected)) return false;
    if (performance.now() > deadlineAt) return true;
    await Bun.sleep(CLUSTER_WAIT_MS);
  }
}

function stillConnected(node: string): Problem {
  return new Problem(
    "usage",
    `Cannot remove the node: ${quote(node)} is connected now, and would stop and never come back under this name; say --yes if that is meant`,
  );
}

function removedLines(node: string): readonly string[] {
  const unibus = commandName();
  return [
    `The node ${quote(node)} is removed, and its name is used up: what takes its place joins under another one (${unibus} node token).`,
    "JetStream counts it no more within seconds; if it runs, it stops.",
    "Take its route out of the settings of the others, for their next start.",
    `Its files still open routes: whoever has them is inside until the bus CA and the route secret are rolled (${unibus} cert roll).`,
  ];
}
