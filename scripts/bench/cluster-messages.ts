import { join } from "node:path";
import { prepareNodes, startBareServers } from "./cluster-scene.ts";
import { makeKeys, natsPortOf } from "./logins.ts";
import type { MessageJob } from "./message-load.ts";
import { makeRoom, rightsOf } from "./messages.ts";
import { benchFolder, natsPidOf, pin, runLoad } from "./servers.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

/** Payload in bytes, and how many of the messages are sent of it. */
const SIZES = [
  { words: "16 B", payloadBytes: 16, part: 1 },
  { words: "1 KiB", payloadBytes: 1_024, part: 0.25 },
] as const;

type Ports = Pick<MessageJob, "port" | "subscriberPort">;

/**
 * Messages of a room from a connection at one node to one at another, beside three nats-servers with
 * the configuration of the nodes' own and the same rights, and beside three more of these, which tell
 * how far two equal things differ here. Where that can be done, servers run on one core and the load on
 * another.
 */
export async function benchClusterMessages(options: {
  readonly natsServer: string;
  readonly runs: number;
  /** Messages of 16 bytes in a run. */
  readonly count: number;
}): Promise<readonly Row[]> {
  const { natsServer, runs, count } = options;
  using folder = benchFolder();
  await using stack = new AsyncDisposableStack();
  const { keys, seeds } = makeKeys(1);
  const [user, seed] = [keys[0]?.user, seeds[0]];
  if (user === undefined || seed === undefined) throw new Error("A key was asked for");
  const prepared = await prepareNodes(join(folder.path, "nodes"));
  const nodes = await Promise.all(prepared.map((node) => node.start()));
  for (const node of nodes) stack.use(node);
  const subject = await makeRoom(prepared[0]?.dataDir ?? "", user);
  const bare = async (name: string) => {
    const users = [rightsOf(user, subject)];
    const place = { natsServer, folder: join(folder.path, name) };
    const servers = await startBareServers({ ...place, users });
    for (const server of servers) stack.use(server);
    return servers;
  };
  const sides = {
    nodes: await Promise.all(
      nodes.map(async (node) => ({ port: natsPortOf(node.line), pid: await natsPidOf(node) })),
    ),
    bare: await bare("bare"),
    again: await bare("again"),
  };
  const prefix = pin([...nodes, ...Object.values(sides).flat()].map(({ pid }) => pid));
  const rows: Row[] = [];
  for (const { words, payloadBytes, part } of SIZES) {
    const job = { seed, subject: `${subject}.${user}.msg`, payloadBytes, count: count * part };
    const round =
      ([first, second]: readonly { readonly port: number }[]) =>
      (): Promise<number> => {
        const ports: Ports = { port: first?.port ?? 0, subscriberPort: second?.port ?? 0 };
        return runLoad<number>("message-load", { ...job, ...ports }, prefix);
      };
    const parts = {
      nodes: round(sides.nodes),
      bare: round(sides.bare),
      again: round(sides.again),
    };
    // The first run of each is slower: the nodes compile what admits, and the servers' memory grows.
    for (const part of Object.values(parts)) await part();
    const rate = await interleave(runs, parts);
    const aim = "≥ 0.98";
    rows.push(
      { what: `messages from node to node, ${words}`, unit: "/s", spread: spreadOf(rate.nodes) },
      { what: "the same nats-servers alone", unit: "/s", spread: spreadOf(rate.bare) },
      { what: "nodes / alone", unit: "", spread: ratioOf(rate.nodes, rate.bare), aim },
      { what: "alone / alone (A/A)", unit: "", spread: ratioOf(rate.again, rate.bare) },
    );
  }
  return rows;
}
