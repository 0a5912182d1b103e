import { hostPort, listenHost } from "../core/bind.ts";
import { NATS_READY_TIMEOUT_MS } from "../core/limits.ts";
import type { AuthMode } from "../core/login.ts";
import { natsConfig } from "../core/nats-config.ts";
import type { Effect } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { RefusalReport } from "../core/records.ts";
import type { NatsProgram } from "../nats/embedded-server.ts";
import type { Violation } from "../nats/server-log.ts";
import { type NatsServer, startNatsServer } from "../nats/server-process.ts";
import { NATS_TLS_FILES, type NatsTls, type TlsReload } from "../nats/server-run.ts";
import { serviceKey } from "../nats/service-key.ts";
import type { Log } from "../system/log.ts";
import { withTimeout } from "../system/wait.ts";
import { clientUrls, interfaceAddresses } from "./client-urls.ts";
import type { DataPlaneReport, FromWorker, ServiceSeeds, ToWorker } from "./worker-messages.ts";

/** What carries the messages: this node's own nats-server, or one of somebody else's. */
export interface DataPlane extends AsyncDisposable {
  readonly kind: "embedded" | "external";
  /** Resolves when the data plane cannot go on. */
  readonly fault: Promise<Problem>;
  /** Does what operations mean for connections: tells users, closes what lost a right. */
  apply(effects: readonly Effect[]): void;
  report(): Promise<DataPlaneHealth>;
  /** How clients reach it, as of now. */
  access(): DataPlaneAccess;
  /** Gives it another certificate; null where it has one of its own. */
  readonly renewTls: ((tls: NatsTls) => Promise<TlsReload>) | null;
}

export interface DataPlaneHealth {
  readonly ready: boolean;
  readonly detail: string;
  /** Clients that are connected; null where nobody knows. */
  readonly connections: number | null;
  readonly refusals: RefusalReport;
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
}

const REPORT_TIMEOUT_MS = 2_000;

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
  // The Worker loads its modules while nats-server starts.
  const worker = startWorker();
  let nats: NatsServer | null = null;
  try {
    nats = await startNats(options, seeds);
    await worker.start({
      kind: "start",
      endpoint: { host: connectHost(options.bind), port: nats.port, tls: options.tls() !== null },
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
    apply: (effects) => worker.post({ kind: "effects", effects }),
    report: async () => healthOf(await worker.report()),
    access,
    renewTls: server.renewTls,
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await server[Symbol.asyncDispose]();
      log.info("nats.stopped", "nats-server has stopped");
    },
  };
}

function healthOf({ connected, connections, refusals }: DataPlaneReport): DataPlaneHealth {
  const detail = connected ? "takes connections" : "nats-server does not answer";
  return { ready: connected, detail, connections: connected ? connections : null, refusals };
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

function startNats(options: EmbeddedOptions, seeds: ServiceSeeds): Promise<NatsServer> {
  const issuer = serviceKey("account", seeds.issuer).publicKey;
  const services = {
    system: serviceKey("user", seeds.system).publicKey,
    authorization: serviceKey("user", seeds.authorization).publicKey,
    app: serviceKey("user", seeds.app).publicKey,
  };
  const { serverName, jetStreamFolder } = options;
  const tls = options.tls();
  return startNatsServer({
    path: options.natsServer.path,
    tls,
    port: options.port === 0 ? -1 : options.port,
    jetStreamFolder,
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
      }),
  });
}

/** Where the node itself reaches a listener of the given bind. */
function connectHost(bind: string): string {
  const host = listenHost(bind);
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" || host === "::ffff:0.0.0.0" ? "::1" : host;
}

interface AuthorizationWorker {
  readonly fault: Promise<Problem>;
  start(message: Extract<ToWorker, { kind: "start" }>): Promise<void>;
  post(message: ToWorker): void;
  report(): Promise<DataPlaneReport>;
  stop(): Promise<void>;
  terminate(): void;
}

function startWorker(): AuthorizationWorker {
  const worker = new Worker(new URL("./authorization-worker.ts", import.meta.url).href);
  const fault = Promise.withResolvers<Problem>();
  const ready = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const reports = new Map<number, (report: DataPlaneReport) => void>();
  let reportId = 0;
  let asking: Promise<DataPlaneReport> | null = null;

  function fail(message: string): void {
    const problem = new Problem(
      "start-failed",
      `start embedded nats: logins cannot be decided: ${message}`,
    );
    ready.reject(problem);
    fault.resolve(problem);
  }
  async function ask(): Promise<DataPlaneReport> {
    const id = ++reportId;
    const { promise, resolve } = Promise.withResolvers<DataPlaneReport>();
    reports.set(id, resolve);
    worker.postMessage({ kind: "report", id } satisfies ToWorker);
    const report = await withTimeout(promise, REPORT_TIMEOUT_MS);
    reports.delete(id);
    if (report !== "timeout") return report;
    return { connected: false, connections: 0, refusals: { counts: {}, last: [] } };
  }

  worker.onmessage = (event: MessageEvent<FromWorker>) => {
    const message = event.data;
    switch (message.kind) {
      case "ready":
        ready.resolve();
        return;
      case "failed":
        fail(message.message);
        return;
      case "report":
        reports.get(message.id)?.(message.report);
        reports.delete(message.id);
        return;
      case "stopped":
        stopped.resolve();
        return;
      default:
        message satisfies never;
    }
  };
  worker.onerror = (event) => fail(event.message);
  ready.promise.catch(() => undefined);

  return {
    fault: fault.promise,
    async start(message) {
      worker.postMessage(message);
      const started = await withTimeout(ready.promise, NATS_READY_TIMEOUT_MS);
      if (started === "timeout") {
        throw new Problem(
          "start-failed",
          "start embedded nats: logins could not be decided in time",
        );
      }
    },
    post: (message) => worker.postMessage(message),
    report() {
      // One question at a time, however many ask: anybody may ask for the node's health.
      asking ??= ask().finally(() => {
        asking = null;
      });
      return asking;
    },
    async stop() {
      worker.postMessage({ kind: "stop" } satisfies ToWorker);
      await withTimeout(stopped.promise, REPORT_TIMEOUT_MS);
      worker.terminate();
    },
    terminate: () => worker.terminate(),
  };
}
