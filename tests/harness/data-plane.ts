import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import type { UserId } from "../../src/core/ids.ts";
import { CONNECTIONS_PER_USER_MAX } from "../../src/core/limits.ts";
import type { AuthMode } from "../../src/core/login.ts";
import { natsConfig } from "../../src/core/nats-config.ts";
import type { Membership } from "../../src/core/permissions.ts";
import { type Authorization, startAuthorization } from "../../src/nats/authorization.ts";
import { connectService } from "../../src/nats/connection.ts";
import { findNatsServer } from "../../src/nats/find-server.ts";
import type { Violation } from "../../src/nats/server-log.ts";
import { type NatsServer, startNatsServer } from "../../src/nats/server-process.ts";
import { type ServiceKey, serviceKey } from "../../src/nats/service-key.ts";
import { ensurePrivateFolder } from "../../src/system/files.ts";
import { createLog, type Log } from "../../src/system/log.ts";
import { type LogLine, temporaryFolder } from "./unibus.ts";

/** What the service reads, as a test sets it. */
export interface TestDirectory {
  readonly states: Map<UserId, "active" | "revoked">;
  readonly memberships: Map<UserId, readonly Membership[]>;
}

/** A real nats-server and the service that admits its clients, in this process. */
export interface TestDataPlane extends AsyncDisposable {
  readonly port: number;
  readonly service: Authorization;
  readonly directory: TestDirectory;
  readonly connections: {
    readonly authorization: NatsConnection;
    readonly system: NatsConnection;
    readonly app: NatsConnection;
  };
  /** What `reconcile` and `watchPublishes` take. */
  readonly watched: {
    readonly authorization: Authorization;
    readonly system: NatsConnection;
    readonly app: NatsConnection;
    readonly service: string;
    readonly directory: {
      findState(user: UserId): "active" | "revoked" | null;
      listMemberships(user: UserId): readonly Membership[];
    };
    readonly mode: AuthMode;
    readonly now: () => number;
  };
  readonly log: readonly LogLine[];
  readonly violations: readonly Violation[];
}

interface Keys {
  readonly issuer: ServiceKey;
  readonly system: ServiceKey;
  readonly authorization: ServiceKey;
  readonly app: ServiceKey;
}

export async function startTestDataPlane(
  options: {
    readonly mode?: AuthMode;
    readonly connectionsPerUser?: number;
    readonly now?: () => number;
  } = {},
): Promise<TestDataPlane> {
  const { mode = "enforce", connectionsPerUser = CONNECTIONS_PER_USER_MAX } = options;
  const now = options.now ?? (() => Date.now());
  await using stack = new AsyncDisposableStack();
  const lines: LogLine[] = [];
  const violations: Violation[] = [];
  const log = createLog({ format: "json", write: (line) => void lines.push(JSON.parse(line)) });
  const keys = newKeys();
  const onViolation = (violation: Violation): void => void violations.push(violation);
  const { port } = stack.use(await startServer({ stack, keys, log, onViolation }));
  const connections = await connectServices({ stack, port, keys });
  const states: TestDirectory["states"] = new Map();
  const memberships: TestDirectory["memberships"] = new Map();
  const directory = {
    findState: (user: UserId) => states.get(user) ?? null,
    listMemberships: (user: UserId) => memberships.get(user) ?? [],
  };
  const { issuer } = keys;
  const random = (): number => 0.5;
  const judged = { mode, connectionsPerUser, directory, log, now, random };
  const service = startAuthorization({ ...connections, issuer, ...judged });
  await Promise.all(Object.values(connections).map((connection) => connection.flush()));
  const owned = stack.move();
  return {
    port,
    service,
    directory: { states, memberships },
    connections,
    watched: {
      ...connections,
      authorization: service,
      service: keys.app.publicKey,
      directory,
      mode,
      now,
    },
    log: lines,
    violations,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function newKeys(): Keys {
  const newKey = (kind: "account" | "user"): ServiceKey =>
    serviceKey(kind, crypto.getRandomValues(new Uint8Array(32)));
  return {
    issuer: newKey("account"),
    system: newKey("user"),
    authorization: newKey("user"),
    app: newKey("user"),
  };
}

async function startServer(parts: {
  readonly stack: AsyncDisposableStack;
  readonly keys: Keys;
  readonly log: Log;
  readonly onViolation: (violation: Violation) => void;
}): Promise<NatsServer> {
  const { stack, keys, log, onViolation } = parts;
  const jetStreamFolder = join(stack.use(temporaryFolder()).path, "jetstream");
  ensurePrivateFolder(jetStreamFolder);
  const { path } = await findNatsServer({ env: process.env });
  return await startNatsServer({
    path,
    port: -1,
    jetStreamFolder,
    tls: null,
    routeTls: null,
    log,
    random: Math.random,
    onViolation,
    configForPort: (port) =>
      natsConfig({
        serverName: "test",
        host: "127.0.0.1",
        port,
        jetStreamFolder,
        issuer: keys.issuer.publicKey,
        services: {
          system: keys.system.publicKey,
          authorization: keys.authorization.publicKey,
          app: keys.app.publicKey,
        },
        tls: null,
        cluster: null,
      }),
  });
}

async function connectServices(parts: {
  readonly stack: AsyncDisposableStack;
  readonly port: number;
  readonly keys: Keys;
}): Promise<TestDataPlane["connections"]> {
  const { stack, port, keys } = parts;
  const open = async (name: "authorization" | "system" | "app"): Promise<NatsConnection> => {
    const endpoint = { host: "127.0.0.1", port, tls: false };
    const connection = await connectService({ endpoint, key: keys[name], name });
    stack.defer(() => connection.close());
    return connection;
  };
  return {
    authorization: await open("authorization"),
    system: await open("system"),
    app: await open("app"),
  };
}
