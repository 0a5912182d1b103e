// Tries the announcer of src/server/cluster-announce.ts, on a real store with a clock of the test's.
import { describe, expect, test } from "bun:test";
import { NODE_ANNOUNCE_MS_MIN } from "../../src/core/limits.ts";
import type { NodeAnnouncement } from "../../src/core/operations.ts";
import { Problem } from "../../src/core/problems.ts";
import { createAnnouncer } from "../../src/server/cluster-announce.ts";
import { getBus } from "../../src/store/journal.ts";
import { listNodes } from "../../src/store/nodes.ts";
import { NOW, openTestBus } from "../harness/builders.ts";
import { nodeAnnounced } from "../harness/node-builders.ts";

function anAnnouncer() {
  const bus = openTestBus();
  const { kind: _, ...first } = nodeAnnounced("n1");
  const state = {
    now: NOW,
    isFresh: true,
    told: first as NodeAnnouncement | null,
    failing: null as Problem | null,
  };
  const log: string[] = [];
  const note = (event: string): void => void log.push(event);
  const look = createAnnouncer({
    describe: () => state.told,
    find: () => listNodes(bus.store).find(({ node }) => node === "n1") ?? null,
    isFresh: () => state.isFresh,
    commit: async (operation) => {
      if (state.failing) throw state.failing;
      return await bus.writePath.commit(operation);
    },
    now: () => state.now,
    log: { info: note, warn: note },
  });
  return {
    ...{ bus, state, log, first },
    entries: () => getBus(bus.store).lastSeq,
    look: async (afterMs = NODE_ANNOUNCE_MS_MIN) => {
      state.now += afterMs;
      await look();
    },
    [Symbol.dispose]: () => bus[Symbol.dispose](),
  };
}

describe("what a node tells of itself", () => {
  test("is entered once, and again only when it is another thing: a renewed certificate too", async () => {
    using node = anAnnouncer();
    for (let looks = 0; looks < 5; looks++) await node.look();
    expect(node.entries()).toBe(1);
    node.state.told = { ...node.first, certificate: "5e".repeat(32), certificateEndsAt: NOW };
    for (let looks = 0; looks < 5; looks++) await node.look();
    expect(node.entries()).toBe(2);
    expect(listNodes(node.bus.store)).toMatchObject([{ certificate: "5e".repeat(32) }]);
  });

  test("is not entered before it knows itself, nor on what may be old", async () => {
    using node = anAnnouncer();
    node.state.told = null;
    await node.look();
    node.state.told = node.first;
    node.state.isFresh = false;
    await node.look();
    expect(node.entries()).toBe(0);
  });

  test("does not take the route from one who knows it better", async () => {
    using node = anAnnouncer();
    await node.look();
    node.state.told = { ...node.first, route: null };
    await node.look();
    expect(node.entries()).toBe(1);
    expect(listNodes(node.bus.store)).toMatchObject([{ route: node.first.route }]);
  });

  test("that changes all the time is entered now and again", async () => {
    using node = anAnnouncer();
    for (let looks = 0; looks < 20; looks++) {
      node.state.told = { ...node.first, version: `0.1.${looks}` };
      await node.look(NODE_ANNOUNCE_MS_MIN / 10);
    }
    expect(node.entries()).toBe(2);
  });

  test("is tried again when nobody takes it, and not when the node was removed", async () => {
    using node = anAnnouncer();
    node.state.failing = new Problem("journal-unavailable", "Cannot record the operation");
    await node.look();
    expect(node.entries()).toBe(0);
    node.state.failing = null;
    await node.look();
    expect(node.entries()).toBe(1);
    for (const name of ["n2", "n3"]) await node.bus.must(nodeAnnounced(name));
    await node.bus.must({ kind: "node.removed", node: "n1" });
    node.state.told = { ...node.first, version: "0.2.0" };
    for (let looks = 0; looks < 5; looks++) await node.look();
    expect(node.entries()).toBe(5);
    expect(node.log).toEqual(["node.unannounced", "node.announced", "node.unannounced"]);
  });
});
