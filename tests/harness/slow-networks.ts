import { join } from "node:path";
import type { Cluster, NodePlace } from "./cluster.ts";
import { keepNetwork, runIn } from "./cluster-networks.ts";
import { eventually } from "./eventually.ts";
import { readLines } from "./lines.ts";
import type { LinkCounts, LinkEnd, LinkFaults } from "./slow-link.ts";

/**
 * Networks of their own, one for each node, with a wire from each to a place in the middle where nothing
 * is forwarded: nodes reach each other through a proxy that runs there, and by no other way.
 */
export interface SlowNetworks extends AsyncDisposable {
  readonly places: readonly NodePlace[];
  /** Every address by which a node is reached, for its certificate. */
  readonly hosts: readonly string[];
  /** The one address that a node can reach beside its own. */
  middleOf(index: number): string;
  /** Starts the proxy between the route ports of a cluster. */
  openLink(cluster: Cluster, faults: LinkFaults, seed: number): Promise<SlowLinkProcess>;
}

export interface SlowLinkProcess extends AsyncDisposable {
  /** Tells it to begin or end its stalls and cuts, or to let nothing through any more. */
  tell(word: "on" | "off" | "close" | "counts"): Promise<LinkCounts>;
}

/** Makes so many networks; null where this machine does not permit it. */
export async function openSlowNetworks(count: number): Promise<SlowNetworks | null> {
  if (!["unshare", "nsenter", "ip"].every((program) => Bun.which(program))) return null;
  await using stack = new AsyncDisposableStack();
  const forwarding = "echo 0 > /proc/sys/net/ipv4/ip_forward";
  const middle = await keepNetwork(["unshare", "-rn"], `ip link set lo up; ${forwarding}`);
  if (!middle) return null;
  stack.defer(middle.end);
  const places: NodePlace[] = [];
  for (let index = 0; index < count; index++) {
    const keeper = await keepNetwork([...middle.prefix, "unshare", "-n"], "ip link set lo up");
    if (!keeper) return null;
    stack.defer(keeper.end);
    const wire = `wire${index}`;
    runIn(middle.prefix, `ip link add ${wire} type veth peer name eth0 netns ${keeper.pid}`);
    runIn(middle.prefix, `ip addr add ${middleOf(index)}/24 dev ${wire}`);
    runIn(middle.prefix, `ip link set ${wire} up`);
    runIn(keeper.prefix, `ip addr add ${hostOf(index)}/24 dev eth0`);
    runIn(keeper.prefix, "ip link set eth0 up");
    const reaches = Array.from({ length: count }, () => middleOf(index));
    places.push({ host: hostOf(index), reaches, prefix: keeper.prefix });
  }
  const owned = stack.move();
  return {
    places,
    hosts: places.flatMap((_, index) => [hostOf(index), middleOf(index)]),
    middleOf,
    openLink: (cluster, faults, seed) =>
      openLinkIn(middle.prefix, { ends: endsOf(cluster), faults, seed }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const hostOf = (index: number): string => `10.78.${index + 1}.2`;
const middleOf = (index: number): string => `10.78.${index + 1}.1`;

/** From the wire of each node to every other one. */
function endsOf({ nodes }: Cluster): readonly LinkEnd[] {
  return nodes.flatMap((_, from) =>
    nodes.flatMap(({ routePort: port }, to) =>
      from === to ? [] : [{ from: { host: middleOf(from), port }, to: { host: hostOf(to), port } }],
    ),
  );
}

async function openLinkIn(prefix: readonly string[], options: object): Promise<SlowLinkProcess> {
  const file = join(import.meta.dir, "hold-slow-link.ts");
  const child = Bun.spawn([...prefix, process.execPath, file, JSON.stringify(options)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const said: string[] = [];
  const reading = readLines(child.stdout, (line) => void said.push(line));
  const answer = (number: number): Promise<string> =>
    eventually(() => said[number], { timeoutMs: 20_000, what: "the proxy to answer" });
  let asked = 0;
  await answer(0);
  return {
    async tell(word) {
      const number = ++asked;
      child.stdin.write(`${word}\n`);
      await child.stdin.flush();
      return JSON.parse(await answer(number));
    },
    async [Symbol.asyncDispose]() {
      await child.stdin.end();
      await child.exited;
      await reading;
    },
  };
}
