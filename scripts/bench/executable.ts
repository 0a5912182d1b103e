import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { childrenOf } from "../../tests/harness/machine.ts";
import { cleanEnvironment } from "../../tests/harness/unibus.ts";
import { buildForThisMachine } from "../build.ts";
import { benchFolder, freePort, type Started, startAndTime, startPlainNats } from "./servers.ts";
import { interleave, type Row, type Spread, spreadOf } from "./statistics.ts";

const MEGABYTE = 1e6;
/** How long a node that has nothing to do is left alone before its memory is read. */
const REST_MS = 10_000;

interface Options {
  readonly natsServer: string;
  readonly runs: number;
}

/** Size, start, memory and a short command of the executable, beside nats-server and Bun alone. */
export async function benchExecutable({ natsServer, runs }: Options): Promise<readonly Row[]> {
  using folder = benchFolder();
  const path = join(folder.path, "unibus");
  await buildForThisMachine(path);
  return [
    ...sizes({ path, natsServer }),
    ...(await starts({ path, natsServer, runs })),
    ...(await commands({ path, runs: runs * 2 })),
    ...(await memory({ path, natsServer, runs: Math.min(runs, 3) })),
  ];
}

function sizes(files: { readonly path: string; readonly natsServer: string }): readonly Row[] {
  const row = (what: string, path: string): Row => {
    return { what, unit: "MB", spread: once(statSync(path).size / MEGABYTE) };
  };
  return [
    row("the executable, nats-server inside", files.path),
    row("Bun alone", process.execPath),
    row("nats-server alone", files.natsServer),
  ];
}

function startExecutable(path: string, folder: string): Promise<Started> {
  const ports = ["--http-port", "0", "--nats-port", "0", "--log-format", "json"];
  return startAndTime({
    command: [path, "serve", "--data-dir", folder, "--bus-auth", "enforce", ...ports],
    until: (line) => line.includes('"node.ready"'),
  });
}

async function starts(options: Options & { readonly path: string }): Promise<readonly Row[]> {
  const { path, natsServer, runs } = options;
  const one = async (start: (folder: string) => Promise<Started>, file: string, cold: boolean) => {
    using folder = benchFolder();
    if (cold) forget(file);
    await using started = await start(join(folder.path, "data"));
    return started.readyMs;
  };
  const node = (folder: string) => startExecutable(path, folder);
  const server = (folder: string) => startPlainNats({ path: natsServer, folder, port: freePort() });
  await one(node, path, false);
  await one(server, natsServer, false);
  const ms = await interleave(runs, {
    warm: () => one(node, path, false),
    natsWarm: () => one(server, natsServer, false),
    cold: () => one(node, path, true),
    natsCold: () => one(server, natsServer, true),
  });
  return [
    { what: "start to ready", unit: "ms", spread: spreadOf(ms.warm), aim: "≤ 120" },
    { what: "nats-server with JetStream", unit: "ms", spread: spreadOf(ms.natsWarm) },
    { what: "start to ready, file not in memory", unit: "ms", spread: spreadOf(ms.cold) },
    { what: "nats-server, file not in memory", unit: "ms", spread: spreadOf(ms.natsCold) },
  ];
}

/** Takes a file out of the kernel's cache; what a process of it still uses stays there. */
function forget(path: string): void {
  Bun.spawnSync(["dd", `if=${path}`, "iflag=nocache", "count=0"], { stderr: "ignore" });
}

async function commands(options: {
  readonly path: string;
  readonly runs: number;
}): Promise<readonly Row[]> {
  const { path, runs } = options;
  using folder = benchFolder();
  const data = join(folder.path, "data");
  await using _ = await startExecutable(path, data);
  const time = async (...words: string[]): Promise<number> => {
    const at = performance.now();
    const child = Bun.spawn([path, ...words], {
      env: cleanEnvironment(),
      stdio: ["ignore", "ignore", "inherit"],
    });
    if ((await child.exited) !== 0) throw new Error(`${words.join(" ")} failed`);
    return performance.now() - at;
  };
  const list = () => time("user", "list", "--data-dir", data);
  const version = () => time("version");
  await list();
  const ms = await interleave(runs, { list, version });
  return [
    { what: "unibus user list", unit: "ms", spread: spreadOf(ms.list), aim: "≤ 25" },
    { what: "unibus version", unit: "ms", spread: spreadOf(ms.version) },
  ];
}

async function memory(options: Options & { readonly path: string }): Promise<readonly Row[]> {
  const nodes: number[] = [];
  const servers: number[] = [];
  const plain: number[] = [];
  for (let run = 0; run < options.runs; run++) {
    using folder = benchFolder();
    await using node = await startExecutable(options.path, join(folder.path, "data"));
    await using alone = await startPlainNats({
      path: options.natsServer,
      folder: join(folder.path, "plain"),
      port: freePort(),
    });
    await Bun.sleep(REST_MS);
    nodes.push(residentOf(node.pid));
    servers.push(residentOf(childrenOf(node.pid)[0] ?? 0));
    plain.push(residentOf(alone.pid));
  }
  return [
    { what: "memory at rest: unibus", unit: "MB", spread: spreadOf(nodes) },
    { what: "memory at rest: its nats-server", unit: "MB", spread: spreadOf(servers) },
    { what: "memory at rest: nats-server alone", unit: "MB", spread: spreadOf(plain) },
  ];
}

function residentOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024) / MEGABYTE;
}

function once(value: number): Spread {
  return spreadOf([value]);
}
