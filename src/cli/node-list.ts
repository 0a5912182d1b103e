import type { ClusterNode } from "../contract/nodes.ts";
import { nodeOptions, onNode } from "./node-command.ts";
import { table } from "./output.ts";
import { defineStrict } from "./strict.ts";

export const nodeListCommand = defineStrict({
  description:
    "Lists the nodes of the cluster: since when, until when their route certificates hold, and whether the node that is asked has a route to them now.",
  options: nodeOptions(),
  run: ({ given }) =>
    onNode(
      given,
      async ({ client }) => {
        const document = await client.nodes.list();
        const lines =
          document.cluster === null
            ? ["This node is on its own"]
            : table(["NODE", "NOW", "JOINED", "CERTIFICATE", "ROUTE"], document.nodes.map(rowOf));
        return { document, lines };
      },
      { runningOnly: true },
    ),
});

function rowOf(one: ClusterNode): readonly string[] {
  const now = one.self ? "this one" : one.connected ? "connected" : "away";
  const { node, joinedAt, certificateEndsAt, route } = one;
  const until = certificateEndsAt === null ? "-" : `until ${certificateEndsAt.slice(0, 10)}`;
  return [node, now, joinedAt ?? "-", until, route ?? "-"];
}
