import { dirname, join } from "node:path";
import type { StartMaterial } from "../config/judge-start.ts";
import type { NodeSettings } from "../config/load.ts";
import type { RouteTls, TlsPair } from "../config/tls-files.ts";
import type { HealthPart } from "../contract/health.ts";
import { hostPort, listenHost } from "../core/bind.ts";
import { SOCKET_FILE } from "../core/node-files.ts";
import { createApp } from "../http/app.ts";
import { type ListenerTls, listenSocket, listenTcp } from "../http/listen.ts";
import { ownHosts } from "../http/own-hosts.ts";
import type { Refusals } from "../nats/refusals.ts";
import type { Store } from "../store/open.ts";
import type { Log } from "../system/log.ts";
import { appParts } from "./app-parts.ts";
import { interfaceAddresses } from "./client-urls.ts";
import type { ClusterMembership } from "./cluster.ts";
import type { DataPlane } from "./data-plane.ts";
import type { WatchedWritePath } from "./disk.ts";

export interface ApiOptions {
  readonly settings: NodeSettings;
  /** The certificate in use, as of now; null without TLS. */
  readonly tls: () => TlsPair | null;
  /** Whether what is here is recent enough to be told; null where nobody else changes it. */
  readonly isFresh: (() => boolean) | null;
  readonly clusterJournal: (() => HealthPart) | null;
  /** What an operator should know of a roll of the bus CA. */
  readonly rollWarnings: () => readonly string[];
  /** Null for a node on its own. */
  readonly cluster: ClusterMembership | null;
  /** What was read at the start. */
  readonly material: Pick<StartMaterial, "routeTls">;
  /** The certificate of the routes in use, as of now; null without. */
  readonly routeTls: () => RouteTls | null;
  readonly log: Log;
  readonly store: Store;
  readonly writePath: WatchedWritePath;
  readonly dataPlane: DataPlane;
  /** What was refused on this side of the data plane: requests, and what nats-server told. */
  readonly refusals: Refusals;
  readonly plainRooms: boolean;
}

export interface Listening {
  readonly url: string;
  /** The hosts under which the API is called, as of now. */
  readonly hosts: () => readonly string[];
  /**
   * Serves another certificate, under whose names the node is called from then on. Requests under way
   * are ended with the one before. Throws `start-failed` when the port is lost by it.
   */
  renewTls(pair: TlsPair): Promise<void>;
  /** Waits up to `graceMs` for requests under way, then closes them. */
  stop(graceMs: number): Promise<void>;
}

/** Opens the API: the admin socket for this machine's operator, and the port for everybody else. */
export async function startApi(options: ApiOptions): Promise<Listening> {
  const { settings, log } = options;
  const host = listenHost(settings.bind);
  let hosts: readonly string[] = [];
  const app = createApp(appParts(options, () => hosts));
  const socket = await listenSocket({
    path: join(dirname(settings.db), SOCKET_FILE),
    fetch: (request) => app.fetch(request, { kind: "socket" }),
  });
  try {
    const pair = options.tls();
    const tcp = await listenTcp({
      hostname: host,
      port: settings.httpPort,
      ...(pair ? { tls: listenerTls(pair) } : {}),
      fetch: (request, address, bearWith) => app.fetch(request, { kind: "tcp", address }, bearWith),
    });
    const hostsWith = (current: TlsPair | null): readonly string[] =>
      ownHosts({
        host,
        port: tcp.port,
        tls: current !== null,
        interfaces: interfaceAddresses(),
        certificateNames: current?.names ?? [],
        publicUrls: settings.publicUrl,
      });
    hosts = hostsWith(pair);
    const url = `${pair ? "https" : "http"}://${hostPort(host, tcp.port)}`;
    log.info("api.ready", `${pair ? "HTTPS" : "HTTP"} control-plane API: ${url}`, { url });
    log.info("api.health", `health: ${url}/healthz`);
    if (pair) log.info("api.encrypted", `control-plane TLS: ON (${settings.tlsCert})`);
    return {
      url,
      hosts: () => hosts,
      async renewTls(next) {
        await tcp.renewTls(listenerTls(next));
        hosts = hostsWith(next);
      },
      async stop(graceMs) {
        await Promise.all([tcp.stop(graceMs), socket.stop(graceMs)]);
      },
    };
  } catch (error) {
    await socket.stop(0);
    throw error;
  }
}

function listenerTls({ certPem, keyPem }: TlsPair): ListenerTls {
  return { cert: certPem, key: keyPem };
}
