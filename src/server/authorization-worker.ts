import type { UserId } from "../core/ids.ts";
import { NATS_READY_TIMEOUT_MS, REGISTRY_RECONCILE_MS } from "../core/limits.ts";
import { wordsOf } from "../core/thrown.ts";
import { type Authorization, startAuthorization } from "../nats/authorization.ts";
import { connectService, type NatsConnection } from "../nats/connection.ts";
import type { Directory } from "../nats/directory.ts";
import { followReconnects, reportUnreconciled } from "../nats/reconnects.ts";
import { serviceKey } from "../nats/service-key.ts";
import { reconcile, watchPublishes } from "../nats/watch.ts";
import { listMemberships } from "../store/members.ts";
import { openStoreForReading, type Store } from "../store/open.ts";
import { findUser } from "../store/users.ts";
import { createLog } from "../system/log.ts";
import { withTimeout } from "../system/wait.ts";
import { type PeerService, startPeerService } from "./peer-service.ts";
import type { DataPlaneReport, FromWorker, ToWorker } from "./worker-messages.ts";

/*
 * The Worker in which logins are decided: with its own NATS connections and its own read-only handle
 * of the database, so that nothing the main thread does delays a login.
 */

declare const self: Worker;

/** How long the last answers may take to leave. */
const STOP_FLUSH_TIMEOUT_MS = 500;

interface Service {
  readonly authorization: Authorization;
  readonly connections: readonly NatsConnection[];
  /** Null on a node on its own. */
  readonly peers: PeerService | null;
  /** Refuses these users, and no others, whatever the database says of them. */
  bar(users: readonly UserId[]): void;
  /** Admits clients for so long, in ms, unless it is told anew. */
  admit(forMs: number): void;
  report(): DataPlaneReport;
  stop(): Promise<void>;
}

let service: Service | null = null;

self.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  switch (message.kind) {
    case "start":
      start(message).then(
        (started) => {
          service = started;
          tell({ kind: "ready" });
        },
        (error: unknown) => tell({ kind: "failed", message: wordsOf(error) }),
      );
      return;
    case "effects":
      service?.authorization.apply(message.effects, message.entry);
      service?.peers?.apply(message.effects, message.entry);
      return;
    case "bar":
      service?.bar(message.users);
      return;
    case "admit":
      service?.admit(message.forMs);
      return;
    case "report":
      if (service) tell({ kind: "report", report: service.report() });
      return;
    case "stop":
      void Promise.resolve(service?.stop()).finally(() => tell({ kind: "stopped" }));
      return;
    default:
      message satisfies never;
  }
};

/** Ends by itself, on this thread: the one that should tell it anew may stand still. */
function openLease({ admit }: Pick<Authorization, "admit">) {
  let isOpen = false;
  let ending: ReturnType<typeof setTimeout> | null = null;
  function turn(open: boolean): void {
    if (open !== isOpen) admit(open);
    isOpen = open;
  }
  function stop(): void {
    if (ending) clearTimeout(ending);
    ending = null;
  }
  return {
    stop,
    isOpen: () => isOpen,
    admit(forMs: number): void {
      stop();
      turn(forMs > 0);
      if (forMs > 0) ending = setTimeout(() => turn(false), forMs);
    },
  };
}

/** The directory as the database has it, but for users that are barred. */
function openDirectory(
  store: Store,
  { plainRooms }: { readonly plainRooms: boolean },
): { readonly directory: Directory; readonly bar: Service["bar"] } {
  let barred: ReadonlySet<UserId> = new Set();
  return {
    directory: {
      findState: (user) => (barred.has(user) ? "revoked" : (findUser(store, user)?.state ?? null)),
      // Where plain rooms are not allowed they are closed, not deleted.
      listMemberships: (user) =>
        barred.has(user) ? [] : listMemberships(store, user, { plainRooms }),
    },
    bar(users) {
      barred = new Set(users);
    },
  };
}

async function start(options: Extract<ToWorker, { kind: "start" }>): Promise<Service> {
  const { endpoint, seeds, mode, cluster } = options;
  const log = createLog({ format: options.logFormat });
  const store = openStoreForReading({ path: options.databasePath });
  const { directory, bar } = openDirectory(store, options);
  const open = (kind: "authorization" | "system" | "app"): Promise<NatsConnection> =>
    connectService({ endpoint, key: serviceKey("user", seeds[kind]), name: `unibus ${kind}` });
  const [authorization, system, app] = await Promise.all([
    open("authorization"),
    open("system"),
    open("app"),
  ]);
  const now = (): number => Date.now();
  const admitting = startAuthorization({
    authorization,
    system,
    app,
    issuer: serviceKey("account", seeds.issuer),
    mode,
    connectionsPerUser: options.connectionsPerUser,
    directory,
    log,
    now,
    random: Math.random,
  });
  if (cluster !== null) admitting.admit(false);
  const service = serviceKey("user", seeds.app).publicKey;
  const watch = { authorization: admitting, system, app, service, directory, mode, now };
  const forgetSubjects = mode === "soft" ? watchPublishes(watch) : () => undefined;
  // nats-server knows the subscription before "ready" is told, so that no login goes unanswered.
  await Promise.all([authorization.flush(), system.flush(), app.flush()]);
  // The streams of a cluster are there when the others are: that is waited for by nobody here.
  if (cluster === null) await awaitHealth(system);
  const connections = [authorization, system, app];
  followReconnects({ ...watch, connections, logins: authorization, log });
  const timer = setInterval(() => {
    forgetSubjects();
    reconcile(watch).catch((error: unknown) => reportUnreconciled(log, error));
  }, REGISTRY_RECONCILE_MS);
  const lease = openLease(admitting);
  const peers =
    cluster &&
    startPeerService({ ...watch, cluster, store, log, isFresh: lease.isOpen, seed: seeds.app });
  return {
    authorization: admitting,
    connections,
    peers,
    admit(forMs) {
      peers?.mainIsAlive();
      lease.admit(forMs);
    },
    bar,
    report: () => ({
      connected: connections.every((connection) => connection.info !== undefined),
      connections: admitting.registry.size,
      refusals: admitting.refusals.report(),
      cluster: peers?.report() ?? null,
    }),
    async stop() {
      clearInterval(timer);
      lease.stop();
      peers?.stop();
      admitting.answerHeld();
      await withTimeout(authorization.flush(), STOP_FLUSH_TIMEOUT_MS).catch(() => undefined);
      await Promise.allSettled(connections.map((connection) => connection.close()));
      store[Symbol.dispose]();
    },
  };
}

/** Waits until nats-server calls itself healthy: its streams are recovered. */
async function awaitHealth(system: NatsConnection): Promise<void> {
  const deadlineAt = performance.now() + NATS_READY_TIMEOUT_MS;
  for (;;) {
    const subject = `$SYS.REQ.SERVER.${system.info?.server_id ?? ""}.HEALTHZ`;
    const answer = await system.request(subject, "", { timeout: 5_000 });
    const body = answer.json<{ data?: { status?: string; error?: string } }>();
    if (body.data?.status === "ok") return;
    if (performance.now() > deadlineAt) {
      throw new Error(`nats-server is not healthy: ${body.data?.error ?? "it does not say why"}`);
    }
    await Bun.sleep(100);
  }
}

function tell(message: FromWorker): void {
  self.postMessage(message);
}
