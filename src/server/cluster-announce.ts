import { X509Certificate } from "node:crypto";
import { fingerprintOf } from "../config/certificate.ts";
import { isEverywhere } from "../core/bind.ts";
import { canonicalJson } from "../core/canonical.ts";
import { expectedNodes } from "../core/cluster-members.ts";
import { LEVEL_NEWEST } from "../core/level.ts";
import { NODE_ANNOUNCE_LOOK_MS, NODE_ANNOUNCE_MS_MIN, NODE_URLS_MAX } from "../core/limits.ts";
import type { Commit, NodeAnnouncement } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { NodeRecord } from "../core/records.ts";
import { isRoute } from "../core/rules/changes.ts";
import { VERSION } from "../core/version.ts";
import { findNode, listNodes } from "../store/nodes.ts";
import type { Store } from "../store/open.ts";
import type { Log } from "../system/log.ts";
import { every } from "../system/wait.ts";
import type { ApiOptions, Listening } from "./api.ts";
import { apiUrlsOf, isLocal, ownRoute } from "./cluster-view.ts";
import type { ClusterWritePath } from "./cluster-write-path.ts";
import { createLevelRaiser } from "./level.ts";
import { ownOperation } from "./own-operation.ts";

/** What others should know of this node, as of now. */
export function announcementOf(
  node: Pick<ApiOptions, "settings" | "routeTls" | "dataPlane" | "tls">,
  listening: Pick<Listening, "url" | "hosts">,
): NodeAnnouncement {
  const { settings, dataPlane } = node;
  const apiUrls = announcedApiUrls(node, listening);
  const route = ownRoute(settings, apiUrls).replace("nats://", "");
  const routeTls = node.routeTls();
  const { clientUrls } = dataPlane.access();
  const reached = clientUrls.filter((url) => !isLocal(new URL(url).hostname));
  return {
    node: settings.serverName,
    route: isRoute(route) ? route : null,
    clientUrls: plainUrls(isEverywhere(settings.bind) && reached.length > 0 ? reached : clientUrls),
    apiUrls: plainUrls(apiUrls),
    version: VERSION,
    format: LEVEL_NEWEST,
    certificate: routeTls && fingerprintOf(new X509Certificate(routeTls.certPem)),
    certificateEndsAt: routeTls?.notAfter ?? null,
  };
}

/** Names of loopback are told only where that is all that the node listens at: as its one address. */
function announcedApiUrls(
  node: Parameters<typeof announcementOf>[0],
  { url, hosts }: Pick<Listening, "url" | "hosts">,
): readonly string[] {
  const { bind, publicUrl } = node.settings;
  const reached = hosts().filter((host) => !isLocal(host));
  if (reached.length > 0 || publicUrl.length > 0) return apiUrlsOf(node, reached);
  return isEverywhere(bind) ? apiUrlsOf(node, hosts()) : [url];
}

/** Scheme and host of each, sorted: interfaces are told in any order. */
function plainUrls(urls: readonly string[]): readonly string[] {
  const plain = urls.flatMap((text) => {
    const url = URL.parse(text);
    return url ? [`${url.protocol}//${url.host}`] : [];
  });
  return [...new Set(plain)].sort().slice(0, NODE_URLS_MAX);
}

/**
 * Looks once at what the others should know of this node, and enters it in the journal when that is not
 * what is recorded. What cannot be entered now is tried again later; a node that is refused says no more.
 */
export function createAnnouncer(parts: {
  /** Null while this node does not know it yet. */
  readonly describe: () => NodeAnnouncement | null;
  /** What is recorded of this node. */
  readonly find: () => NodeRecord | null;
  /** Whether this node knows what was recorded last. */
  readonly isFresh: () => boolean;
  readonly commit: Commit;
  /** Ms since the epoch. */
  readonly now: () => number;
  readonly log: Pick<Log, "info" | "warn">;
}): () => Promise<void> {
  const { now, log } = parts;
  let triedAt = Number.NEGATIVE_INFINITY;
  let isRefused = false;
  return async () => {
    const told = parts.describe();
    if (!told || isRefused || !parts.isFresh() || now() < triedAt + NODE_ANNOUNCE_MS_MIN) return;
    if (isKnown(told, parts.find())) return;
    triedAt = now();
    try {
      const change = { kind: "node.announced", ...told } as const;
      const { seq, outcome } = await parts.commit(ownOperation(change, now(), "announcement"));
      if (outcome.status === "applied") {
        log.info("node.announced", "the other nodes know how this one is reached", { seq });
        return;
      }
      isRefused = true;
      log.warn("node.unannounced", outcome.refusal.detail);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      log.warn("node.unannounced", `${error.detail}; it is tried again`);
    }
  };
}

/**
 * As `createAnnouncer`, again and again until it is disposed of; and raises the level of the bus when all
 * nodes announced that they know the next one.
 */
export function announceNode(parts: {
  readonly store: Store;
  /** This node's server name. */
  readonly name: string;
  /** Routes of the settings to other nodes. */
  readonly configured: number;
  readonly describe: () => NodeAnnouncement | null;
  readonly writePath: Pick<ClusterWritePath, "isFresh" | "commit">;
  readonly log: Pick<Log, "info" | "warn">;
}): AsyncDisposable {
  const { store, name, configured, describe, log } = parts;
  const { isFresh, commit } = parts.writePath;
  const find = (): NodeRecord | null => findNode(store, name);
  const now = (): number => Date.now();
  const announce = createAnnouncer({ describe, find, isFresh, commit, now, log });
  const nodesExpected = (): number =>
    expectedNodes({ self: name, configured, nodes: listNodes(store) }).count + 1;
  const raise = createLevelRaiser({ store, name, nodesExpected, commit, now, log });
  return every(NODE_ANNOUNCE_LOOK_MS, async () => {
    await announce();
    if (isFresh()) await raise().catch(ignoreProblem);
  });
}

/** Nobody waits for it, and the next look tries again. */
function ignoreProblem(error: unknown): void {
  if (!(error instanceof Problem)) throw error;
}

function isKnown(told: NodeAnnouncement, record: NodeRecord | null): boolean {
  if (record === null || record.announcedAt === null) return false;
  const { node, clientUrls, apiUrls, version, level, certificate, certificateEndsAt } = record;
  const known = { node, clientUrls, apiUrls, version, certificate, certificateEndsAt };
  const route = told.route === null ? null : record.route;
  return canonicalJson({ ...known, format: level, route }) === canonicalJson({ ...told });
}
