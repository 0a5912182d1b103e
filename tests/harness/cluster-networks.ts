import type { NodePlace } from "./cluster.ts";

/** Networks of their own, one for each node, with a link from each to a switch in the middle. */
export interface ClusterNetworks extends AsyncDisposable {
  readonly places: readonly NodePlace[];
  /** Takes the link of a network down, or up again: what is sent over it is lost, and nobody is told. */
  setLink(index: number, state: "up" | "down"): void;
}

/** Makes so many networks; null where this machine does not permit it. */
export async function openClusterNetworks(count: number): Promise<ClusterNetworks | null> {
  if (!["unshare", "nsenter", "ip"].every((program) => Bun.which(program))) return null;
  await using stack = new AsyncDisposableStack();
  const hub = await keepNetwork(
    ["unshare", "-rn"],
    "ip link add sw0 type bridge && ip link set sw0 up",
  );
  if (!hub) return null;
  stack.defer(hub.end);
  const places: NodePlace[] = [];
  for (let index = 0; index < count; index++) {
    const keeper = await keepNetwork([...hub.prefix, "unshare", "-n"], "ip link set lo up");
    if (!keeper) return null;
    stack.defer(keeper.end);
    const link = `link${index}`;
    const host = `10.77.0.${index + 1}`;
    runIn(hub.prefix, `ip link add ${link} type veth peer name eth0 netns ${keeper.pid}`);
    runIn(hub.prefix, `ip link set ${link} master sw0 up`);
    runIn(keeper.prefix, `ip addr add ${host}/24 dev eth0`);
    runIn(keeper.prefix, "ip link set eth0 up");
    places.push({ host, prefix: keeper.prefix });
  }
  const owned = stack.move();
  return {
    places,
    setLink: (index, state) => runIn(hub.prefix, `ip link set link${index} ${state}`),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Keeps a network as long as a process that waits for the end of its input. */
export async function keepNetwork(words: readonly string[], preparing: string) {
  const keeper = Bun.spawn([...words, "sh", "-c", `${preparing} && echo ready && exec cat`], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  const { value } = await keeper.stdout.getReader().read();
  if (!value) return null;
  return {
    pid: keeper.pid,
    prefix: ["nsenter", "--preserve-credentials", "-U", "-n", "-t", `${keeper.pid}`, "--"],
    async end(): Promise<void> {
      await keeper.stdin.end();
      await keeper.exited;
    },
  };
}

export function runIn(prefix: readonly string[], command: string): void {
  const { exitCode, stderr } = Bun.spawnSync([...prefix, ...command.split(" ")]);
  if (exitCode !== 0) throw new Error(`${command}: ${stderr}`);
}
