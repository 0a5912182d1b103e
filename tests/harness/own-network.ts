/** A network of its own, in which all ports are free and nothing else is reachable. */
export interface OwnNetwork extends AsyncDisposable {
  /** What stands in front of a command that runs in it. */
  readonly prefix: readonly string[];
}

/**
 * Makes a network with a loopback interface only, which has one address more when one is given: what
 * is public there reaches nobody here. Null where this machine does not permit it.
 */
export async function openOwnNetwork(address?: string): Promise<OwnNetwork | null> {
  if (!["unshare", "nsenter", "ip"].every((program) => Bun.which(program))) return null;
  const addAddress = address === undefined ? "" : `&& ip addr add ${address}/32 dev lo `;
  // `cat` keeps the network until its input ends, at the latest with this process.
  const keeper = Bun.spawn(
    ["unshare", "-rn", "sh", "-c", `ip link set lo up ${addAddress}&& echo ready && exec cat`],
    { stdin: "pipe", stdout: "pipe", stderr: "ignore" },
  );
  const { value } = await keeper.stdout.getReader().read();
  if (!value) return null;
  return {
    prefix: ["nsenter", "--preserve-credentials", "-U", "-n", "-t", `${keeper.pid}`, "--"],
    async [Symbol.asyncDispose]() {
      await keeper.stdin.end();
      await keeper.exited;
    },
  };
}

/** Runs a command inside a network to its end, and returns what it wrote to stdout. */
export async function runInside(
  network: OwnNetwork | null,
  command: readonly string[],
  input = "",
): Promise<string> {
  const child = Bun.spawn([...(network?.prefix ?? []), ...command], {
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "ignore",
  });
  return await new Response(child.stdout).text();
}
