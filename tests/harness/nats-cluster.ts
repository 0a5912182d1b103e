import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { findNatsServer } from "../../src/nats/find-server.ts";
import { eventually } from "./eventually.ts";
import { freePorts } from "./free-ports.ts";
import { temporaryFolder } from "./unibus.ts";

/** Users of the account of users. */
const APP_USERS = ["alice", "bob", "service"] as const;
type AppUser = (typeof APP_USERS)[number];

/** One bare nats-server of a cluster, with an account for the journal and nothing of a node's. */
export interface ClusterServer {
  readonly name: string;
  /** As a node's own service is connected: to this server alone, for ever. */
  connect(user?: "ctrl" | "sys" | AppUser): Promise<NatsConnection>;
  kill(): Promise<void>;
  start(): void;
  /** Stops it where it is, and lets it go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
}

export interface NatsCluster extends AsyncDisposable {
  readonly servers: readonly ClusterServer[];
}

/** Starts nats-servers that are one cluster; each keeps its streams over kills. */
export async function startNatsCluster(size = 3): Promise<NatsCluster> {
  await using stack = new AsyncDisposableStack();
  const { path } = await findNatsServer({ env: process.env });
  const folder = stack.use(temporaryFolder()).path;
  const ports = await freePorts(size * 2);
  const routePort = (at: number): number => ports[size + at] ?? 0;
  const routes = Array.from({ length: size }, (_, at) => `nats-route://127.0.0.1:${routePort(at)}`);
  const servers = routes.map((own, at): ClusterServer => {
    const port = ports[at] ?? 0;
    const name = `n${at + 1}`;
    const config = JSON.stringify({
      ...{ server_name: name, host: "127.0.0.1", port },
      cluster: {
        ...{ name: "test", listen: `127.0.0.1:${routePort(at)}`, no_advertise: true },
        routes: routes.filter((route) => route !== own),
      },
      jetstream: { store_dir: join(folder, name), sync_interval: "always" },
      accounts: {
        SYS: { users: [{ user: "sys", password: "x" }] },
        APP: { users: APP_USERS.map((user) => ({ user, password: "x" })) },
        CTRL: { jetstream: "enabled", users: [{ user: "ctrl", password: "x" }] },
      },
      system_account: "SYS",
    });
    const launch = () =>
      Bun.spawn([path, "-c", "/dev/stdin"], {
        stdin: new Blob([config]),
        stdout: "ignore",
        stderr: "ignore",
        env: {},
      });
    let child = launch();
    const kill = async (): Promise<void> => {
      child.kill("SIGKILL");
      await child.exited;
    };
    stack.defer(kill);
    return {
      name,
      connect: (user = "ctrl") => connectTo(port, user),
      kill,
      start: () => {
        child = launch();
      },
      signal: (signal) => child.kill(signal),
    };
  });
  const owned = stack.move();
  return { servers, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function connectTo(port: number, user: string): Promise<NatsConnection> {
  return await eventually(
    () =>
      connect({
        ...{ servers: `127.0.0.1:${port}`, user, pass: "x", ignoreClusterUpdates: true },
        ...{ maxReconnectAttempts: -1, reconnectTimeWait: 5, reconnectJitter: 5 },
      }),
    { timeoutMs: 20_000, everyMs: 50, what: `nats-server on port ${port}` },
  );
}
