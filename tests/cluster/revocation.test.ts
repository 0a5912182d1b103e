// Tries src/nats/authorization.ts, src/http/nonces.ts and src/store/apply.ts across nodes.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Callers, openCallers, type Prepared, send } from "../harness/callers.ts";
import { type Cluster, startCluster } from "../harness/cluster.ts";
import { addUser, known, loginAt, withLogs } from "../harness/cluster-scene.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { loginRaw, type TestKey } from "../harness/raw-nats.ts";
import { REVOKED_BY, rotateAgainstRevocation } from "../harness/rotation.ts";
import { createSigner } from "../harness/signer.ts";

/** A name that all nodes answer to, as behind one address for all of them. */
const TOGETHER = "http://bus.test";
const TEST_TIMEOUT_MS = 600_000;
/** How long after the acknowledgement somebody may still be in. */
const OUT_MS = 1_000;

let cluster: Cluster;
let callers: readonly Callers[];
beforeAll(async () => {
  cluster = await startCluster({ args: ["--public-url", TOGETHER] });
  await withLogs(cluster, () => cluster.ready());
  callers = await Promise.all(cluster.nodes.map(({ unibus }) => openCallers(unibus)));
}, 60_000);
afterAll(() => cluster[Symbol.asyncDispose]());

/** Whoever asks each node by a key, and by a token of it. */
async function openAsking(key: TestKey, index: number) {
  const signing = callers.map((one) => one.signing(createSigner(one.busId, key)));
  const made = await signing[index]?.get<{ secret: string }>("POST", "/v1/tokens", {
    scope: "read",
  });
  const bearing = callers.map((one) => one.bearing(made?.secret ?? ""));
  await eventually(
    async () => {
      const asking = [...signing, ...bearing].map((one) => one.ask("GET", "/v1/me"));
      return (await Promise.all(asking)).every(({ status }) => status === 200);
    },
    { timeoutMs: 20_000, what: "the token to be known everywhere" },
  );
  return { signing, bearing };
}

/** Revokes a user by one node, and measures when each of its connections was closed. */
async function measureRevocation(round: number): Promise<readonly number[]> {
  const key = await addUser(cluster, round % 3);
  const { signing, bearing } = await openAsking(key, round % 3);
  const clients = await Promise.all([0, 1, 2].map((index) => loginAt(cluster, index, key)));
  const at = performance.now();
  await cluster.node((round + 1) % 3).unibus.ask("POST", `/v1/users/${key.user}/revoke`);
  await eventually(() => clients.every(({ closed }) => closed), {
    ...{ timeoutMs: 20_000, everyMs: 1, what: "all three connections to be closed" },
  });
  const again = cluster.nodes.map(({ unibus }) => loginRaw(unibus.natsPort, key));
  for (const client of await Promise.all(again)) expect(client.closed).toBeTrue();
  for (const one of signing) {
    expect((await one.ask("GET", "/v1/me")).told).toBe("401 identity-revoked");
    const late = await one.ask("POST", "/v1/rooms", { body: { name: "late" } });
    expect(late.told).toBe("401 identity-revoked");
  }
  for (const one of bearing) expect((await one.ask("GET", "/v1/me")).status).toBe(401);
  return clients.map(({ closedAt }) => closedAt - at);
}

/** The value below which a part of the values lies, to a tenth. */
function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const at = Math.max(0, Math.ceil(sorted.length * part) - 1);
  return Math.round((sorted[at] ?? 0) * 10) / 10;
}

test(
  "a user who is revoked on one node is out on all: connections, logins, requests and tokens [G-02]",
  async () => {
    await withLogs(cluster, async () => {
      const times: number[] = [];
      const revocations = count("cluster-revocations-everywhere");
      for (let round = 0; round < revocations; round++) {
        times.push(...(await measureRevocation(round)));
      }
      const p99Ms = quantile(times, 0.99);
      recordProof("revoked on one node, out on three", {
        ...{ revocations, connections: times.length, p50Ms: quantile(times, 0.5), p99Ms },
        maxMs: quantile(times, 1),
      });
      expect(p99Ms).toBeLessThan(1_000);
    });
  },
  TEST_TIMEOUT_MS,
);

/** Replaces keys at one node while another revokes the user; says how many were replaced. */
async function rotateAcrossNodes(round: number): Promise<number> {
  const [own, others] = [callers[round % 3], callers[(round + 1) % 3]];
  if (!own || !others) throw new Error("three nodes are needed");
  const { keys, connections, told } = await rotateAgainstRevocation({
    ...{ own, others, natsPort: cluster.node(round % 3).unibus.natsPort },
    ...{ name: `rotating ${round}`, by: REVOKED_BY[round % REVOKED_BY.length] ?? "name" },
    afterMs: (round % 10) * 10,
    known: (key) => known(cluster, key),
  });
  expect(told).toBe("200");
  await eventually(() => connections.every(({ closed }) => closed), {
    ...{ everyMs: 1, what: "every connection of every key to be closed" },
  });
  const again = keys.flatMap((key) =>
    cluster.nodes.map(({ unibus }) => loginRaw(unibus.natsPort, key)),
  );
  const clients = await Promise.all(again);
  // A node that has not applied the entry yet lets one in, and closes it when it has.
  await eventually(() => clients.every(({ closed }) => closed), {
    ...{ timeoutMs: OUT_MS, everyMs: 1, what: "every login afterwards to be closed" },
  });
  for (const connection of [...clients, ...connections]) connection[Symbol.dispose]();
  return keys.length - 1;
}

test(
  "a user that replaces its key at one node is out on all after its revocation at another [M-013]",
  async () => {
    await withLogs(cluster, async () => {
      const rounds = count("cluster-rotations");
      let replaced = 0;
      for (let round = 0; round < rounds; round++) replaced += await rotateAcrossNodes(round);
      expect(replaced).toBeGreaterThan(rounds / 2);
      recordProof("rotation of keys on one node of three against revocation on another", {
        ...{ rounds, replaced },
      });
    });
  },
  TEST_TIMEOUT_MS,
);

describe("a signed request that is sent to another node too", () => {
  const roomsNamed = async (name: string): Promise<number> => {
    const path = `/v1/rooms?name=${encodeURIComponent(name)}`;
    const all = await cluster.node(0).unibus.ask<{ rooms: readonly unknown[] }>("GET", path);
    return all.rooms.length;
  };
  const signedFor = (key: TestKey, name: string, headers = {}): Prepared => {
    const signer = createSigner(callers[0]?.busId ?? "", key);
    const body = JSON.stringify({ name });
    const url = `${TOGETHER}/v1/rooms`;
    const sent = { "content-type": "application/json", ...headers };
    const proof = signer.sign({ method: "POST", url, body, headers: sent });
    return { url, init: { method: "POST", body, headers: { ...sent, ...proof } } };
  };
  /** The very same bytes, under the name that all nodes have. */
  const sendTo = (index: number, { init }: Prepared) =>
    send({
      url: `${cluster.node(index).unibus.httpUrl}/v1/rooms`,
      init: { ...init, headers: { ...init.headers, host: new URL(TOGETHER).host } },
    });

  test("after it was accepted is refused there, with or without an Idempotency-Key", async () => {
    await withLogs(cluster, async () => {
      const key = await addUser(cluster);
      for (const [at, headers] of [{}, { "idempotency-key": "only-once" }].entries()) {
        const prepared = signedFor(key, `replayed ${at}`, headers);
        expect((await sendTo(at, prepared)).told).toBe("201");
        for (const other of [1, 2]) {
          const replayed = await sendTo((at + other) % 3, prepared);
          expect(replayed.told).toBe("401 signature-repeated");
        }
        expect(await roomsNamed(`replayed ${at}`)).toBe(1);
      }
    });
  });

  test("at the same moment is done once", async () => {
    await withLogs(cluster, async () => {
      const key = await addUser(cluster);
      const prepared = signedFor(key, "at once");
      const all = await Promise.all([0, 1, 2].map((index) => sendTo(index, prepared)));
      expect(all.map(({ told }) => told).sort()).toEqual([
        ...["201", "401 signature-repeated", "401 signature-repeated"],
      ]);
      expect(await roomsNamed("at once")).toBe(1);
    });
  });
});
