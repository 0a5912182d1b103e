// Tries src/core/nats-config.ts and src/core/permissions.ts: what clients of a cluster can reach of what
// its nodes say to each other.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Health } from "../../src/contract/health.ts";
import type { UserId } from "../../src/core/ids.ts";
import { renderMessage } from "../../src/journal/message.ts";
import { anOperation, aUser } from "../harness/builders.ts";
import { type Cluster, startCluster } from "../harness/cluster.ts";
import { untilNodesAgree } from "../harness/cluster-evidence.ts";
import { processesOf } from "../harness/cluster-faults.ts";
import { addUser, loginAt, withLogs } from "../harness/cluster-scene.ts";
import { eventually } from "../harness/eventually.ts";
import { loginRaw, openRaw, type RawNats, type TestKey } from "../harness/raw-nats.ts";

const MODES = ["off", "soft", "enforce"] as const;
const PASSWORD = "a password of routes";
const HEX_OF_N1 = Buffer.from("n1").toString("hex");
/** Where nodes speak with each other, in the account of the journal. */
const OF_NODES = [
  ...["journal", "journal.stored", "peers.position"],
  ...[`copies.${HEX_OF_N1}.open`, `copies.${HEX_OF_N1}.read`],
] as const;
/** What JetStream and the system account would do for whoever may ask them. */
const API = [
  ...["$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST"],
  ...["INFO", "PURGE", "DELETE", "MSG.GET", "LEADER.STEPDOWN", "UPDATE"].map(
    (what) => `$JS.API.STREAM.${what}.JOURNAL`,
  ),
  ...["$JS.API.DIRECT.GET.JOURNAL", "$JS.API.CONSUMER.CREATE.JOURNAL"],
  ...["$JS.API.META.LEADER.STEPDOWN", "$JS.API.SERVER.REMOVE", "$SYS.REQ.SERVER.PING"],
  ...["$SYS.REQ.ACCOUNT.CTRL.JSZ", "$SYS.REQ.USER.AUTH"],
] as const;
const LISTENING = ["journal.>", "journal", "peers.>", "copies.>", "$JS.>", "$SYS.>", ">"] as const;
const TEST_TIMEOUT_MS = 60_000;

/** How many entries of a node's journal hold a key. */
function entriesNaming(dataDir: string, user: string): number {
  using database = new Database(join(dataDir, "unibus.db"), { readonly: true });
  const found = database.query<{ count: number }, [string]>(
    "SELECT count(*) AS count FROM journal WHERE instr(entry, ?) > 0",
  );
  return found.get(user)?.count ?? 0;
}

/** An admin of the bus who owns a room: nobody may do more. */
async function addOwner(cluster: Cluster): Promise<TestKey> {
  const key = await addUser(cluster);
  const { unibus } = cluster.node(0);
  await unibus.ask("PATCH", `/v1/users/${key.user}`, { role: "admin" });
  const { room } = await unibus.ask<{ room: string }>("POST", "/v1/rooms", { name: "ops" });
  await unibus.ask("PUT", `/v1/rooms/${room}/members/${key.user}`, { role: "owner" });
  await untilNodesAgree(cluster);
  return key;
}

/** What a node would write into the journal to make somebody an admin. */
function forgeryFor(stranger: UserId): string {
  const operation = anOperation(
    { kind: "user.add", user: stranger, name: null, role: "admin" },
    { at: Date.now() },
  );
  return Buffer.from(renderMessage({ mark: "forged", operation })).toString();
}

/** Listens to all that nodes say, and says and asks all that they might. */
async function tryEverything(client: RawNats, forged: string): Promise<void> {
  for (const [sid, subject] of LISTENING.entries()) client.subscribe(subject, `${sid}`);
  client.subscribe("_INBOX.mine.>", "answers");
  for (const subject of [...OF_NODES, ...API]) {
    client.publish(subject, forged);
    client.publish(subject, forged, `_INBOX.mine.${subject}`);
  }
  expect(await client.drain()).toBeTrue();
}

/** Demands that a client heard nothing of what nodes say, and no answer that tells of the journal. */
function expectNothingHeard(
  { messages, errors }: RawNats,
  mode: (typeof MODES)[number],
  real: UserId,
): void {
  const others = messages.filter(({ payload }) => !payload.includes("forged"));
  const ofNodes = /^(journal|peers|copies|\$SYS)/;
  expect(others.filter(({ subject }) => ofNodes.test(subject))).toEqual([]);
  const answers = others.filter(({ subject }) => subject.startsWith("_INBOX.mine.$"));
  if (mode !== "off") {
    expect(answers).toEqual([]);
    for (const subject of OF_NODES) {
      expect(errors.join()).toContain(`Permissions Violation for Publish to "${subject}"`);
    }
    return;
  }
  // Everybody's own account has a JetStream, which knows no journal.
  expect(answers.some(({ subject }) => subject.endsWith("STREAM.INFO.JOURNAL"))).toBeTrue();
  for (const { subject, payload } of answers) {
    expect(subject).not.toContain("$SYS");
    expect(payload).not.toContain(real);
    if (subject.endsWith("JOURNAL")) expect(payload).toMatch(/"err_code":10\d\d\d|^$/);
  }
}

for (const mode of MODES) {
  describe(`under ${mode}`, () => {
    let cluster: Cluster;
    beforeAll(async () => {
      cluster = await startCluster({ nodes: 2, mode, password: PASSWORD });
      await withLogs(cluster, () => cluster.ready());
    }, TEST_TIMEOUT_MS);
    afterAll(() => cluster[Symbol.asyncDispose]());

    test("whoever is connected writes nothing into the journal, reads nothing of it and asks nothing of JetStream there [G-15]", async () => {
      await withLogs(cluster, async () => {
        const key = await addOwner(cluster);
        const stranger = aUser();
        const forged = forgeryFor(stranger);
        using one = await loginAt(cluster, 0, key);
        using other = await loginAt(cluster, 1, key);
        for (const client of [one, other]) await tryEverything(client, forged);
        // What nodes say to each other from now on is there to be heard, if anybody could.
        const real = await addUser(cluster, 1);
        await untilNodesAgree(cluster);
        for (const client of [one, other]) {
          expect(await client.drain()).toBeTrue();
          expectNothingHeard(client, mode, real.user);
        }
        for (const { dataDir, unibus } of cluster.nodes) {
          expect(entriesNaming(dataDir, stranger)).toBe(0);
          expect(entriesNaming(dataDir, real.user)).toBe(1);
          expect((await unibus.api("GET", `/v1/users/${stranger}`)).status).toBe(404);
        }
        await cluster.ready();
      });
    });

    test(
      "whoever says what nodes say to each other, or what an API takes, is nobody for that [M-093]",
      async () => {
        await withLogs(cluster, async () => {
          const key = await addOwner(cluster);
          const { natsPort } = cluster.node(0).unibus;
          using named = await loginRaw(natsPort, key, { account: "CTRL" });
          expect(named.closed).toBeTrue();
          const tries = [
            { user: "route", pass: PASSWORD },
            { user: "CTRL", pass: PASSWORD },
            { auth_token: PASSWORD },
            { nkey: key.user },
          ];
          for (const words of tries) {
            using client = await openRaw(natsPort);
            client.send(
              `CONNECT ${JSON.stringify({ verbose: false, pedantic: false, ...words })}\r\n`,
            );
            client.subscribe("journal.>", "1");
            const isIn = await client.drain();
            expect([words, isIn]).toEqual([words, mode !== "enforce"]);
            const user = await addUser(cluster);
            if (isIn) await client.drain();
            expect(JSON.stringify(client.messages)).not.toContain(user.user);
          }
        });
      },
      TEST_TIMEOUT_MS,
    );

    test("health tells the posture of the cluster, each part of the node, and no secret, also to whoever is not known", async () => {
      for (const [index, { unibus, name }] of cluster.nodes.entries()) {
        await cluster.ready();
        const answer = await fetch(`${unibus.httpUrl}/healthz`);
        const text = await answer.text();
        // As the route answers it.
        const health = JSON.parse(text) as Health;
        expect(health).toMatchObject({
          posture: {
            ...{ mode, tls: false, plainRooms: true, cluster: "bus", dataPlane: "embedded" },
            rights: { off: "all", soft: "all-rooms", enforce: "rooms" }[mode],
          },
        });
        expect(health.parts.map(({ part }) => part)).toEqual(
          expect.arrayContaining(["journal", "data-plane", "routes", "leader", "clock"]),
        );
        const routes = health.parts.find(({ part }) => part === "routes");
        const other = index === 0 ? "n2" : "n1";
        expect(routes?.detail).toBe(`routes to 1 of 1 other nodes: ${other}`);
        const leader = health.parts.find(({ part }) => part === "leader");
        expect(["n1", "n2"]).toContain(leader?.detail ?? name);
        expect(text).not.toContain(PASSWORD);
      }
    });
  });
}

describe("logins at a node [G-02]", () => {
  test(
    "are answered by that node alone: while it stands still nobody is let in there, and everybody elsewhere",
    async () => {
      await using cluster = await startCluster();
      await withLogs(cluster, async () => {
        await cluster.ready();
        const key = await addUser(cluster);
        (await loginAt(cluster, 1, key))[Symbol.dispose]();
        const { natsPort } = cluster.node(1).unibus;
        // The node itself; its nats-server goes on and asks who may come in.
        const [pid = 0] = processesOf(cluster.node(1));
        process.kill(pid, "SIGSTOP");
        try {
          using elsewhere = await loginAt(cluster, 0, key);
          using client = await openRaw(natsPort);
          const sig = key.sign(client.info.nonce ?? "").toString("base64url");
          client.send(`CONNECT ${JSON.stringify({ nkey: key.user, sig })}\r\nPING\r\n`);
          await eventually(() => client.closed, { timeoutMs: 15_000, what: "the login to fail" });
          expect(client.errors.join()).toContain("Authorization Violation");
          expect(elsewhere.closed).toBeFalse();
        } finally {
          process.kill(pid, "SIGCONT");
        }
        using again = await eventually(() => loginAt(cluster, 1, key), { timeoutMs: 15_000 });
        expect(again.closed).toBeFalse();
        const { counts } = await cluster
          .node(0)
          .unibus.ask<{ counts: Readonly<Record<string, number>> }>("GET", "/v1/refusals");
        expect(Object.keys(counts).filter((what) => what.startsWith("login."))).toEqual([]);
      });
    },
    TEST_TIMEOUT_MS,
  );
});
