// Tries src/server/write-path.ts over each journal, in this process.
import { describe } from "bun:test";
import { openLocalBus, openReplicatedBus } from "../harness/journals.ts";
import { commitSuite, exactlyOnceSuite } from "../harness/write-path-suite.ts";

describe.each([
  ["one node's journal", () => openLocalBus()],
  ["a cluster's journal", () => openReplicatedBus()],
] as const)("over %s", (_, openBus) => {
  commitSuite(openBus);
  exactlyOnceSuite(openBus);
});
