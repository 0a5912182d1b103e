// Tries src/nats/meta-group.ts and src/nats/cluster-watch.ts on bare nats-servers.
import { expect, test } from "bun:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { watchCluster } from "../../src/nats/cluster-watch.ts";
import { membersNamed, peerOf } from "../../src/nats/meta-group.ts";
import { eventually } from "../harness/eventually.ts";
import { type ClusterServer, startNatsCluster } from "../harness/nats-cluster.ts";

const TEST_TIMEOUT_MS = 60_000;

interface Jsz {
  readonly data?: {
    readonly meta_cluster?: {
      readonly leader?: string;
      readonly replicas?: readonly { readonly name: string; readonly peer: string }[];
    };
  };
}

/** The other members of JetStream's cluster, as its leader tells; null where this is not its server. */
async function othersOf(system: NatsConnection) {
  const subject = `$SYS.REQ.SERVER.${system.info?.server_id ?? ""}.JSZ`;
  const answer = await system.request(subject, "", { timeout: 2_000 });
  const { meta_cluster: meta } = answer.json<Jsz>().data ?? {};
  const isLeader = meta?.leader === system.info?.server_name;
  return isLeader ? (meta?.replicas ?? []) : null;
}

/** Watches a server as its node would, as one of these nodes. */
async function watchServer(
  server: ClusterServer,
  options: Pick<Parameters<typeof watchCluster>[0], "listNodes" | "log">,
) {
  const system = await server.connect("sys");
  const watch = watchCluster({ ...options, system, self: server.name, configured: 3 });
  return {
    ...{ server, system, watch },
    async [Symbol.asyncDispose]() {
      watch.stop();
      await system.close();
    },
  };
}

type Watched = Awaited<ReturnType<typeof watchServer>>;

/** Waits until the leader among these counts so many others. */
async function settled(watched: readonly Watched[], count: number) {
  return await eventually(
    async () => {
      for (const { system, server } of watched) {
        const others = await othersOf(system).catch(() => null);
        if (others?.length === count) return { leader: server.name, others };
      }
      return null;
    },
    { timeoutMs: 25_000, everyMs: 100, what: `${count + 1} members` },
  );
}

test(
  "JetStream counts a removed server no more, dead or alive, and counts the others",
  async () => {
    await using cluster = await startNatsCluster(4);
    await using stack = new AsyncDisposableStack();
    const removed = new Set<string>();
    const names = cluster.servers.map(({ name }) => name);
    const listNodes = () =>
      names.map((node) => ({ node, announcedAt: 1, removedAt: removed.has(node) ? 2 : null }));
    const events: string[] = [];
    const note = (event: string): void => void events.push(event);
    const log = { info: note, warn: note };
    const all = await Promise.all(
      cluster.servers.map(async (server) =>
        stack.use(await watchServer(server, { listNodes, log })),
      ),
    );
    const { leader, others } = await settled(all, 3);
    // A leader that is new may have no name for a server, and always has its id.
    for (const { name, peer } of others) expect(peerOf(name)).toBe(peer);
    expect(membersNamed([{ name: "", peer: peerOf("n9") }], ["n9", "n8"])).toEqual([
      { name: "n9", peer: peerOf("n9") },
    ]);

    const [dead, alive, ...rest] = all.filter(({ server }) => server.name !== leader);
    if (!dead || !alive) throw new Error("There are four");
    await dead.server.kill();
    dead.watch.stop();
    removed.add(dead.server.name);
    const three = await settled(
      all.filter((one) => one !== dead),
      2,
    );
    expect(three.others.map(({ name }) => name)).not.toContain(dead.server.name);

    removed.add(alive.server.name);
    alive.watch.stop();
    const left = [...all.filter(({ server }) => server.name === leader), ...rest];
    await settled(left, 1);
    await eventually(() => left.every(({ watch }) => watch.report().missing === 0), {
      timeoutMs: 10_000,
      what: "the two that are left to expect each other alone",
    });
    expect(left[0]?.watch.report()).toMatchObject({ peers: 1, away: [], wasWhole: true });
    expect(events).toContain("node.expelled");
  },
  TEST_TIMEOUT_MS,
);
