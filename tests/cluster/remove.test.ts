// Tries src/cli/node-remove.ts, and what becomes of a node that is removed.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterNodes } from "../../src/contract/nodes.ts";
import { type Cluster, startCluster } from "../harness/cluster.ts";
import { positionOf } from "../harness/cluster-evidence.ts";
import { withLogs } from "../harness/cluster-scene.ts";
import { recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { freePorts } from "../harness/free-ports.ts";
import {
  begin,
  beginToken,
  demand,
  type MadeCa,
  makeCa,
  type Waiting,
} from "../harness/joining.ts";
import { testKey } from "../harness/raw-nats.ts";
import { type RunningUnibus, run, temporaryFolder } from "../harness/unibus.ts";

const TEST_TIMEOUT_MS = 120_000;
const folder = temporaryFolder();
const fourth = join(folder.path, "n4");
let ca: MadeCa;
let cluster: Cluster;

beforeAll(async () => {
  ca = await makeCa(join(folder.path, "ca"), ["n"]);
  cluster = await startCluster({ tls: ca.nodeFiles("n") });
  await withLogs(cluster, () => cluster.ready());
  await eventually(async () => (await listed()).every(({ announcedAt }) => announcedAt !== null), {
    timeoutMs: 15_000,
    what: "all to have told of themselves",
  });
}, TEST_TIMEOUT_MS);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function listed(query = ""): Promise<ClusterNodes["nodes"]> {
  const path = `/v1/nodes${query}`;
  return (await cluster.node(0).unibus.ask<ClusterNodes>("GET", path)).nodes;
}

const namesOf = async (query = ""): Promise<readonly string[]> =>
  (await listed(query)).map(({ node }) => node);

/** Removes a node at n1, and answers the exit code and the problem's code. */
async function remove(...words: readonly string[]): Promise<readonly [number, string]> {
  const ran = await cluster.node(0).unibus.cli("node", "remove", ...words, "--json");
  return [ran.code, ran.stderr.includes("{") ? JSON.parse(ran.stderr).code : "done"];
}

/** A change by n1 that is taken. */
async function change(): Promise<string> {
  const { user } = testKey();
  await eventually(
    async () => (await cluster.node(0).unibus.api("POST", "/v1/users", { user })).status === 201,
    { timeoutMs: 20_000, everyMs: 100, what: "a change to be taken" },
  );
  return user;
}

/** Waits for the end of a node that may not take part; it has to be ended by itself. */
async function ended(node: RunningUnibus): Promise<string> {
  await eventually(() => node.exited.then(() => true), { timeoutMs: 30_000, what: "its end" });
  return node.log.map(({ event, message }) => `${event} ${message}`).join("\n");
}

async function join4(): Promise<Waiting> {
  const words = ["--dir", ca.dir, "--passphrase-file", ca.passphraseFile];
  await using waiting = await beginToken(cluster.node(0).dataDir, words);
  const file = join(folder.path, "token");
  writeFileSync(file, `${waiting.token}\n`, { mode: 0o600 });
  const [port = 0] = await freePorts(1);
  const ports = ["--cluster-port", `${port}`, "--http-port", "0", "--nats-port", "0"];
  const place = ["node", "join", "--token-file", file, "--data-dir", fourth, ...ports];
  const used = await run([...place, "--server-name", "n3"]);
  expect(used.stderr).toContain("names are used once");
  await demand([...place, "--server-name", "n4"]);
  return begin(["serve", "--data-dir", fourth, "--log-format", "json"]);
}

const isReady = async (dataDir: string): Promise<boolean> => {
  const answer = await fetch("http://localhost/readyz", { unix: join(dataDir, "unibus.sock") });
  return answer.status === 200;
};

const dirs = (): readonly string[] => [cluster.node(0).dataDir, cluster.node(1).dataDir, fourth];

describe("a node is removed", () => {
  test("only by name, at another node, and not by accident while it is connected", async () => {
    expect(await remove("n1", "--yes")).toEqual([3, "cluster-refused"]);
    expect(await remove("n9")).toEqual([4, "node-not-found"]);
    const refused = await cluster.node(0).unibus.cli("node", "remove", "n3");
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("say --yes")]);
    expect(await namesOf()).toEqual(["n1", "n2", "n3"]);
  });

  test(
    "when it died: the others are a whole cluster again, and another machine takes its place under another name",
    async () => {
      await withLogs(cluster, async () => {
        await cluster.node(2).end("SIGKILL");
        const at = performance.now();
        const ran = await cluster.node(0).unibus.cli("node", "remove", "n3");
        expect([ran.code, ran.stderr]).toEqual([0, ""]);
        expect(ran.stdout).toContain("name is used up");
        expect(ran.stdout).toContain("cert roll");
        expect(await namesOf()).toEqual(["n1", "n2"]);
        expect(await namesOf("?all=true")).toEqual(["n1", "n2", "n3"]);
        const shown = await cluster.node(1).unibus.cli("node", "list", "--all");
        expect(shown.stdout).toMatch(/^n3 +removed /m);
        expect(await remove("n3")).toEqual([3, "node-removed"]);
        await eventually(
          () =>
            cluster.nodes
              .filter(({ running }) => running)
              .some(({ unibus }) =>
                unibus.log.some(
                  ({ event, message }) =>
                    event === "node.expelled" && message.includes('"success":true'),
                ),
              ),
          { timeoutMs: 20_000, everyMs: 100, what: "JetStream to count it no more" },
        );
        recordProof("a dead node is removed, until JetStream counts it no more", {
          ms: Math.round(performance.now() - at),
        });
        await change();
        await cluster.ready();
        await eventually(async () => {
          const { warnings } = await cluster.node(1).health();
          return !warnings.join().includes("nodes that are away");
        });
      });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "and stays so: with its old folder it does not serve, a fourth takes its place, and every node knows it after a start",
    async () => {
      await withLogs(cluster, async () => {
        await using node4 = await join4();
        await eventually(async () => (await Promise.all(dirs().map(isReady))).every(Boolean), {
          timeoutMs: 60_000,
          everyMs: 200,
          what: "the three to be ready",
        });
        await eventually(async () => (await listed()).every((one) => one.self || one.connected));
        expect(await namesOf()).toEqual(["n1", "n2", "n4"]);
        await change();
        await eventually(
          () => new Set(dirs().map((dataDir) => positionOf({ dataDir }))).size === 1,
          { timeoutMs: 10_000, what: "one history on all three" },
        );

        const old = await cluster.node(2).start();
        const log = await ended(old);
        await cluster.node(2).end();
        expect(log).not.toContain("node.ready");
        expect(log).toContain("was removed from it, for good");
        // It knows now, and asks nobody.
        const again = await run(["serve", "--data-dir", cluster.node(2).dataDir, ...wordsOf("n3")]);
        expect([again.code, again.stderr]).toEqual([3, expect.stringContaining("was removed")]);

        expect(await remove("n4", "--yes")).toEqual([0, "done"]);
        expect(await node4.exited).not.toBe(0);
        expect(node4.stderr()).toContain("was removed from it, for good");
        expect(await remove("n2", "--yes")).toEqual([3, "cluster-refused"]);
        const user = await change();
        for (const node of cluster.nodes.slice(0, 2)) await node.end();
        await Promise.all(cluster.nodes.slice(0, 2).map((node) => node.start()));
        await cluster.ready();
        expect(await namesOf("?all=true")).toEqual(["n1", "n2", "n3", "n4"]);
        expect(await namesOf()).toEqual(["n1", "n2"]);
        await cluster.node(1).unibus.ask("GET", `/v1/users/${user}`);
        await change();
      });
    },
    TEST_TIMEOUT_MS,
  );
});

/** What a node of this cluster is started with, beside its folder. */
function wordsOf(name: string): readonly string[] {
  const { ca: authority, cert, key } = ca.nodeFiles("n");
  const pass = join(cluster.folder, `${name}.pass`);
  expect(readFileSync(pass, "utf8")).not.toBe("");
  return [
    ...["--cluster-name", "bus", "--server-name", name, "--cluster-port", "1"],
    ...["--routes", "nats://127.0.0.1:2", "--bus-auth", "enforce", "--http-port", "0"],
    ...["--nats-port", "0", "--cluster-user", "route", "--cluster-pass-file", pass],
    ...["--route-tls-cert", cert, "--route-tls-key", key, "--route-tls-ca", authority],
  ];
}
