import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readRoll } from "../../src/config/route-roll.ts";
import type { RollPhase } from "../../src/core/route-roll.ts";
import { type Cluster, type ClusterNode, prepareCluster, type RouteTlsFiles } from "./cluster.ts";
import { withLogs } from "./cluster-scene.ts";
import { eventually } from "./eventually.ts";
import { demand, type MadeCa, makeCa } from "./joining.ts";
import { temporaryFolder } from "./unibus.ts";

/** A cluster whose nodes have route files of their own, and the CA that made them. */
export interface RollingCluster extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly ca: MadeCa;
  filesOf(name: string): RouteTlsFiles;
  /** Runs `unibus cert roll`, when the hand-overs of the one before are removed. */
  make(without?: readonly string[]): Promise<void>;
  /** The same, and hands each node its file, unless it is left out. */
  roll(without?: readonly string[]): Promise<void>;
  handOver(node: ClusterNode): Promise<string>;
}

export const ROLL_PASSWORD = "the secret before";

/** Settings that a command of a node takes which speaks of its routes. */
const ROUTE_WORDS =
  /^--(cluster-name|server-name|cluster-user|cluster-pass-file|route-tls-(cert|key|ca))$/;

export async function prepareRolling(): Promise<RollingCluster> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder()).path;
  const names = ["n1", "n2", "n3"];
  const ca = await makeCa(join(folder, "ca"), names);
  const filesOf = (name: string): RouteTlsFiles => {
    const at = (file: string): string => join(folder, name, file);
    return { ca: at("ca.crt"), cert: at("node.crt"), key: at("node.key") };
  };
  for (const name of names) {
    mkdirSync(join(folder, name));
    const [from, to] = [ca.nodeFiles(name), filesOf(name)];
    for (const file of ["ca", "cert", "key"] as const) copyFileSync(from[file], to[file]);
  }
  const cluster = stack.use(
    await prepareCluster({ password: ROLL_PASSWORD, tlsOf: filesOf, args: ["--stale-max", "10"] }),
  );
  async function handOver(node: ClusterNode): Promise<string> {
    const { args } = node;
    const words = args.flatMap((word, at) => {
      return ROUTE_WORDS.test(word) ? [word, args[at + 1] ?? ""] : [];
    });
    const file = join(ca.dir, "roll", `${node.name}.roll`);
    return (await demand(["node", "roll", file, "--data-dir", node.dataDir, ...words])).stdout;
  }
  async function make(without: readonly string[] = []): Promise<void> {
    rmSync(join(ca.dir, "roll"), { recursive: true, force: true });
    const left = without.flatMap((name) => ["--without", name]);
    const place = ["--dir", ca.dir, "--passphrase-file", ca.passphraseFile];
    await demand(["cert", "roll", ...place, ...left]);
  }
  const owned = stack.move();
  return {
    ...{ cluster, ca, filesOf, handOver },
    make,
    async roll(without = []) {
      await make(without);
      for (const node of cluster.nodes) {
        if (!without.includes(node.name)) await handOver(node);
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Starts such a cluster and waits until its nodes do their work. */
export async function startRolling(): Promise<RollingCluster> {
  const rolling = await prepareRolling();
  try {
    await Promise.all(rolling.cluster.nodes.map((node) => node.start()));
    await withLogs(rolling.cluster, () => rolling.cluster.ready());
    return rolling;
  } catch (error) {
    await rolling[Symbol.asyncDispose]();
    throw error;
  }
}

/** The phase of a node's roll, as its files have it; null when it is in none. */
export function phaseOf(rolling: RollingCluster, { name }: ClusterNode): RollPhase | null {
  return readRoll({ routeTlsCert: rolling.filesOf(name).cert })?.phase ?? null;
}

/** Waits until nodes are through: they trust the CA that is in its folder, and have nothing of a roll. */
export async function untilThrough(
  rolling: RollingCluster,
  nodes: readonly ClusterNode[],
): Promise<void> {
  const ca = readFileSync(join(rolling.ca.dir, "ca.crt"), "utf8");
  await eventually(
    () =>
      nodes.every((node) => {
        const trusted = readFileSync(rolling.filesOf(node.name).ca, "utf8");
        return trusted === ca && phaseOf(rolling, node) === null;
      }),
    { timeoutMs: 120_000, everyMs: 50, what: "all nodes to be through the roll" },
  );
}
