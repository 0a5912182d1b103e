import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Health } from "../../src/contract/health.ts";
import { eventually } from "./eventually.ts";
import { freePorts } from "./free-ports.ts";
import { type RunningUnibus, startUnibus, temporaryFolder } from "./unibus.ts";

/** What each node of a cluster is given; `n1`, `n2`, … are their names. */
export interface ClusterOptions {
  readonly nodes?: number;
  readonly mode?: "off" | "soft" | "enforce";
  /** The password of the routes, in a file of each node; null for none. */
  readonly password?: string | null;
  /** `user:password@` in each route, as the first unibus wanted it. */
  readonly loginInRoutes?: string;
  /** Files of mutual route TLS. */
  readonly tls?: RouteTlsFiles;
  /** The same, where each node has files of its own. */
  readonly tlsOf?: (name: string) => RouteTlsFiles;
  /** The address that all nodes bind; loopback unless said otherwise. */
  readonly host?: string;
  /** More words for each node, and for one by its index. */
  readonly args?: readonly string[];
  /** Which of the nodes are those of the cluster, as of now; all of them unless said otherwise. */
  readonly members?: () => readonly number[];
  readonly argsOf?: (index: number) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where each node is, if not simply on this machine. */
  readonly places?: readonly NodePlace[];
}

/** A network or a disk that a node has for itself. */
export interface NodePlace {
  /** The address that it binds and the others reach it by. */
  readonly host?: string;
  /** The addresses by which it reaches the others, in their order, where these are not theirs. */
  readonly reaches?: readonly string[];
  /** What stands in front of its command. */
  readonly prefix?: readonly string[];
  /** Its folder, as the node sees it and as everybody else does. */
  readonly folder?: { readonly own: string; readonly seen: string };
}

export interface RouteTlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A node that runs, or that is down. */
export interface ClusterNode {
  readonly name: string;
  readonly routePort: number;
  readonly dataDir: string;
  /** The words that it is started with, but for its folder. */
  readonly args: readonly string[];
  /** Throws while it does not run. */
  readonly unibus: RunningUnibus;
  readonly running: boolean;
  start(): Promise<RunningUnibus>;
  end(signal?: "SIGTERM" | "SIGKILL"): Promise<number>;
  health(): Promise<Health>;
  /** Names of the nodes that it has routes to. */
  routes(): Promise<readonly string[]>;
}

/** Some nodes of one cluster, each a process of its own on this machine. */
export interface Cluster extends AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  readonly folder: string;
  node(index: number): ClusterNode;
  /** Waits until each node has a route to all others, and there is a leader. */
  joined(): Promise<void>;
  /** Waits until every node that runs calls itself ready. */
  ready(): Promise<void>;
}

/** Makes a cluster and starts none of its nodes. */
export async function prepareCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { nodes: count = 3 } = options;
  const folder = temporaryFolder();
  const ports = await freePorts(count);
  const nodes = ports.map((port, index) =>
    prepareNode({ folder: folder.path, ports, index, port, name: `n${index + 1}`, options }),
  );
  const running = (): readonly ClusterNode[] => nodes.filter((node) => node.running);
  return {
    nodes,
    folder: folder.path,
    node(index) {
      const node = nodes[index];
      if (!node) throw new Error(`There is no node ${index}`);
      return node;
    },
    async joined() {
      await Promise.all(running().map((node) => awaitParts(node, ["routes", "leader"])));
    },
    async ready() {
      await Promise.all(
        running().map((node) =>
          eventually(async () => (await node.health()).ready, {
            timeoutMs: 45_000,
            what: `${node.name} to be ready`,
          }),
        ),
      );
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(running().map((node) => node.end()));
      folder[Symbol.dispose]();
    },
  };
}

/**
 * Waits until a node tells of routes to exactly these nodes. It tells what it found last, which is nothing
 * where its nats-server was too busy to answer, or was given a new certificate just then.
 */
export async function untilRoutes(node: ClusterNode, names: readonly string[]): Promise<void> {
  await eventually(async () => `${await node.routes()}` === `${names}`, {
    ...{ timeoutMs: 20_000, everyMs: 50, what: `${node.name} to have routes to ${names}` },
  });
}

/** Starts a cluster of nodes, all at once. Its routes are there; it may not be ready yet. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await prepareCluster(options);
  try {
    await Promise.all(cluster.nodes.map((node) => node.start()));
    await cluster.joined();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

/** The last lines of each node's log, to look at when something failed. */
export function logsOf(cluster: Cluster): string {
  return cluster.nodes
    .filter((node) => node.running)
    .flatMap(({ name, unibus }) =>
      unibus.log
        .filter(({ event }) => event !== "request.answered")
        .map((line) => `${name} ${line.event} ${line.message}`),
    )
    .join("\n");
}

async function awaitParts(node: ClusterNode, names: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const { parts } = await node.health();
      return names.every((name) => parts.some(({ part, ready }) => part === name && ready));
    },
    { timeoutMs: 45_000, what: `${names.join(" and ")} of ${node.name}` },
  );
}

/** What one node is made of. */
interface NodeParts {
  readonly folder: string;
  readonly ports: readonly number[];
  readonly index: number;
  readonly port: number;
  readonly name: string;
  readonly options: ClusterOptions;
}

function prepareNode(parts: NodeParts): ClusterNode {
  const { folder, port, name, options } = parts;
  const place = options.places?.[parts.index] ?? {};
  const dataDir = place.folder?.seen ?? join(folder, name);
  let unibus: RunningUnibus | null = null;
  const current = (): RunningUnibus => {
    if (!unibus) throw new Error(`${name} does not run`);
    return unibus;
  };
  const health = (): Promise<Health> => current().ask<Health>("GET", "/healthz");
  return {
    name,
    routePort: port,
    dataDir,
    get args() {
      return argumentsOf(parts);
    },
    get unibus() {
      return current();
    },
    get running() {
      return unibus !== null;
    },
    async start() {
      const args = argumentsOf(parts);
      const { env = {} } = options;
      unibus = await startUnibus({
        ...{ dataDir, ownDataDir: place.folder?.own ?? dataDir },
        ...{ args, env, prefix: place.prefix ?? [], awaits: "node.alive" },
      });
      return unibus;
    },
    async end(signal = "SIGTERM") {
      const ending = current();
      unibus = null;
      return await ending.end(signal);
    },
    health,
    async routes() {
      const { parts: all } = await health();
      const { detail = "" } = all.find(({ part }) => part === "routes") ?? {};
      return /: (.*)$/.exec(detail)?.[1]?.split(", ") ?? [];
    },
  };
}

function argumentsOf(parts: NodeParts): readonly string[] {
  const { folder, ports, port, name, options } = parts;
  const { mode = "enforce", password = "a secret of routes", args = [] } = options;
  const tls = options.tlsOf?.(name) ?? options.tls;
  const { loginInRoutes = "", places = [], argsOf = () => [] } = options;
  const { members = () => [...ports.keys()] } = options;
  const hostOf = (index: number): string => places[index]?.host ?? options.host ?? "127.0.0.1";
  const host = hostOf(parts.index);
  const peers = ports.flatMap((other, at) =>
    other === port || !members().includes(at)
      ? []
      : [`nats://${loginInRoutes}${places[parts.index]?.reaches?.[at] ?? hostOf(at)}:${other}`],
  );
  const cluster = ["--cluster-name", "bus", "--server-name", name, "--cluster-port", `${port}`];
  const routes = ["--routes", peers.join(",")];
  const secret = password === null ? [] : secretWords(folder, name, password);
  const files = tls
    ? ["--route-tls-cert", tls.cert, "--route-tls-key", tls.key, "--route-tls-ca", tls.ca]
    : [];
  const words = [...cluster, ...routes, ...secret, ...files, ...args, ...argsOf(parts.index)];
  return ["--bind", host, "--bus-auth", mode, ...words];
}

function secretWords(folder: string, name: string, password: string): readonly string[] {
  const file = join(folder, `${name}.pass`);
  mkdirSync(folder, { recursive: true });
  // One that is started anew goes on with what it has.
  if (!existsSync(file)) writeFileSync(file, `${password}\n`, { mode: 0o600 });
  return ["--cluster-user", "route", "--cluster-pass-file", file];
}
