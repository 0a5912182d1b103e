// Tries src/nats/fence.ts and src/nats/peer-connections.ts on bare nats-servers.
import { expect, test } from "bun:test";
import type { UserId } from "../../src/core/ids.ts";
import { PEER_EFFECTS_MS } from "../../src/core/limits.ts";
import type { Effect } from "../../src/core/operations.ts";
import { watchCluster } from "../../src/nats/cluster-watch.ts";
import { startFence } from "../../src/nats/fence.ts";
import { createLog } from "../../src/system/log.ts";
import { eventually } from "../harness/eventually.ts";
import { type ClusterServer, startNatsCluster } from "../harness/nats-cluster.ts";

const STALE_MAX_MS = 1_500;
const log = createLog({ format: "json", write: () => undefined });

/** Guards as the unibus beside a server would; what it knows of itself is what the test says. */
async function guard(server: ClusterServer) {
  const system = await server.connect("sys");
  const watch = watchCluster({
    ...{ system, self: server.name, configured: 1, listNodes: () => [], log },
  });
  const self = { isAlive: true, isFresh: true, closes: ["alice"] };
  const fence = startFence({
    ...{ system, service: "service", mode: "enforce", staleMaxMs: STALE_MAX_MS, entry: 4 },
    ...{ servers: watch.servers, log },
    isActive: () => false,
    isClosed: (user) => self.closes.includes(user),
    isFresh: () => self.isFresh,
    isAlive: () => self.isAlive,
  });
  return {
    ...{ self, system, fence, watch },
    async [Symbol.asyncDispose]() {
      fence.stop();
      watch.stop();
      await system.close();
    },
  };
}

/** These names are no keys, but nats-server lists a user by whatever name it has. */
const revoked = (...users: readonly string[]): readonly Effect[] => [
  { kind: "rights.changed", users: users as readonly UserId[] },
];

async function connectAt(server: ClusterServer, user: "alice" | "bob" | "service") {
  const connection = await server.connect(user);
  let drops = 0;
  void (async () => {
    for await (const { type } of connection.status()) if (type === "disconnect") drops++;
  })();
  return {
    drops: () => drops,
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

test("a peer that closes whom an entry is about is left to it; at one that does not they are closed, and one that is silent is fenced", async () => {
  await using cluster = await startNatsCluster(2);
  const [first, second] = cluster.servers;
  if (!(first && second)) throw new Error("There are two");
  await using here = await guard(first);
  await using there = await guard(second);
  await eventually(() => here.watch.servers().length === 1, { timeoutMs: 10_000 });
  let asked = 0;
  here.system.subscribe("$SYS.REQ.SERVER.*.CONNZ", { callback: () => void asked++ });
  await using alice = await connectAt(second, "alice");
  await using bob = await connectAt(second, "bob");
  await using service = await connectAt(second, "service");
  const applyAtBoth = (entry: number, user: string): void => {
    for (const { fence } of [here, there]) fence.apply(revoked(user), entry);
  };
  // Each has looked at the other once.
  const from = performance.now();
  await eventually(() => performance.now() - from > 1_100);

  // It has closed alice, and is at closing carol.
  applyAtBoth(5, "alice");
  applyAtBoth(6, "carol");
  const appliedAt = performance.now();
  await eventually(() => performance.now() - appliedAt > PEER_EFFECTS_MS + 200);
  expect(asked).toBe(0);
  expect([alice.drops(), bob.drops()]).toEqual([0, 0]);
  // It lives, and has not even taken the entry.
  here.fence.apply(revoked("alice"), 7);
  await eventually(() => alice.drops() > 0, { timeoutMs: 3_000 });
  expect(bob.drops()).toBe(0);

  there.self.isAlive = false;
  here.self.isFresh = false;
  await eventually(() => here.fence.report().hung.length > 0, { timeoutMs: 8_000 });
  expect(here.fence.report()).toEqual({ hung: ["n2"], fenced: [] });
  expect(bob.drops()).toBe(0);
  here.self.isFresh = true;
  await eventually(() => bob.drops() > 0, { timeoutMs: 3_000 });
  expect(service.drops()).toBe(0);
  expect(here.fence.report()).toEqual({ hung: ["n2"], fenced: ["n2"] });
  expect(there.fence.report()).toEqual({ hung: [], fenced: [] });

  there.self.isAlive = true;
  await eventually(() => here.fence.report().hung.length === 0, { timeoutMs: 3_000 });
}, 60_000);
