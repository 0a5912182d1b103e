import type { ClusterNode } from "../contract/nodes.ts";
import { nodeOptions, onNode } from "./node-command.ts";
import { table } from "./output.ts";
import { defineStrict } from "./strict.ts";

const HEADINGS = ["NODE", "NOW", "JOINED", "ANNOUNCED", "VERSION", "LEVEL", "CERTIFICATE", "ROUTE"];

export const nodeListCommand = defineStrict({
  description:
    "Lists the nodes of the cluster: since when, until when their route certificates hold, and whether the node that is asked has a route to them now.",
  options: nodeOptions([
    { name: "all", kind: "boolean", help: "those too that were removed, whose names are used up" },
  ]),
  run: ({ given }) =>
    onNode(
      given,
      async ({ client }) => {
        const document = await client.nodes.list({ all: given.all === true });
        const lines =
          document.cluster === null
            ? ["This node is on its own"]
            : table(HEADINGS, document.nodes.map(rowOf));
        return { document, lines };
      },
      { runningOnly: true },
    ),
});

function rowOf(one: ClusterNode): readonly string[] {
  const { node, joinedAt, announcedAt, version, level, certificateEndsAt, route } = one;
  return [
    ...[node, stateOf(one), dayOf(joinedAt), dayOf(announcedAt), version ?? "-"],
    level === null ? "-" : `${level}`,
    ...[certificateEndsAt === null ? "-" : `until ${dayOf(certificateEndsAt)}`, route ?? "-"],
  ];
}

function stateOf({ self, connected, hung, fenced, removedAt }: ClusterNode): string {
  if (removedAt !== null) return "removed";
  if (self) return "this one";
  if (fenced) return "fenced";
  if (hung) return "hung";
  return connected ? "connected" : "away";
}

function dayOf(time: string | null): string {
  return time?.slice(0, 10) ?? "-";
}
