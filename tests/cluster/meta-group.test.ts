// Tries src/nats/meta-group.ts and src/nats/cluster-watch.ts on bare nats-servers.
import { expect, test } from "bun:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { watchCluster } from "../../src/nats/cluster-watch.ts";
import { membersNamed, peerOf } from "../../src/nats/meta-group.ts";
import { eventually } from "../harness/eventually.ts";
import { startNatsCluster } from "../harness/nats-cluster.ts";

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

test(
  "JetStream counts a removed server no more, dead or alive, and counts the others",
  async () => {
    await using cluster = await startNatsCluster(4);
    await using stack = new AsyncDisposableStack();
    const removed = new Set<string>();
    const names = cluster.servers.map(({ name }) => name);
    const listNodes = () =>
      names.map((node) => ({ node, announcedAt: 1, removedAt: removed.has(node) ? 2 : null }));
    const log: string[] = [];
    const note = (event: string): void => void log.push(event);
    const systems = new Map<string, NatsConnection>();
    const watches = new Map<string, ReturnType<typeof watchCluster>>();
    for (const server of cluster.servers) {
      const system = await server.connect("sys");
      stack.defer(() => system.close());
      systems.set(server.name, system);
      const self = server.name;
      const watch = watchCluster({
        ...{ system, self, configured: 3, listNodes, log: { info: note, warn: note } },
      });
      stack.defer(() => watch.stop());
      watches.set(self, watch);
    }
    const membersOf = async (names: readonly string[]) => {
      for (const name of names) {
        const system = systems.get(name);
        const others = system && (await othersOf(system).catch(() => null));
        if (others) return { leader: name, others };
      }
      return null;
    };
    const settled = (names: readonly string[], count: number) =>
      eventually(
        async () => {
          const found = await membersOf(names);
          return found?.others.length === count ? found : null;
        },
        { timeoutMs: 25_000, everyMs: 100, what: `${count + 1} members` },
      );
    const { leader, others } = await settled(names, 3);
    // A leader that is new may have no name for a server, and always has its id.
    for (const { name, peer } of others) expect(peerOf(name)).toBe(peer);
    expect(membersNamed([{ name: "", peer: peerOf("n9") }], ["n9", "n8"])).toEqual([
      { name: "n9", peer: peerOf("n9") },
    ]);

    const [dead = "", alive = ""] = names.filter((name) => name !== leader);
    await cluster.servers.find(({ name }) => name === dead)?.kill();
    watches.get(dead)?.stop();
    removed.add(dead);
    const three = await settled(
      names.filter((name) => name !== dead),
      2,
    );
    expect(three.others.map(({ name }) => name)).not.toContain(dead);

    removed.add(alive);
    watches.get(alive)?.stop();
    const left = names.filter((name) => name !== dead && name !== alive);
    await settled(left, 1);
    await eventually(() => left.every((name) => watches.get(name)?.report().missing === 0), {
      timeoutMs: 10_000,
      what: "the two that are left to expect each other alone",
    });
    const [one = ""] = left;
    expect(watches.get(one)?.report()).toMatchObject({ peers: 1, away: [], wasWhole: true });
    expect(log).toContain("node.expelled");
  },
  TEST_TIMEOUT_MS,
);
