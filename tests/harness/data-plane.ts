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
import { startNatsServer } from "../../src/nats/server-process.ts";
import { serviceKey } from "../../src/nats/service-key.ts";
import { ensurePrivateFolder } from "../../src/system/files.ts";
import { createLog } from "../../src/system/log.ts";
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
  const folder = stack.use(temporaryFolder());
  const jetStreamFolder = join(folder.path, "jetstream");
  ensurePrivateFolder(jetStreamFolder);
  const lines: LogLine[] = [];
  const violations: Violation[] = [];
  const log = createLog({ format: "json", write: (line) => void lines.push(JSON.parse(line)) });
  const newKey = (kind: "account" | "user") =>
    serviceKey(kind, crypto.getRandomValues(new Uint8Array(32)));
  const issuer = newKey("account");
  const keys = { system: newKey("user"), authorization: newKey("user"), app: newKey("user") };
  const { path } = await findNatsServer({ env: process.env });
  const nats = stack.use(
    await startNatsServer({
      path,
      port: -1,
      jetStreamFolder,
      log,
      random: Math.random,
      onViolation: (violation) => void violations.push(violation),
      configForPort: (port) =>
        natsConfig({
          serverName: "test",
          host: "127.0.0.1",
          port,
          jetStreamFolder,
          issuer: issuer.publicKey,
          services: {
            system: keys.system.publicKey,
            authorization: keys.authorization.publicKey,
            app: keys.app.publicKey,
          },
          tls: null,
        }),
    }),
  );
  const endpoint = { host: "127.0.0.1", port: nats.port, tls: false };
  const open = async (key: keyof typeof keys): Promise<NatsConnection> => {
    const connection = await connectService({ endpoint, key: keys[key], name: key });
    stack.defer(() => connection.close());
    return connection;
  };
  const authorization = await open("authorization");
  const system = await open("system");
  const app = await open("app");
  const states: TestDirectory["states"] = new Map();
  const memberships: TestDirectory["memberships"] = new Map();
  const directory = {
    findState: (user: UserId) => states.get(user) ?? null,
    listMemberships: (user: UserId) => memberships.get(user) ?? [],
  };
  const service = startAuthorization({
    authorization,
    system,
    app,
    issuer,
    mode,
    connectionsPerUser,
    directory,
    log,
    now,
    random: () => 0.5,
  });
  await Promise.all([authorization.flush(), system.flush(), app.flush()]);
  const owned = stack.move();
  return {
    port: nats.port,
    service,
    directory: { states, memberships },
    connections: { authorization, system, app },
    watched: { authorization: service, system, app, directory, mode, now },
    log: lines,
    violations,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
