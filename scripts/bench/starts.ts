import { join } from "node:path";
import { run } from "../../tests/harness/unibus.ts";
import { benchFolder, freePort, startNode, startPlainNats } from "./servers.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

const ROOT = join(import.meta.dir, "../..");

/** Time from spawning to ready, in a fresh folder, beside nats-server alone. */
export async function benchStarts(options: {
  readonly natsServer: string;
  readonly runs: number;
}): Promise<readonly Row[]> {
  const one = async (start: (folder: string) => ReturnType<typeof startNode>): Promise<number> => {
    using folder = benchFolder();
    await using started = await start(join(folder.path, "data"));
    return started.readyMs;
  };
  const unibus = () => one(startNode);
  const nats = () =>
    one((folder) => startPlainNats({ path: options.natsServer, folder, port: freePort() }));
  // The first start of each reads the files from disk.
  await unibus();
  await nats();
  const ms = await interleave(options.runs, { unibus, nats });
  return [
    { what: "a node, from source", unit: "ms", spread: spreadOf(ms.unibus), aim: "≤ 300" },
    { what: "nats-server with JetStream", unit: "ms", spread: spreadOf(ms.nats) },
    { what: "node / nats-server", unit: "", spread: ratioOf(ms.unibus, ms.nats) },
  ];
}

/** Time of a whole command against a running node, beside a program of Bun that does nothing. */
export async function benchCommands(options: { readonly runs: number }): Promise<readonly Row[]> {
  using folder = benchFolder();
  const dataDir = join(folder.path, "data");
  await using _ = await startNode(dataDir);
  const nothing = join(folder.path, "nothing.ts");
  await Bun.write(nothing, "export {};\n");
  const time = async (command: readonly string[]): Promise<number> => {
    const at = performance.now();
    const child = Bun.spawn([...command], { stdio: ["ignore", "ignore", "inherit"] });
    if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
    return performance.now() - at;
  };
  const list = () => time([join(ROOT, "unibus"), "user", "list", "--data-dir", dataDir]);
  const bun = () => time([process.execPath, "--no-env-file", nothing]);
  const checked = await run(["user", "list", "--data-dir", dataDir]);
  if (checked.code !== 0) throw new Error(checked.stderr);
  await list();
  await bun();
  const ms = await interleave(options.runs, { list, bun });
  return [
    { what: "./unibus user list", unit: "ms", spread: spreadOf(ms.list), aim: "≤ 60" },
    { what: "Bun, running nothing", unit: "ms", spread: spreadOf(ms.bun) },
  ];
}
