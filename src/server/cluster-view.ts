import { hostPort, isEverywhere } from "../core/bind.ts";
import type { ClusterView } from "../http/parts.ts";
import type { ApiOptions } from "./api.ts";

type Node = Pick<
  ApiOptions,
  "settings" | "routeTls" | "cluster" | "dataPlane" | "tls" | "rollWarnings"
>;

/**
 * Tells how this node takes part in its cluster; null for one on its own. `hosts` are the hosts under
 * which its API is called.
 */
export async function clusterView(
  node: Node,
  hosts: readonly string[],
): Promise<ClusterView | null> {
  const { settings, cluster, dataPlane } = node;
  if (!cluster) return null;
  const { cluster: report } = await dataPlane.report();
  const urls = apiUrlsOf(node, hosts);
  const routeTls = node.routeTls();
  return {
    cluster: cluster.name,
    node: settings.serverName,
    mode: settings.busAuth,
    connected: report?.routes ?? [],
    hung: report?.hung ?? [],
    fenced: report?.fenced ?? [],
    certificateEndsAt: routeTls?.notAfter ?? null,
    urls,
    ca: routeTls?.caPem ?? null,
    rolling: node.rollWarnings().length > 0,
    secret: cluster.secret,
    routes: [ownRoute(settings, urls), ...cluster.peers.map(withoutSecret)],
  };
}

/** Where others reach the API: what --public-url says, else the address that it listens at. */
export function apiUrlsOf(
  { settings, tls }: Pick<Node, "settings" | "tls">,
  hosts: readonly string[],
): readonly string[] {
  if (settings.publicUrl.length > 0) return settings.publicUrl;
  const scheme = tls() === null ? "http" : "https";
  const own = hosts.filter((host) => !isEverywhere(settings.bind) || !isLocal(host));
  return (own.length > 0 ? own : hosts).slice(0, URLS_MAX).map((host) => `${scheme}://${host}`);
}

const URLS_MAX = 4;

/** Whether a host leads to the machine that calls it, and to no other. */
export function isLocal(host: string): boolean {
  return /^(localhost|127\.|\[::1\]|\[fe80:)/.test(host);
}

/** Where others reach the routes of this node: at its address, or at that of its API. */
export function ownRoute(
  { bind, clusterPort }: Node["settings"],
  [url = "http://localhost"]: readonly string[],
): string {
  const host = isEverywhere(bind) ? new URL(url).hostname : bind;
  return `nats://${hostPort(host.replace(/^\[(.*)\]$/, "$1"), clusterPort)}`;
}

/** A route as others may be told: each node has the secret in a file of its own. */
function withoutSecret(route: string): string {
  return `nats://${new URL(route).host}`;
}
