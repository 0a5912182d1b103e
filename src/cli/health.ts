import { EXIT } from "../core/problems.ts";
import { nodeOptions, onNode } from "./node-command.ts";
import { table } from "./output.ts";
import { defineStrict } from "./strict.ts";

export const healthCommand = defineStrict({
  description:
    "Says whether the node does its work: exit code 0 when it does, 1 when a part of it does not, 4 when it is not there. For a container's health check, too.",
  options: nodeOptions([
    {
      name: "alive",
      kind: "boolean",
      help: "exit with 0 while all its threads answer, ready or not: what decides whether to start it anew must not ask for more, since a node of a cluster waits for the others",
    },
  ]),
  run: async ({ given }) => {
    let ready = false;
    const code = await onNode(
      given,
      async ({ client }) => {
        const health = await client.health();
        ready = given.alive === true ? health.alive : health.ready;
        const rows = health.parts.map((one) => [
          one.part,
          one.ready ? "ready" : "not ready",
          one.detail,
        ]);
        const warnings = health.warnings.map((warning) => `warning: ${warning}`);
        const lines = [...table(["PART", "STATE", "DETAIL"], rows), ...warnings];
        return { document: health, lines };
      },
      { runningOnly: true },
    );
    return code === EXIT.done && !ready ? EXIT.failed : code;
  },
});
