import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { Operation } from "../../src/core/operations.ts";
import { renderMessage } from "../../src/journal/message.ts";
import { connectService } from "../../src/nats/connection.ts";
import { openControlStream } from "../../src/nats/control-stream.ts";
import { serviceKey } from "../../src/nats/service-key.ts";
import { loadOf, type Side } from "./api-side.ts";
import {
  type BareServer,
  CREATE_ROOM,
  prepareNodes,
  sideOf,
  startBareServers,
} from "./cluster-scene.ts";
import type { PublishJob, PublishNumbers } from "./publish-load.ts";
import { benchFolder, runLoad, startNode } from "./servers.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

const ONE_BY_ONE = 100;
const IN_FLIGHT = 64;
const TOGETHER = 800;
const STREAM_OPENS_MS = 20_000;

type Load = Pick<PublishJob, "count" | "inFlight">;

/**
 * Writes at three nodes beside the publish that each of them needs, of a message as long as theirs into
 * the same stream of three bare nats-servers, and beside writes at a lone node. Each is measured at all
 * three, as one of them leads the stream: a number is the mean of theirs.
 */
export async function benchClusterWrites(options: {
  readonly natsServer: string;
  readonly runs: number;
}): Promise<readonly Row[]> {
  const { natsServer, runs } = options;
  using folder = benchFolder();
  await using stack = new AsyncDisposableStack();
  const nodes = await prepareNodes(join(folder.path, "nodes"));
  const running = await Promise.all(nodes.map((node) => node.start()));
  for (const one of running) stack.use(one);
  const sides = nodes.map(({ dataDir }, at) => sideOf(dataDir, running[at]?.pid ?? 0));
  const loneDir = join(folder.path, "lone");
  const lone = sideOf(loneDir, stack.use(await startNode(loneDir)).pid);
  const servers = await startBareServers({ natsServer, folder: join(folder.path, "bare") });
  for (const server of servers) stack.use(server);
  await makeStream(servers);
  await write(sides, { count: 1, inFlight: 1 });
  const message = lastMessage(nodes[0]?.dataDir ?? "");
  const parts = {
    nodes: (load: Load) => write(sides, load),
    bare: (load: Load) => publish(servers, { ...load, message }),
    lone: (load: Load) => write([lone], load),
  };
  const serial = { count: ONE_BY_ONE, inFlight: 1 };
  const together = { count: TOGETHER, inFlight: IN_FLIGHT };
  // The first run of each is slower: what it runs is compiled meanwhile.
  for (const part of Object.values(parts)) await part(together);
  const ms = await interleave(runs, {
    nodes: async () => (await parts.nodes(serial)).p50Ms,
    bare: async () => (await parts.bare(serial)).p50Ms,
    lone: async () => (await parts.lone(serial)).p50Ms,
  });
  const rate = await interleave(runs, {
    nodes: async () => (await parts.nodes(together)).perSecond,
    bare: async () => (await parts.bare(together)).perSecond,
    lone: async () => (await parts.lone(together)).perSecond,
  });
  return [
    { what: "one write after the other, p50, three nodes", unit: "ms", spread: spreadOf(ms.nodes) },
    { what: "the publish that it needs, p50", unit: "ms", spread: spreadOf(ms.bare) },
    { what: "write / publish", unit: "", spread: ratioOf(ms.nodes, ms.bare) },
    { what: "one write after the other, p50, a lone node", unit: "ms", spread: spreadOf(ms.lone) },
    { what: "writes, 64 in flight, three nodes", unit: "/s", spread: spreadOf(rate.nodes) },
    { what: "publishes, 64 in flight", unit: "/s", spread: spreadOf(rate.bare) },
    { what: "writes / publishes", unit: "", spread: ratioOf(rate.nodes, rate.bare) },
    { what: "writes, 64 in flight, a lone node", unit: "/s", spread: spreadOf(rate.lone) },
  ];
}

function write(sides: readonly Side[], { count, inFlight }: Load): Promise<PublishNumbers> {
  const load = { requests: CREATE_ROOM, count, connections: inFlight, prefix: [] };
  return meanOf(sides, (side) => loadOf(side, load));
}

function publish(
  servers: readonly BareServer[],
  job: Omit<PublishJob, "port" | "control">,
): Promise<PublishNumbers> {
  return meanOf(servers, ({ port, control }) =>
    runLoad<PublishNumbers>("publish-load", { ...job, port, control }),
  );
}

async function meanOf<Place>(
  places: readonly Place[],
  measure: (place: Place) => Promise<PublishNumbers>,
): Promise<PublishNumbers> {
  let p50Ms = 0;
  let perSecond = 0;
  for (const place of places) {
    const numbers = await measure(place);
    p50Ms += numbers.p50Ms / places.length;
    perSecond += numbers.perSecond / places.length;
  }
  return { p50Ms, perSecond };
}

/** Makes the journal's stream, as a node of a cluster does. */
export async function makeStream(servers: readonly BareServer[]): Promise<void> {
  const [server] = servers;
  if (!server) throw new Error("There are three servers");
  const connection = await connectService({
    endpoint: { host: "127.0.0.1", port: server.port, tls: false },
    key: serviceKey("user", Buffer.from(server.control, "hex")),
    name: "bench",
  });
  const signal = AbortSignal.timeout(STREAM_OPENS_MS);
  await openControlStream({ connection, replicas: servers.length, create: true, signal });
  await connection.close();
}

/** The message by which the latest entry of a node came there. */
function lastMessage(dataDir: string): string {
  using database = new Database(join(dataDir, "unibus.db"), { readonly: true });
  const row = database
    .query<{ entry: string }, []>("SELECT entry FROM journal ORDER BY seq DESC LIMIT 1")
    .get();
  // The node rendered it.
  const { operation } = JSON.parse(row?.entry ?? "{}") as { readonly operation: Operation };
  return new TextDecoder().decode(renderMessage({ mark: "0".repeat(32), operation }));
}
