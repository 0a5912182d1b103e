import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { natsConfig } from "../../src/core/nats-config.ts";
import { serviceKey } from "../../src/nats/service-key.ts";
import { unibusCommand } from "../../tests/harness/command.ts";
import { freePorts } from "../../tests/harness/free-ports.ts";
import type { RequestKind } from "./api-load.ts";
import type { Side } from "./api-side.ts";
import { type PlainUser, type Started, startAndTime } from "./servers.ts";

const NODES = 3;
const CLUSTER = { name: "bench", user: "route", password: "a secret of routes" };

/** A write: a room, made by the operator. */
export const CREATE_ROOM = {
  kind: "same",
  method: "POST",
  path: "/v1/rooms",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ name: "bench" }),
} as const satisfies RequestKind;

/** The admin socket of a node. */
export function sideOf(dataDir: string, pid: number): Side {
  return { unix: join(dataDir, "unibus.sock"), pid };
}

/** A node of a cluster that may be started, and started again with what it has. */
export interface BenchNode {
  readonly name: string;
  readonly dataDir: string;
  /** Resolves when it is ready, which takes a majority. */
  start(): Promise<Started>;
}

/** Makes three nodes of one cluster from this checkout's sources, and starts none of them. */
export async function prepareNodes(folder: string): Promise<readonly BenchNode[]> {
  mkdirSync(folder, { recursive: true });
  const passFile = join(folder, "routes.pass");
  writeFileSync(passFile, `${CLUSTER.password}\n`, { mode: 0o600 });
  const ports = await freePorts(NODES);
  return ports.map((port, at) => {
    const name = `n${at + 1}`;
    const dataDir = join(folder, name);
    const command = [
      ...unibusCommand(),
      ...["serve", "--data-dir", dataDir, "--bus-auth", "enforce", "--log-format", "json"],
      ...["--http-port", "0", "--nats-port", "0", "--connections-per-user", "1000"],
      ...["--cluster-name", CLUSTER.name, "--server-name", name, "--cluster-port", `${port}`],
      ...["--cluster-user", CLUSTER.user, "--cluster-pass-file", passFile],
      ...["--routes", routesBeside(ports, port).join(",")],
    ];
    const until = (line: string): boolean => line.includes('"node.ready"');
    return { name, dataDir, start: () => startAndTime({ command, until }) };
  });
}

/** A nats-server as a node of a cluster runs it, without the node. */
export interface BareServer extends Started {
  readonly port: number;
  /** Seed of the key that the journal's account admits, in hex. */
  readonly control: string;
}

/**
 * Starts three nats-servers with the configuration that a node of a cluster gives its own. With
 * `users`, those log in by their keys, as nobody is there to decide.
 */
export async function startBareServers(options: {
  readonly natsServer: string;
  readonly folder: string;
  readonly users?: readonly PlainUser[];
}): Promise<readonly BareServer[]> {
  const ports = await freePorts(NODES * 2);
  const routePorts = ports.slice(NODES);
  return await Promise.all(
    routePorts.map(async (routePort, at) => {
      const port = ports[at] ?? 0;
      const name = `n${at + 1}`;
      const seed = randomBytes(32);
      const config = natsConfig({
        serverName: name,
        host: "127.0.0.1",
        port,
        jetStreamFolder: join(options.folder, name),
        issuer: newKey("account"),
        services: { system: newKey("user"), authorization: newKey("user"), app: newKey("user") },
        tls: null,
        cluster: {
          name: CLUSTER.name,
          port: routePort,
          routes: routesBeside(routePorts, routePort),
          secret: CLUSTER,
          tls: null,
          formerPassword: null,
          control: serviceKey("user", seed).publicKey,
        },
      });
      const started = await startAndTime({
        command: [options.natsServer, "-c", "/dev/stdin"],
        stdin: JSON.stringify(options.users ? withUsers(config, options.users) : config),
        until: (line) => line.includes("Server is ready"),
      });
      return { ...started, port, control: seed.toString("hex") };
    }),
  );
}

/** The same configuration with users in place of the callout. */
function withUsers(
  { authorization: _, ...config }: ReturnType<typeof natsConfig>,
  users: readonly PlainUser[],
): object {
  // As `natsConfig` renders them.
  const accounts = config.accounts as Readonly<Record<string, object>>;
  return { ...config, accounts: { ...accounts, APP: { ...accounts.APP, users } } };
}

function routesBeside(ports: readonly number[], own: number): readonly string[] {
  return ports.filter((port) => port !== own).map((port) => `nats://127.0.0.1:${port}`);
}

function newKey(kind: "account" | "user"): string {
  return serviceKey(kind, randomBytes(32)).publicKey;
}
