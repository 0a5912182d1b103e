import { defineGroup } from "./strict.ts";

export const nodeGroup = defineGroup({
  description: "Manages the nodes of a cluster, and makes a machine one of them.",
  commands: {
    token: async () => (await import("./node-token.ts")).nodeTokenCommand,
    join: async () => (await import("./node-join.ts")).nodeJoinCommand,
    rebuild: async () => (await import("./node-restore.ts")).nodeRebuildCommand,
    reset: async () => (await import("./node-restore.ts")).nodeResetCommand,
    roll: async () => (await import("./node-roll.ts")).nodeRollCommand,
    list: async () => (await import("./node-list.ts")).nodeListCommand,
    remove: async () => (await import("./node-remove.ts")).nodeRemoveCommand,
  },
});
