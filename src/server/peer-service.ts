import type { UserId } from "../core/ids.ts";
import { MAIN_SILENCE_MS_MAX } from "../core/limits.ts";
import { type AuthMode, hasLostRights } from "../core/login.ts";
import { type ClusterReport, watchCluster } from "../nats/cluster-watch.ts";
import type { NatsConnection } from "../nats/connection.ts";
import type { Directory } from "../nats/directory.ts";
import { type Fence, startFence } from "../nats/fence.ts";
import type { Registry } from "../nats/registry.ts";
import { serviceKey } from "../nats/service-key.ts";
import { findBus } from "../store/journal.ts";
import { listNodes } from "../store/nodes.ts";
import type { Store } from "../store/open.ts";
import type { Log } from "../system/log.ts";
import type { ToWorker } from "./worker-messages.ts";

/** What the Worker knows of the other nodes, and does at them. */
export interface PeerService {
  apply: Fence["apply"];
  report(): ClusterReport;
  /** The main thread has just spoken. */
  mainIsAlive(): void;
  stop(): void;
}

export function startPeerService(options: {
  readonly cluster: NonNullable<Extract<ToWorker, { kind: "start" }>["cluster"]>;
  readonly system: NatsConnection;
  readonly store: Store;
  readonly directory: Directory;
  /** It knows the connections that are open here. */
  readonly authorization: { readonly registry: Pick<Registry, "ofUser"> };
  readonly mode: AuthMode;
  /** Secret half of the key by which this Worker is connected to the account of users. */
  readonly seed: Uint8Array;
  readonly isFresh: () => boolean;
  readonly log: Log;
}): PeerService {
  const { cluster, system, store, directory, log } = options;
  const { registry } = options.authorization;
  const isActive = (user: UserId): boolean => directory.findState(user) === "active";
  const rightsOf = (user: UserId) => {
    const active = isActive(user);
    return { active, memberships: active ? directory.listMemberships(user) : [] };
  };
  let spokeAt = performance.now();
  const watch = watchCluster({
    ...{ system, log, configured: cluster.peers, self: system.info?.server_name ?? "" },
    listNodes: () => listNodes(store),
  });
  const fence = startFence({
    ...{ system, log, servers: watch.servers, staleMaxMs: cluster.staleMaxMs },
    ...{ mode: options.mode, isFresh: options.isFresh },
    service: serviceKey("user", options.seed).publicKey,
    entry: findBus(store)?.lastSeq ?? 0,
    isActive,
    isClosed: (user) =>
      !registry.ofUser(user).some(({ grant }) => hasLostRights(grant, rightsOf(user))),
    isAlive: () => performance.now() - spokeAt < MAIN_SILENCE_MS_MAX,
  });
  return {
    apply: fence.apply,
    report() {
      const routes = watch.report();
      const isNode = (name: string): boolean => routes.routes.includes(name);
      const { hung, fenced } = fence.report();
      return { ...routes, hung: hung.filter(isNode), fenced: fenced.filter(isNode) };
    },
    mainIsAlive() {
      spokeAt = performance.now();
    },
    stop() {
      watch.stop();
      fence.stop();
    },
  };
}
