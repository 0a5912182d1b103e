import type { NodeSettings } from "../config/load.ts";
import type { RouteTls, TlsPair } from "../config/tls-files.ts";
import type { Health, HealthPart } from "../contract/health.ts";
import { ageOf } from "../core/certificate-life.ts";
import { WITHDRAWN_PROMISES } from "../core/external-nats.ts";
import { VERSION } from "../core/version.ts";
import { findBus } from "../store/journal.ts";
import { listNodes } from "../store/nodes.ts";
import type { Store } from "../store/open.ts";
import { clusterParts, clusterWarnings } from "./cluster.ts";
import type { DataPlane } from "./data-plane.ts";
import type { WatchedWritePath } from "./disk.ts";
import { headWarnings } from "./head.ts";
import { levelWarning } from "./level.ts";
import { ageWords } from "./tls-renewal.ts";

/** Who may use which subjects, by mode. */
const RIGHTS = { off: "all", soft: "all-rooms", enforce: "rooms" } as const;

/** Tells which parts of a running node do their work, how it is guarded, and what to look after. */
export async function healthOf(
  node: {
    readonly settings: NodeSettings;
    readonly store: Store;
    readonly writePath: WatchedWritePath;
    readonly dataPlane: DataPlane;
    readonly plainRooms: boolean;
    readonly tls: () => TlsPair | null;
    /** The state of a cluster's journal; null where the journal is this node's own. */
    readonly clusterJournal: (() => HealthPart) | null;
    readonly routeTls: () => RouteTls | null;
    readonly rollWarnings: () => readonly string[];
  },
  { counts }: { readonly counts: boolean },
): Promise<Health> {
  const { settings, writePath, dataPlane, plainRooms } = node;
  const clustered = settings.clusterName !== "";
  const { answers: alive, ready, detail, connections, cluster } = await dataPlane.report();
  const told = counts && connections !== null ? `${connections} clients connected` : detail;
  const pair = node.tls();
  const certificate = pair ? certificateOf(pair, Date.now()) : null;
  const parts = [
    journalOf(writePath, node.clusterJournal),
    { part: "data-plane", ready, detail: told },
    ...(clustered ? clusterParts(cluster) : []),
    ...(certificate ? [certificate.part] : []),
  ];
  return {
    alive,
    ready: parts.every((part) => part.ready),
    version: VERSION,
    bus: findBus(node.store)?.busId ?? "",
    posture: {
      mode: settings.busAuth,
      tls: pair !== null,
      rights: dataPlane.kind === "embedded" ? RIGHTS[settings.busAuth] : null,
      plainRooms,
      cluster: settings.clusterName === "" ? null : settings.clusterName,
      dataPlane: dataPlane.kind,
    },
    parts,
    warnings: [
      ...(dataPlane.kind === "external" ? WITHDRAWN_PROMISES : []),
      ...(certificate?.warning ? [certificate.warning] : []),
      ...(clustered ? clusterWarnings(cluster, node.routeTls(), Date.now()) : []),
      ...(clustered ? levelWarnings(node.store) : []),
      ...node.rollWarnings(),
      ...writePath.diskWarnings(),
      ...headWarnings(node.store),
    ],
  };
}

function levelWarnings(store: Store): readonly string[] {
  const bus = findBus(store);
  const warning = bus && levelWarning(bus.level, listNodes(store));
  return warning ? [warning] : [];
}

function journalOf(
  writePath: WatchedWritePath,
  clusterJournal: (() => HealthPart) | null,
): HealthPart {
  const part = "journal";
  if (writePath.stopped() !== null) {
    return { part, ready: false, detail: "stopped after an error; see the log" };
  }
  const fault = writePath.diskFault();
  if (fault === null && clusterJournal) return clusterJournal();
  return { part, ready: fault === null, detail: fault ?? "takes entries" };
}

function certificateOf(
  pair: TlsPair,
  at: number,
): { readonly part: HealthPart; readonly warning: string | null } {
  const age = ageOf(pair, at);
  const detail = ageWords(pair, at);
  return {
    part: { part: "certificate", ready: age !== "ended", detail },
    warning: age === "good" ? null : `the certificate ${detail}`,
  };
}
