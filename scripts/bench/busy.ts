import { join } from "node:path";
import { readLines } from "../../src/system/lines.ts";
import { cleanEnvironment } from "../../tests/harness/unibus.ts";
import type { LoginNumbers } from "./connect-load.ts";
import { askNode, makeKeys, natsPortOf } from "./logins.ts";
import { benchFolder, runLoad } from "./servers.ts";
import { interleave, type Row, spreadOf } from "./statistics.ts";

const USERS = 16;
const LOGINS_PER_RUN = 200;
const BAD_SOCKETS = 400;

/**
 * Good logins, one after the other, while the node's main thread copies a database of 200 MB and
 * while 400 sockets send bad logins: the Worker that decides logins should feel neither.
 */
export async function benchBusyLogins(options: { readonly runs: number }): Promise<readonly Row[]> {
  using folder = benchFolder();
  const dataDir = join(folder.path, "node");
  await using node = await startBusyNode(dataDir);
  const { keys, seeds } = makeKeys(USERS);
  for (const { user } of keys) await askNode(dataDir, "POST", "/v1/users", { user });
  const p50: Record<string, number[]> = {};
  const round = (name: string, busy: { copy: boolean; storm: boolean }) => async () => {
    await using _ = busy.storm ? await startStorm(node.port, seeds) : null;
    if (busy.copy) node.copy();
    const job = { kind: "logins", port: node.port, seeds, count: LOGINS_PER_RUN, inFlight: 1 };
    const numbers = await runLoad<LoginNumbers>("connect-load", job);
    if (busy.copy) await node.rest();
    p50[name] ??= [];
    p50[name].push(numbers.p50Ms);
    return numbers.p99Ms;
  };
  const p99 = await interleave(options.runs, {
    quiet: round("quiet", { copy: false, storm: false }),
    copying: round("copying", { copy: true, storm: false }),
    storm: round("storm", { copy: false, storm: true }),
    both: round("both", { copy: true, storm: true }),
  });
  const words = {
    quiet: "a quiet node",
    copying: "the main thread copies 200 MB",
    storm: "400 sockets send bad logins",
    both: "both",
  } as const;
  const rows = (Object.entries(words) as [keyof typeof words, string][]).flatMap(
    ([name, what]): Row[] => [
      { what: `login p50, ${what}`, unit: "ms", spread: spreadOf(p50[name] ?? []) },
      { what: `login p99, ${what}`, unit: "ms", spread: spreadOf(p99[name]) },
    ],
  );
  const copies = { what: "copies of the database while measured", unit: "" } as const;
  return [...rows, { ...copies, spread: spreadOf([node.copies()]) }];
}

interface BusyNode extends AsyncDisposable {
  readonly port: number;
  copy(): void;
  /** Ends copying. Returns when the main thread is free again. */
  rest(): Promise<void>;
  copies(): number;
}

async function startBusyNode(dataDir: string): Promise<BusyNode> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "busy-node.ts"), dataDir], {
    env: cleanEnvironment(),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  const ready = Promise.withResolvers<string>();
  let copies = 0;
  let rested = Promise.withResolvers<void>();
  void readLines(child.stderr, (line) => {
    if (line.includes('"node.ready"')) ready.resolve(line);
  }).then(() => ready.reject(new Error("The busy node ended")));
  void readLines(child.stdout, (line) => {
    copies = Number(line);
    rested.resolve();
  });
  const say = (word: string): void => {
    void child.stdin.write(`${word}\n`);
    void child.stdin.flush();
  };
  return {
    port: natsPortOf(await ready.promise),
    copy: () => say("copy"),
    async rest() {
      rested = Promise.withResolvers();
      say("rest");
      await rested.promise;
    },
    copies: () => copies,
    async [Symbol.asyncDispose]() {
      say("end");
      await child.exited;
    },
  };
}

async function startStorm(port: number, seeds: readonly string[]): Promise<AsyncDisposable> {
  const job = { kind: "storm", port, seeds: seeds.slice(0, 1), sockets: BAD_SOCKETS };
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "connect-load.ts")], {
    stdin: new Blob([JSON.stringify(job)]),
    stdout: "pipe",
    stderr: "ignore",
  });
  // "begun" comes before the first socket; the load generator's own start gives them their time.
  await child.stdout.getReader().read();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
