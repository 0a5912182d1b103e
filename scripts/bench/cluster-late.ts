import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { loadOf } from "./api-side.ts";
import { type BenchNode, CREATE_ROOM, prepareNodes, sideOf } from "./cluster-scene.ts";
import { benchFolder, type Started } from "./servers.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

/** In flight at each of the two nodes that take the operations. */
const IN_FLIGHT = 128;

interface Options {
  readonly runs: number;
  /** An even number. */
  readonly operations: number;
}

/**
 * Starts the third node of a cluster, to the moment at which it has applied all there is: one that has
 * missed nothing, one that was away while the operations were made and takes them from the stream, and
 * one with an empty database, which takes a copy of a peer's.
 */
export async function benchLateNode({ runs, operations }: Options): Promise<readonly Row[]> {
  using folder = benchFolder();
  await using stack = new AsyncDisposableStack();
  const nodes = await prepareNodes(join(folder.path, "nodes"));
  const [first, second, late] = nodes;
  if (!first || !second || !late) throw new Error("There are three nodes");
  const [atFirst, atSecond, atLate] = await Promise.all(nodes.map((node) => node.start()));
  if (!atFirst || !atSecond || !atLate) throw new Error("Three nodes were started");
  stack.use(atFirst);
  stack.use(atSecond);
  await atLate[Symbol.asyncDispose]();
  const before = join(folder.path, "before");
  cpSync(late.dataDir, before, { recursive: true });
  const perSecond = await makeRooms(
    [
      [first, atFirst],
      [second, atSecond],
    ],
    operations,
  );
  const start = async (): Promise<number> => {
    await using started = await late.start();
    return started.readyMs / 1_000;
  };
  const seconds = await interleave(runs, {
    away() {
      rmSync(late.dataDir, { recursive: true });
      cpSync(before, late.dataDir, { recursive: true });
      return start();
    },
    empty() {
      removeDatabase(late.dataDir);
      return start();
    },
    current: start,
  });
  const rates = (all: readonly number[]) => spreadOf(all.map((one) => operations / one));
  const entries = `${operations.toLocaleString("en")} entries`;
  return [
    { what: "start to ready, nothing missed", unit: "s", spread: spreadOf(seconds.current) },
    { what: `${entries} missed, from the stream`, unit: "s", spread: spreadOf(seconds.away) },
    { what: "entries from the stream", unit: "/s", spread: rates(seconds.away) },
    { what: "an empty database, a copy", unit: "s", spread: spreadOf(seconds.empty) },
    { what: "entries by a copy", unit: "/s", spread: rates(seconds.empty) },
    { what: "stream / copy", unit: "", spread: ratioOf(seconds.away, seconds.empty) },
    { what: "making them at the other two nodes", unit: "/s", spread: spreadOf([perSecond]) },
  ];
}

/** Makes rooms at nodes, as many at each, and answers how many a second. */
async function makeRooms(
  nodes: readonly (readonly [BenchNode, Started])[],
  operations: number,
): Promise<number> {
  const count = operations / nodes.length;
  const startedAt = performance.now();
  await Promise.all(
    nodes.map(([{ dataDir }, { pid }]) =>
      loadOf(sideOf(dataDir, pid), {
        ...{ requests: CREATE_ROOM, count, connections: IN_FLIGHT, prefix: [] },
      }),
    ),
  );
  return (operations * 1_000) / (performance.now() - startedAt);
}

/** Removes the database and what belongs to it; what nats-server keeps stays. */
function removeDatabase(dataDir: string): void {
  for (const file of readdirSync(dataDir)) {
    if (file.startsWith("unibus.")) rmSync(join(dataDir, file));
  }
}
