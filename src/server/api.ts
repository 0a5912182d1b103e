import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import type { StartMaterial } from "../config/judge-start.ts";
import type { NodeSettings } from "../config/load.ts";
import type { Bus } from "../contract/bus.ts";
import type { Health } from "../contract/health.ts";
import { hostPort, listenHost } from "../core/bind.ts";
import {
  PAYLOAD_BYTES_MAX,
  ROOMS_PER_USER_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
} from "../core/limits.ts";
import type { RefusalReport } from "../core/records.ts";
import { VERSION } from "../core/version.ts";
import { createApp } from "../http/app.ts";
import { listenSocket, listenTcp } from "../http/listen.ts";
import { ownHosts } from "../http/own-hosts.ts";
import type { AppParts } from "../http/parts.ts";
import type { Refusals } from "../nats/refusals.ts";
import type { Store } from "../store/open.ts";
import type { Log } from "../system/log.ts";
import { createLogLimit } from "../system/log-limit.ts";

import { clientUrls } from "./client-urls.ts";
import type { DataPlane } from "./data-plane.ts";
import { bindReads, newOperationId } from "./reads.ts";
import type { WritePath } from "./write-path.ts";

/** Name of the admin socket, beside the database. */
export const SOCKET_FILE = "unibus.sock";

export interface ApiOptions {
  readonly settings: NodeSettings;
  readonly material: StartMaterial;
  readonly log: Log;
  readonly store: Store;
  readonly writePath: WritePath;
  readonly dataPlane: DataPlane;
  /** What was refused on this side of the data plane: requests, and what nats-server told. */
  readonly refusals: Refusals;
  readonly plainRooms: boolean;
  readonly natsVersion: string;
}

export interface Listening {
  readonly url: string;
  /** Waits up to `graceMs` for requests under way, then closes them. */
  stop(graceMs: number): Promise<void>;
}

/** Opens the API: the admin socket for this machine's operator, and the port for everybody else. */
export async function startApi(options: ApiOptions): Promise<Listening> {
  const { settings, material, log } = options;
  const host = listenHost(settings.bind);
  let hosts: readonly string[] = [];
  const app = createApp(appParts(options, () => hosts));
  const socket = await listenSocket({
    path: join(dirname(settings.db), SOCKET_FILE),
    fetch: (request) => app.fetch(request, { kind: "socket" }),
  });
  try {
    const tcp = await listenTcp({
      hostname: host,
      port: settings.httpPort,
      ...(material.tls ? { tls: { cert: material.tls.certPem, key: material.tls.keyPem } } : {}),
      fetch: (request, address) => app.fetch(request, { kind: "tcp", address }),
    });
    const tls = material.tls !== null;
    hosts = ownHosts({
      host,
      port: tcp.port,
      tls,
      interfaces: interfaceAddresses(),
      certificateNames: material.tls?.names ?? [],
      publicUrls: settings.publicUrl,
    });
    const url = `${tls ? "https" : "http"}://${hostPort(host, tcp.port)}`;
    log.info("api.ready", `${tls ? "HTTPS" : "HTTP"} control-plane API: ${url}`, { url });
    log.info("api.health", `health: ${url}/healthz`);
    if (tls) log.info("api.encrypted", `control-plane TLS: ON (${settings.tlsCert})`);
    return {
      url,
      async stop(graceMs) {
        await Promise.all([tcp.stop(graceMs), socket.stop(graceMs)]);
      },
    };
  } catch (error) {
    await socket.stop(0);
    throw error;
  }
}

function appParts(options: ApiOptions, hosts: () => readonly string[]): AppParts {
  const { settings, writePath, plainRooms, refusals } = options;
  return {
    mode: settings.busAuth,
    version: VERSION,
    uid: process.getuid?.() ?? 0,
    plainRooms,
    commit: writePath.commit,
    now: () => Date.now(),
    newOperationId,
    read: bindReads(options.store),
    health: () => healthOf(options),
    bus: () => busOf(options),
    refusals: async () =>
      joinReports(refusals.report(), (await options.dataPlane.report()).refusals),
    countRefusal: refusals.record,
    ownHosts: hosts,
    log: requestLog(options.log),
  };
}

/** Lines about requests from the network that a second has room for. */
const REQUEST_LINES_PER_SECOND_MAX = 100;

/** The log as requests use it. Anybody can send requests, and nobody may fill the disk with them. */
function requestLog(log: Log): AppParts["log"] {
  const limit = createLogLimit({
    log,
    what: "requests",
    perSecondMax: REQUEST_LINES_PER_SECOND_MAX,
    now: () => Date.now(),
  });
  const limited =
    (level: "info" | "error"): AppParts["log"]["info"] =>
    (event, message, fields = {}) => {
      if (fields.from === "socket") log[level](event, message, fields);
      else limit.say(() => log[level](event, message, fields));
    };
  return { info: limited("info"), error: limited("error") };
}

async function healthOf(options: ApiOptions): Promise<Health> {
  const { settings, writePath, dataPlane, plainRooms } = options;
  const { connected, connections } = await dataPlane.report();
  const stopped = writePath.stopped();
  const parts = [
    {
      part: "journal",
      ready: stopped === null,
      detail: stopped === null ? "takes entries" : "stopped after an error; see the log",
    },
    {
      part: "data-plane",
      ready: connected,
      detail: connected ? `${connections} clients connected` : "nats-server does not answer",
    },
  ];
  const rights = { off: "all", soft: "all-rooms", enforce: "rooms" } as const;
  return {
    ready: parts.every((part) => part.ready),
    version: VERSION,
    posture: {
      mode: settings.busAuth,
      tls: options.material.tls !== null,
      rights: rights[settings.busAuth],
      plainRooms,
      cluster: settings.clusterName === "" ? null : settings.clusterName,
    },
    parts,
  };
}

function busOf({ settings, material, dataPlane, natsVersion }: ApiOptions): Bus {
  const tls = material.tls !== null;
  return {
    clientUrls: [
      ...clientUrls({
        host: listenHost(settings.bind),
        port: dataPlane.port,
        tls,
        certificateNames: material.tls?.names ?? [],
        interfaces: interfaceAddresses(),
      }),
    ],
    tls,
    mode: settings.busAuth,
    version: VERSION,
    natsVersion,
    cluster: settings.clusterName === "" ? null : settings.clusterName,
    limits: {
      payloadBytesMax: PAYLOAD_BYTES_MAX,
      connectionsPerUserMax: settings.connectionsPerUser,
      subscriptionsPerConnectionMax: SUBSCRIPTIONS_PER_CONNECTION_MAX,
      roomsPerUserMax: ROOMS_PER_USER_MAX,
    },
  };
}

function joinReports(here: RefusalReport, there: RefusalReport): RefusalReport {
  const counts: Record<string, number> = { ...there.counts };
  for (const [name, count] of Object.entries(here.counts))
    counts[name] = (counts[name] ?? 0) + count;
  return { counts, last: [...there.last, ...here.last].sort((one, other) => one.at - other.at) };
}

function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address }) => address),
  );
}
