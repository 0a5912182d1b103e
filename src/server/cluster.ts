import type { StartMaterial } from "../config/judge-start.ts";
import type { NodeSettings } from "../config/load.ts";
import type { HealthPart } from "../contract/health.ts";
import { ageOf, type Validity } from "../core/certificate-life.ts";
import { clusterSizeWarning, routesToPeers } from "../core/cluster-policy.ts";
import { CLOCK_OFFSET_MS_MAX } from "../core/limits.ts";
import type { RouteSecret } from "../core/nats-config.ts";
import type { ClusterReport } from "../nats/cluster-watch.ts";
import type { NatsRouteTls } from "../nats/tls-memory.ts";
import type { Log } from "../system/log.ts";
import { ageWords } from "./tls-renewal.ts";

/** How this node takes part in a cluster. */
export interface ClusterMembership {
  readonly name: string;
  /** Port of the route listener. */
  readonly port: number;
  /** Routes to the other nodes. */
  readonly peers: readonly string[];
  /** As of now, as is the password that was before it, while others may take that one alone. */
  readonly secret: RouteSecret | null;
  readonly formerPassword: string | null;
  /** What the routes were started with. */
  readonly tls: NatsRouteTls | null;
  /** How long a node goes on by what it knows, in ms. */
  readonly staleMaxMs: number;
  /** Takes another password of the routes from now on. */
  usePassword(passwords: { readonly password: string; readonly former: string | null }): void;
}

/** Name of a node's nats-server when it was given none. */
export const LONE_SERVER_NAME = "unibus";

/** What the settings say about the cluster; null for a node on its own. */
export function membershipOf(
  settings: NodeSettings,
  { clusterPass, routeTls }: StartMaterial,
  formerPassword: string | null,
): ClusterMembership | null {
  if (settings.clusterName === "") return null;
  const { clusterUser: user } = settings;
  let passwords = { password: clusterPass, former: formerPassword };
  return {
    name: settings.clusterName,
    port: settings.clusterPort,
    peers: routesToPeers(settings),
    get secret() {
      return user === "" ? null : { user, password: passwords.password };
    },
    get formerPassword() {
      return passwords.former;
    },
    tls: routeTls,
    staleMaxMs: settings.staleMax * 1_000,
    usePassword(next) {
      passwords = next;
    },
  };
}

/** Says which cluster this node joins, and how its routes are guarded. No secret is among it. */
export function announceCluster(
  cluster: ClusterMembership,
  { settings, log }: { readonly settings: NodeSettings; readonly log: Log },
): void {
  const { name, port, peers } = cluster;
  const count = `${peers.length} ${peers.length === 1 ? "peer" : "peers"}`;
  const { serverName } = settings;
  log.info(
    "cluster.joining",
    `cluster: ${name}, node ${serverName}, route port ${port}, ${count}`,
    {
      cluster: name,
      node: serverName,
      port,
      peers: peers.length,
    },
  );
  if (cluster.tls) {
    log.info("routes.encrypted", `cluster route TLS: ON (mutual, CA ${settings.routeTlsCa})`);
  } else {
    log.warn("routes.plain", "cluster route TLS: OFF (only this machine is reached)");
  }
  if (!cluster.secret) {
    log.warn("routes.open", "cluster route secret: NONE (whoever is on this machine can join)");
  }
  const warning = clusterSizeWarning(peers.length + 1);
  if (warning) log.warn("cluster.small", warning);
}

const NOTHING_KNOWN: ClusterReport = {
  ...{ peers: 0, routes: [], away: [], missing: 0, wasWhole: false },
  ...{ leader: null, streamsOff: false, clockOffsetMs: null, hung: [], fenced: [] },
};

/**
 * The parts of a node that only a cluster has. A node that starts has to have routes to all others; once
 * it had, it does its work as long as it is one of most: a node that dies takes no other one with it.
 */
export function clusterParts(report: ClusterReport | null): readonly HealthPart[] {
  const { peers, routes, missing, wasWhole, leader, streamsOff, clockOffsetMs } =
    report ?? NOTHING_KNOWN;
  const isOneOfMost = (peers - missing + 1) * 2 > peers + 1;
  const names = routes.length > 0 ? `: ${routes.join(", ")}` : "";
  return [
    {
      part: "routes",
      ready: report !== null && (missing === 0 || (wasWhole && isOneOfMost)),
      detail: `routes to ${routes.length} of ${peers} other nodes${names}`,
    },
    {
      part: "leader",
      ready: leader !== null,
      detail: leader ?? leaderlessWords(streamsOff),
    },
    clockPart(clockOffsetMs),
  ];
}

function leaderlessWords(streamsOff: boolean): string {
  return streamsOff
    ? "this node's nats-server gave up its streams, because it could not write; it is started anew when its disk has room"
    : "none is elected; a majority of the nodes is needed";
}

/** Times that nodes write down and judge by must not be far apart. */
function clockPart(offsetMs: number | null): HealthPart {
  const part = "clock";
  if (offsetMs === null) return { part, ready: true, detail: "not compared with the others yet" };
  const ready = Math.abs(offsetMs) <= CLOCK_OFFSET_MS_MAX;
  const way = offsetMs > 0 ? "before" : "behind";
  const detail = `${Math.abs(offsetMs)} ms ${way} the others`;
  return { part, ready, detail: ready ? detail : `${detail}: set it right, by NTP` };
}

/** What an operator of a cluster should know though it does its work, a sentence each. */
export function clusterWarnings(
  report: ClusterReport | null,
  routeTls: Validity | null,
  at: number,
): readonly string[] {
  const small = report && clusterSizeWarning(report.peers + 1);
  const old = routeTls && ageOf(routeTls, at) !== "good";
  const away = report && awayWords(report);
  const hung = report && hungWords(report);
  return [
    ...(small ? [small] : []),
    ...(away ? [away] : []),
    ...(hung ? [hung] : []),
    ...(old ? [`the route certificate ${ageWords(routeTls, at)}`] : []),
  ];
}

/** Whose unibus does not answer though its nats-server is reached, in words; null where all do. */
function hungWords({ hung, fenced }: ClusterReport): string | null {
  if (hung.length === 0) return null;
  const named = hung.map((name) =>
    fenced.includes(name) ? `${name} (its users are kept out)` : name,
  );
  return `nodes whose unibus does not answer: ${named.join(", ")}; restart it there`;
}

/** Who is away, in words; null when nobody is. */
export function awayWords({
  away,
  missing,
}: Pick<ClusterReport, "away" | "missing">): string | null {
  if (missing === 0) return null;
  const unknown = missing - away.length;
  const nameless =
    unknown > 0 ? [`${unknown} whose ${unknown === 1 ? "name" : "names"} nobody told yet`] : [];
  return `nodes that are away: ${[...away, ...nameless].join(", ")}; bring them back, or remove who is gone for good`;
}
