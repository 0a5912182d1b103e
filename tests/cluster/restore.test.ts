// Tries src/cli/node-restore.ts, src/server/restore.ts, src/server/restore-mark.ts and
// src/server/restore-start.ts on whole nodes.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apply } from "../../src/store/apply.ts";
import { getBus } from "../../src/store/journal.ts";
import { openStore } from "../../src/store/open.ts";
import { anOperation, aUser } from "../harness/builders.ts";
import {
  type Cluster,
  type ClusterNode,
  prepareCluster,
  startCluster,
} from "../harness/cluster.ts";
import { demandNothingLost, positionOf, untilNodesAgree } from "../harness/cluster-evidence.ts";
import { addUser, busesOf, withLogs } from "../harness/cluster-scene.ts";
import { recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { onStopped, refusedOn } from "../harness/growing.ts";
import { EXIT } from "../harness/promises.ts";
import { run } from "../harness/unibus.ts";

const TEST_TIMEOUT_MS = 120_000;
const MARK = "unibus.restore";

/** Some nodes of a cluster, as a cluster. */
function only(cluster: Cluster, nodes: readonly ClusterNode[]): Cluster {
  return { ...cluster, nodes };
}

/** Waits until a node has given up, and returns why. */
async function untilFailed({ unibus, name }: ClusterNode): Promise<string> {
  const line = await eventually(() => unibus.log.find(({ event }) => event === "node.failed"), {
    timeoutMs: 60_000,
    what: `${name} to give up`,
  });
  return line.message;
}

function hasFailed({ unibus }: ClusterNode): boolean {
  return unibus.log.some(({ event }) => event === "node.failed");
}

/** What was asked for is done once. */
function expectNoMark(node: ClusterNode): void {
  expect(existsSync(join(node.dataDir, MARK))).toBeFalse();
}

describe("two of three nodes are lost for good", () => {
  test(
    "the bus goes on from the third with two empty nodes of new names, and has lost nothing",
    async () => {
      let members = [0, 1, 2];
      await using cluster = await prepareCluster({ nodes: 5, members: () => members });
      await withLogs(cluster, async () => {
        const [one, two, third, four, five] = cluster.nodes;
        if (!one || !two || !third || !four || !five) throw new Error("There are five nodes");
        await Promise.all([one, two, third].map((node) => node.start()));
        await cluster.ready();
        const [bus] = await busesOf(cluster);
        const users = await Promise.all([0, 1, 2].map((index) => addUser(cluster, index)));
        await untilNodesAgree(cluster);
        for (const node of [one, two]) {
          await node.end("SIGKILL");
          rmSync(node.dataDir, { recursive: true });
        }
        expect(await refusedOn(third, "rebuild", "--yes")).toMatchObject({ code: "folder-in-use" });
        expect((await refusedOn(third, "reset", "--yes")).code).toBe("folder-in-use");
        await third.end();
        const had = positionOf(third);

        // Who is not asked on a terminal has to say yes; nothing happens before.
        const unasked = await refusedOn(third, "rebuild");
        expect(unasked).toMatchObject({ code: "usage", exit: EXIT.usage });
        expect(unasked.detail).toContain("--yes");
        expect(readdirSync(join(third.dataDir, "jetstream"))).toContain("jetstream");
        expectNoMark(third);

        const [, , lastSeq] = Object.values(JSON.parse(had));
        const told = await onStopped(third, "rebuild");
        expect(told).toMatchObject({ bus, lastSeq });
        const [aside] = told.aside as readonly string[];
        expect(readdirSync(aside ?? "").toSorted()).toEqual(["CTRL", "SYS"]);
        const alone = await run(["serve", "--data-dir", third.dataDir, "--bus-auth", "enforce"]);
        expect([alone.code, alone.stderr]).toEqual([
          EXIT.refused,
          expect.stringContaining("unibus node rebuild was run on it"),
        ]);

        members = [2, 3, 4];
        const startedAt = performance.now();
        await Promise.all([third, four, five].map((node) => node.start()));
        await cluster.ready();
        const readyMs = Math.round(performance.now() - startedAt);
        expect(await busesOf(cluster)).toEqual([bus ?? ""]);
        for (const { user } of users) await five.unibus.ask("GET", `/v1/users/${user}`);
        await addUser(cluster, 4);
        expectNoMark(third);
        await four.end("SIGKILL");
        await eventually(() => addUser(cluster, 4), { timeoutMs: 20_000 });
        await four.start();
        await cluster.ready();
        const { entries } = await demandNothingLost(only(cluster, [third, four, five]), {
          ...{ seed: 0, history: [] },
        });
        recordProof("a bus goes on from one node of three", { entries, readyMs });
      });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("the stream is lost on all nodes", () => {
  test(
    "who looks for it refuses to go on and says how; one rebuilds it, and the others take it from there",
    async () => {
      await using cluster = await startCluster();
      await withLogs(cluster, async () => {
        await cluster.ready();
        const [one, two, three] = cluster.nodes;
        if (!one || !two || !three) throw new Error("There are three nodes");
        const user = await addUser(cluster);
        for (const node of cluster.nodes) {
          await node.end();
          rmSync(join(node.dataDir, "jetstream"), { recursive: true });
        }
        await Promise.all(cluster.nodes.map((node) => node.start()));
        // When two have ended the third waits for them: there is no majority to look with.
        await eventually(() => cluster.nodes.filter(hasFailed).length >= 2, { timeoutMs: 60_000 });
        for (const node of cluster.nodes) {
          if (hasFailed(node)) expect(await untilFailed(node)).toContain("unibus node rebuild");
          await node.end();
        }
        await onStopped(two, "rebuild");
        for (const node of [one, three]) {
          const { aside, lastSeq } = await onStopped(node, "reset", "--streams");
          expect(lastSeq).toBeNumber();
          expect(aside).toHaveLength(2);
        }
        // In the worst order: those that have nothing first.
        await Promise.all([one.start(), three.start()]);
        await eventually(async () => (await one.routes()).includes("n3"));
        expect(await busesOf(cluster)).toEqual([""]);
        await two.start();
        await cluster.ready();
        await one.unibus.ask("GET", `/v1/users/${user.user}`);
        await addUser(cluster, 2);
        await demandNothingLost(cluster, { seed: 0, history: [] });
        for (const node of cluster.nodes) expectNoMark(node);
      });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("two nodes that both were told to rebuild", () => {
  test(
    "do not both: the one that has less refuses, and nothing of the other is lost",
    async () => {
      await using cluster = await startCluster();
      await withLogs(cluster, async () => {
        await cluster.ready();
        const [one, two, three] = cluster.nodes;
        if (!one || !two || !three) throw new Error("There are three nodes");
        await one.end();
        const user = await addUser(cluster, 1);
        await Promise.all([two.end(), three.end()]);
        for (const node of [one, two]) await onStopped(node, "rebuild");
        await onStopped(three, "reset", "--streams");
        await Promise.all(cluster.nodes.map((node) => node.start()));
        // Either it hears so from the other before it begins, or from the stream that the other began.
        expect(await untilFailed(one)).toMatch(/n2 has this bus up to|goes on from/);
        await one.end();
        await onStopped(one, "reset", "--streams");
        await one.start();
        await cluster.ready();
        await one.unibus.ask("GET", `/v1/users/${user.user}`);
        await demandNothingLost(cluster, { seed: 0, history: [] });
      });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a stream that is still there", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.ready();
  }, 60_000);
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  test(
    "is joined by a node that was to rebuild it, and nothing is rebuilt",
    async () => {
      await withLogs(cluster, async () => {
        const third = cluster.node(2);
        await addUser(cluster);
        await third.end();
        await onStopped(third, "rebuild");
        const user = await addUser(cluster, 1);
        await third.start();
        await cluster.ready();
        await third.unibus.ask("GET", `/v1/users/${user.user}`);
        expectNoMark(third);
        await addUser(cluster, 2);
        await demandNothingLost(cluster, { seed: 0, history: [] });
        expect(beginningsOf(third)).toBe(1);
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is taken again from its beginning by a node whose database has another entry, once that is reset",
    async () => {
      await withLogs(cluster, async () => {
        const third = cluster.node(2);
        await third.end();
        {
          using store = openStore({ path: join(third.dataDir, "unibus.db"), random: null });
          const seq = getBus(store).lastSeq + 1;
          const change = { kind: "user.add", user: aUser(), name: null, role: "member" } as const;
          apply(store, { seq, operation: anOperation(change) });
        }
        await addUser(cluster);
        await third.start();
        expect(await untilFailed(third)).toContain("unibus node reset");
        await third.end();
        const { aside } = await onStopped(third, "reset");
        const [kept] = aside as readonly string[];
        expect(readdirSync(kept ?? "")).toContain("unibus.db");
        // Without its cluster it would be another bus.
        const alone = await run(["serve", "--data-dir", third.dataDir, "--bus-auth", "enforce"]);
        expect([alone.code, alone.stderr]).toEqual([
          EXIT.refused,
          expect.stringContaining("unibus node reset was run on it"),
        ]);
        await third.start();
        await cluster.ready();
        await demandNothingLost(cluster, { seed: 0, history: [] });
        expectNoMark(third);
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is taken again by a node whose database is no database any more, once that is reset",
    async () => {
      await withLogs(cluster, async () => {
        const second = cluster.node(1);
        await second.end();
        for (const end of ["-wal", "-shm"])
          rmSync(join(second.dataDir, `unibus.db${end}`), { force: true });
        writeFileSync(join(second.dataDir, "unibus.db"), "no database at all");
        await expect(second.start()).rejects.toThrow("The node is not ready");
        expect((await refusedOn(second, "rebuild", "--yes")).code).toBe("journal-damaged");
        await onStopped(second, "reset");
        await second.start();
        await cluster.ready();
        await demandNothingLost(cluster, { seed: 0, history: [] });
      });
    },
    TEST_TIMEOUT_MS,
  );
});

/** How often the journal of a node's database began in a cluster. */
function beginningsOf({ dataDir }: ClusterNode): number {
  using store = openStore({ path: join(dataDir, "unibus.db"), random: null });
  const sql = `SELECT seq FROM journal WHERE instr(entry, '"kind":"bus.') > 0`;
  return store.database.query(sql).all().length;
}
