import { hostPort, listenHost } from "../core/bind.ts";
import type { UserId } from "../core/ids.ts";
import { JETSTREAM_FREE_BYTES_MIN, WORKER_SILENCE_MS_MAX } from "../core/limits.ts";
import type { AuthMode } from "../core/login.ts";
import { natsConfig } from "../core/nats-config.ts";
import type { Effect } from "../core/operations.ts";
import type { Problem } from "../core/problems.ts";
import type { RefusalReport } from "../core/records.ts";
import type { ClusterReport } from "../nats/cluster-watch.ts";
import { connectService, type NatsConnection, type ServiceEndpoint } from "../nats/connection.ts";
import type { NatsProgram } from "../nats/embedded-server.ts";
import type { Violation } from "../nats/server-log.ts";
import { type NatsServer, startNatsServer } from "../nats/server-process.ts";
import type { TlsReload } from "../nats/server-run.ts";
import { type ServiceKey, serviceKey } from "../nats/service-key.ts";
import {
  NATS_ROUTE_TLS_FILES,
  NATS_TLS_FILES,
  type NatsRouteTls,
  type NatsTls,
} from "../nats/tls-memory.ts";
import type { Log } from "../system/log.ts";
import { startAuthorizationWorker } from "./authorization-proxy.ts";
import { clientUrls, interfaceAddresses } from "./client-urls.ts";
import type { ClusterMembership } from "./cluster.ts";
import { freeBytes } from "./disk-room.ts";
import type { DataPlaneReport, ServiceSeeds } from "./worker-messages.ts";

/** What carries the messages: this node's own nats-server, or one of somebody else's. */
export interface DataPlane extends AsyncDisposable {
  readonly kind: "embedded" | "external";
  /** Resolves when the data plane cannot go on. */
  readonly fault: Promise<Problem>;
  /** Does what an entry means for connections: tells users, closes what lost a right. */
  apply(effects: readonly Effect[], entry: number): void;
  /** Refuses these users, and nobody else, whatever the database says of them. */
  bar(users: readonly UserId[]): void;
  /**
   * Admits clients for so long, unless it is told anew. Then, and with 0, it admits none under enforce,
   * and closes those that are in, even while the one who should tell it anew stands still.
   */
  admit(forMs: number): void;
  report(): Promise<DataPlaneHealth>;
  /** Resolves when the thread that decides logins answers, however late; at once where there is none. */
  answered(): Promise<void>;
  /** How clients reach it, as of now. */
  access(): DataPlaneAccess;
  /** Connects the one who keeps the journal of a cluster to this node's server; null without one. */
  readonly connectControl: (() => Promise<NatsConnection>) | null;
  /** Gives it another certificate; null where it has one of its own. */
  readonly renewTls: ((tls: NatsTls) => Promise<TlsReload>) | null;
  /** Gives the routes another certificate; null where there are none, or without TLS. */
  readonly renewRouteTls: ((tls: NatsRouteTls) => Promise<TlsReload>) | null;
  /** Starts it anew with the cluster's passwords of now and this: all connections end. Null as above. */
  readonly restartRoutes: ((tls: NatsRouteTls) => Promise<void>) | null;
}

export interface DataPlaneHealth {
  /** False when the thread that decides logins owes an answer for too long. */
  readonly answers: boolean;
  readonly ready: boolean;
  readonly detail: string;
  /** Clients that are connected; null where nobody knows. */
  readonly connections: number | null;
  readonly refusals: RefusalReport;
  /** What it knows of the other nodes; null on a node on its own. */
  readonly cluster: ClusterReport | null;
}

export interface DataPlaneAccess {
  /** The one to tell people: where it listens. */
  readonly url: string;
  readonly clientUrls: readonly string[];
  readonly tls: boolean;
  /** Null while nobody knows. */
  readonly natsVersion: string | null;
}

/** A certificate with its key and the names that it is for. */
interface NamedTls extends NatsTls {
  readonly names: readonly string[];
}

export interface EmbeddedOptions {
  readonly natsServer: NatsProgram;
  readonly serverName: string;
  readonly bind: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly jetStreamFolder: string;
  /** The certificate in use, as of now; null without TLS. */
  readonly tls: () => NamedTls | null;
  readonly mode: AuthMode;
  readonly connectionsPerUser: number;
  readonly plainRooms: boolean;
  readonly databasePath: string;
  readonly log: Log;
  readonly logFormat: "text" | "json";
  readonly randomBytes: (length: number) => Uint8Array;
  readonly onViolation: (violation: Violation) => void;
  /** Null on a node on its own. */
  readonly cluster: ClusterMembership | null;
}

/**
 * Starts nats-server and, in a Worker, the service that admits its clients. Until the Worker listens
 * every client is refused. The node's own keys are made here, at each start, and never written down.
 * Throws `start-failed` or `folder-in-use`.
 */
export async function startEmbeddedDataPlane(options: EmbeddedOptions): Promise<DataPlane> {
  const { log } = options;
  const seeds: ServiceSeeds = {
    issuer: options.randomBytes(32),
    authorization: options.randomBytes(32),
    system: options.randomBytes(32),
    app: options.randomBytes(32),
  };
  const control = serviceKey("user", options.randomBytes(32));
  const { cluster } = options;
  // The Worker loads its modules while nats-server starts.
  const worker = startAuthorizationWorker();
  let nats: NatsServer | null = null;
  try {
    nats = await startNats(options, seeds, control);
    await worker.start({
      kind: "start",
      endpoint: endpointOf(options, nats.port),
      cluster: cluster && { peers: cluster.peers.length, staleMaxMs: cluster.staleMaxMs },
      seeds,
      mode: options.mode,
      connectionsPerUser: options.connectionsPerUser,
      plainRooms: options.plainRooms,
      databasePath: options.databasePath,
      logFormat: options.logFormat,
    });
  } catch (error) {
    worker.terminate();
    await nats?.[Symbol.asyncDispose]();
    throw error;
  }
  const server = nats;
  const access = (): DataPlaneAccess => accessOf(options, server.port);
  const { url } = access();
  log.info("nats.ready", `embedded NATS (JetStream) ready: ${url}`, { url, pid: server.pid });
  return {
    kind: "embedded",
    fault: Promise.race([server.fault, worker.fault]),
    apply(effects, entry) {
      // To wake the Worker costs more than most of what it would be told.
      if (effects.length > 0) worker.post({ kind: "effects", effects, entry });
    },
    bar: (users) => worker.post({ kind: "bar", users }),
    admit: (forMs) => worker.post({ kind: "admit", forMs }),
    report: async () => {
      const report = await worker.report();
      return healthOf(report, worker.silentMs() < WORKER_SILENCE_MS_MAX);
    },
    answered: worker.answered,
    access,
    connectControl: cluster
      ? () =>
          connectService({
            endpoint: endpointOf(options, server.port),
            key: control,
            name: "unibus journal",
          })
      : null,
    renewTls: server.renewTls,
    renewRouteTls: cluster?.tls ? server.renewRouteTls : null,
    restartRoutes: cluster?.tls ? server.restart : null,
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await server[Symbol.asyncDispose]();
      log.info("nats.stopped", "nats-server has stopped");
    },
  };
}

function healthOf(report: DataPlaneReport | null, answers: boolean): DataPlaneHealth {
  if (report === null) {
    const detail = "logins are not decided: their thread does not answer";
    const refusals = { counts: {}, last: [] };
    return { answers, ready: false, detail, connections: null, refusals, cluster: null };
  }
  const { connected, connections, refusals, cluster } = report;
  const detail = connected ? "takes connections" : "nats-server does not answer";
  const count = connected ? connections : null;
  return { answers: true, ready: connected, detail, connections: count, refusals, cluster };
}

function endpointOf({ bind, tls }: EmbeddedOptions, port: number): ServiceEndpoint {
  return { host: connectHost(bind), port, tls: tls() !== null };
}

function accessOf({ bind, tls, natsServer }: EmbeddedOptions, port: number): DataPlaneAccess {
  const host = listenHost(bind);
  const pair = tls();
  return {
    url: `${pair ? "tls" : "nats"}://${hostPort(host, port)}`,
    clientUrls: clientUrls({
      host,
      port,
      tls: pair !== null,
      certificateNames: pair?.names ?? [],
      interfaces: interfaceAddresses(),
    }),
    tls: pair !== null,
    natsVersion: natsServer.version,
  };
}

function startNats(
  options: EmbeddedOptions,
  seeds: ServiceSeeds,
  control: ServiceKey,
): Promise<NatsServer> {
  const issuer = serviceKey("account", seeds.issuer).publicKey;
  const services = {
    system: serviceKey("user", seeds.system).publicKey,
    authorization: serviceKey("user", seeds.authorization).publicKey,
    app: serviceKey("user", seeds.app).publicKey,
  };
  const { serverName, jetStreamFolder, cluster } = options;
  const tls = options.tls();
  return startNatsServer({
    path: options.natsServer.path,
    tls,
    routeTls: cluster?.tls ?? null,
    clustered: cluster !== null,
    port: options.port === 0 ? -1 : options.port,
    jetStreamFolder,
    hasRoom: () => freeBytes(jetStreamFolder) >= JETSTREAM_FREE_BYTES_MIN,
    log: options.log,
    random: Math.random,
    onViolation: options.onViolation,
    configForPort: (port) =>
      natsConfig({
        serverName,
        host: listenHost(options.bind),
        port,
        jetStreamFolder,
        issuer,
        services,
        tls: tls ? NATS_TLS_FILES : null,
        cluster: cluster && {
          name: cluster.name,
          port: cluster.port,
          routes: cluster.peers,
          secret: cluster.secret,
          formerPassword: cluster.formerPassword,
          tls: cluster.tls ? NATS_ROUTE_TLS_FILES : null,
          control: control.publicKey,
        },
      }),
  });
}

/** Where the node itself reaches a listener of the given bind. */
function connectHost(bind: string): string {
  const host = listenHost(bind);
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" || host === "::ffff:0.0.0.0" ? "::1" : host;
}
