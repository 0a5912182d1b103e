import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterNodes } from "../../src/contract/nodes.ts";
import { parseNodeToken, renderNodeToken } from "../../src/core/node-token.ts";
import { type Cluster, startCluster } from "../harness/cluster.ts";
import { withLogs } from "../harness/cluster-scene.ts";
import { eventually } from "../harness/eventually.ts";
import { freePorts } from "../harness/free-ports.ts";
import {
  begin,
  beginToken,
  between,
  demand,
  filesBelow,
  type MadeCa,
  makeCa,
  type Waiting,
} from "../harness/joining.ts";
import { testKey } from "../harness/raw-nats.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

const PASSWORD = "the password of these routes";
const folder = temporaryFolder();
let ca: MadeCa;
let cluster: Cluster;

beforeAll(async () => {
  ca = await makeCa(join(folder.path, "ca"), ["n"]);
  cluster = await startCluster({ nodes: 2, password: PASSWORD, tls: ca.nodeFiles("n") });
  await cluster.ready();
}, 60_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const caWords = (): readonly string[] => ["--dir", ca.dir, "--passphrase-file", ca.passphraseFile];
const token = (words: readonly string[] = []) =>
  beginToken(cluster.node(0).dataDir, [...caWords(), ...words]);

/** Words for a machine that joins, in an empty folder of its own. */
async function machine(name: string): Promise<{ dataDir: string; words: readonly string[] }> {
  const dataDir = join(folder.path, name);
  const [port = 0] = await freePorts(1);
  const ports = ["--cluster-port", `${port}`, "--http-port", "0", "--nats-port", "0"];
  return { dataDir, words: ["--data-dir", dataDir, ...ports] };
}

function tokenFile(text: string): readonly string[] {
  const path = join(folder.path, `token-${crypto.randomUUID()}`);
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
  return ["--token-file", path];
}

const listed = () => cluster.node(1).unibus.ask<ClusterNodes>("GET", "/v1/nodes");

/** Waits until another node than that of the token knows a node. */
async function untilListed(name: string): Promise<void> {
  await eventually(async () => (await listed()).nodes.some(({ node }) => node === name), {
    ...{ timeoutMs: 20_000, what: `${name} to be listed` },
  });
}

/** Starts a node that joined, with nothing but its folder, and waits until it does its work. */
async function serve(dataDir: string): Promise<Waiting> {
  const node = begin(["serve", "--data-dir", dataDir, "--log-format", "json"]);
  const socket = join(dataDir, "unibus.sock");
  try {
    await eventually(
      async () => (await fetch("http://localhost/readyz", { unix: socket })).status === 200,
      { timeoutMs: 40_000, everyMs: 100, what: "the new node to be ready" },
    );
    return node;
  } catch (error) {
    const log = node.stderr();
    await node[Symbol.asyncDispose]();
    throw new Error(log, { cause: error });
  }
}

describe("a new machine joins by a token", () => {
  test("from nothing to a third healthy node: two commands, and then serve with its folder alone", async () => {
    const { dataDir, words } = await machine("n3");
    await using waiting = await token();
    const joined = await demand(["node", "join", ...tokenFile(waiting.token), ...words]);
    expect(joined.stdout).toContain(`serve --data-dir ${dataDir}`);
    expect(await waiting.exited).toBe(0);
    await using third = await serve(dataDir);
    const joiner = await eventually(async () => {
      const { nodes } = await listed();
      expect(nodes).toHaveLength(3);
      return nodes.find(({ joinedAt, connected }) => joinedAt !== null && connected);
    });
    expect(joiner).toMatchObject({ node: "bus-3", self: false });
    // The CA's folder knows it, for the next roll.
    expect(readdirSync(ca.dir)).toContain("bus-3.crt");
    expect(Date.parse(joiner?.certificateEndsAt ?? "")).toBeGreaterThan(Date.now());
    const modes = filesBelow(join(dataDir, "routes")).map(({ mode }) => mode);
    expect(new Set(modes)).toEqual(new Set([0o600]));
    expect(statSync(join(dataDir, "routes")).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, "node.env")).mode & 0o777).toBe(0o600);
    const secret = parseNodeToken(waiting.token)?.secret ?? "no token";
    const told = [
      joined.stdout,
      joined.stderr,
      waiting.stderr(),
      third.stderr(),
      readFileSync(join(dataDir, "node.env"), "utf8"),
      JSON.stringify(cluster.node(0).unibus.log),
      JSON.stringify(await (await cluster.node(0).unibus.api("GET", "/v1/nodes")).json()),
    ].join("\n");
    for (const hidden of [PASSWORD, secret, readFileSync(ca.passphraseFile, "utf8").trim()]) {
      expect(told).not.toContain(hidden);
      expect(readFileSync(`/proc/${third.pid}/cmdline`, "utf8")).not.toContain(hidden);
      expect(readFileSync(`/proc/${third.pid}/environ`, "utf8")).not.toContain(hidden);
    }

    // With it one of the first two may die: what is changed then is known at the third.
    await cluster.node(1).end("SIGKILL");
    const unix = join(dataDir, "unibus.sock");
    const { user } = testKey();
    await withLogs(cluster, () =>
      eventually(
        async () => (await cluster.node(0).unibus.api("POST", "/v1/users", { user })).status < 500,
        { timeoutMs: 20_000, everyMs: 100, what: "two of three nodes to take a change" },
      ),
    );
    await eventually(
      async () => (await fetch(`http://localhost/v1/users/${user}`, { unix })).status === 200,
      { timeoutMs: 10_000, what: "the third node to know it" },
    );
    await cluster.node(1).start();
    await cluster.ready();
  }, 120_000);
});

describe("whoever sits between", () => {
  test("reads nothing of what lets the machine in", async () => {
    const { httpUrl } = cluster.node(0).unibus;
    await using relay = between((request) => {
      const { pathname } = new URL(request.url);
      return request.text().then((body) =>
        fetch(`${httpUrl}${pathname}`, {
          method: request.method,
          headers: { "content-type": "application/json" },
          body,
        }),
      );
    });
    const { dataDir, words } = await machine("overheard");
    await using waiting = await token(["--url", relay.url]);
    await demand(["node", "join", ...tokenFile(waiting.token), ...words]);
    const told = relay.seen.join("\n");
    expect(relay.seen.length).toBeGreaterThan(5);
    const key = readFileSync(join(dataDir, "routes", "node.key"), "utf8").split("\n")[1] ?? "";
    const secret = parseNodeToken(waiting.token)?.secret ?? "no token";
    for (const hidden of [PASSWORD, secret, key, "BEGIN ", btoa("-----BEGIN"), "nats://"]) {
      expect(told).not.toContain(hidden);
    }
  }, 60_000);

  test("cannot answer in place of whoever made the token: nothing is written", async () => {
    const real = await token();
    await using _waiting = real;
    const parsed = parseNodeToken(real.token);
    if (!parsed) throw new Error("It is a token");
    for (const sealed of ["A".repeat(400), "AA"]) {
      await using impostor = between(() => Response.json({ sealed }));
      const file = tokenFile(renderNodeToken({ ...parsed, urls: [impostor.url] }));
      const { dataDir, words } = await machine(`deceived-${sealed.length}`);
      const ran = await run(["node", "join", ...file, ...words]);
      expect(ran.stderr).toContain("not from whoever made the token");
      expect(ran.code).toBe(3);
      expect(existsSync(dataDir)).toBeFalse();
    }
  }, 60_000);
});

describe("a token that lets nobody in", () => {
  const refused = async (text: string, code: string): Promise<void> => {
    const { dataDir, words } = await machine(`refused-${code}-${crypto.randomUUID()}`);
    const ran = await run(["node", "join", ...tokenFile(text), ...words, "--json"]);
    expect(JSON.parse(ran.stderr.slice(ran.stderr.indexOf("{")))).toMatchObject({ code });
    expect(ran.code).not.toBe(0);
    expect(existsSync(dataDir)).toBeFalse();
  };

  test("is text that is none, or of a secret that nobody made: node-token-wrong", async () => {
    await using waiting = await token();
    const parsed = parseNodeToken(waiting.token);
    if (!parsed) throw new Error("It is a token");
    await refused("ubn_x", "node-token-wrong");
    await refused(renderNodeToken({ ...parsed, secret: "A".repeat(43) }), "node-token-wrong");
    // Also one of this secret that names another authority: its keys are bound to that one.
    await refused(renderNodeToken({ ...parsed, ca: "0".repeat(64) }), "node-token-wrong");
  }, 60_000);

  test("was used, at whichever node it is tried: node-token-used", async () => {
    await using waiting = await token();
    const { words } = await machine("used");
    const join = ["node", "join", ...tokenFile(waiting.token), ...words];
    await demand([...join, "--server-name", "n8"]);
    await untilListed("n8");
    await refused(waiting.token, "node-token-used");
    const parsed = parseNodeToken(waiting.token);
    if (!parsed) throw new Error("It is a token");
    const urls = [cluster.node(1).unibus.httpUrl];
    await refused(renderNodeToken({ ...parsed, urls }), "node-token-used");
  }, 60_000);

  test("has expired, by its text and by the journal: node-token-expired", async () => {
    await using waiting = await token(["--life", "1s"]);
    expect(await waiting.exited).not.toBe(0);
    expect(waiting.stderr()).toContain("expired");
    const parsed = parseNodeToken(waiting.token);
    if (!parsed) throw new Error("It is a token");
    await refused(waiting.token, "node-token-expired");
    const later = renderNodeToken({ ...parsed, expiresAt: Date.now() + 60_000 });
    await refused(later, "node-token-expired");
  }, 60_000);

  test("is waited at by nobody, or elsewhere: node-token-unattended", async () => {
    await using waiting = await token();
    const parsed = parseNodeToken(waiting.token);
    if (!parsed) throw new Error("It is a token");
    const urls = [cluster.node(1).unibus.httpUrl];
    await refused(renderNodeToken({ ...parsed, urls }), "node-token-unattended");
    waiting.kill("SIGINT");
    expect(await waiting.exited).not.toBe(0);
    await refused(waiting.token, "node-token-unattended");
  }, 60_000);

  test("cannot give a name that another node has: node-name-taken, and it can be used still", async () => {
    await using waiting = await token();
    const { dataDir, words } = await machine("named");
    const join = ["node", "join", ...tokenFile(waiting.token), ...words];
    const ran = await run([...join, "--server-name", "n2", "--json"]);
    expect(JSON.parse(ran.stderr.slice(ran.stderr.indexOf("{")))).toMatchObject({
      code: "node-name-taken",
    });
    expect(existsSync(dataDir)).toBeFalse();
    await demand([...join, "--server-name", "n9"]);
    await untilListed("n9");
  }, 60_000);

  test("is not used by a folder that holds something", async () => {
    await using waiting = await token();
    const { dataDir, words } = await machine("full");
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, "unibus.db"), "");
    const ran = await run(["node", "join", ...tokenFile(waiting.token), ...words]);
    expect(ran.stderr).toContain("a new node needs an empty one");
    expect(readdirSync(dataDir)).toEqual(["unibus.db"]);
  }, 60_000);
});

describe("a token", () => {
  test("is not made with a CA that is not the cluster's: node-ca-foreign", async () => {
    const other = await makeCa(join(folder.path, "other-ca"), []);
    const words = ["--dir", other.dir, "--passphrase-file", other.passphraseFile];
    const { dataDir } = cluster.node(0);
    const ran = await run(["node", "token", "--data-dir", dataDir, ...words]);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain("not the one of the cluster's routes");
    expect(ran.stdout).toBe("");
  }, 60_000);

  test("is not made with a wrong passphrase", async () => {
    const file = join(folder.path, "wrong-passphrase");
    writeFileSync(file, "another passphrase\n", { mode: 0o600 });
    const { dataDir } = cluster.node(0);
    const words = ["--dir", ca.dir, "--passphrase-file", file];
    const ran = await run(["node", "token", "--data-dir", dataDir, ...words]);
    expect(ran.stderr).toContain("the passphrase is not its");
    expect(ran.stdout).toBe("");
  });

  test("with the CA elsewhere, the join stops at a signing request that cert node answers, and goes on", async () => {
    const { dataDir, words } = await machine("offline");
    await using waiting = await beginToken(cluster.node(0).dataDir, ["--offline"]);
    const name = ["--server-name", "n7"];
    const joined = await demand(["node", "join", ...tokenFile(waiting.token), ...words, ...name]);
    expect(joined.stdout).toContain("waits for its certificate");
    const request = join(dataDir, "routes", "node.csr");
    await demand(["cert", "node", "n7", "--request", request, ...caWords()]);
    // One of the same CA for another key is refused.
    const foreign = ca.nodeFiles("n").cert;
    const ran = await run(["node", "join", "--data-dir", dataDir, "--certificate", foreign]);
    expect(ran.stderr).toContain("not one that this CA made for this node's key");
    const certificate = join(ca.dir, "n7.crt");
    await demand(["node", "join", "--data-dir", dataDir, "--certificate", certificate]);
    await using _node = await serve(dataDir);
    await eventually(async () =>
      (await listed()).nodes.some(({ node, connected }) => node === "n7" && connected),
    );
  }, 120_000);
});
