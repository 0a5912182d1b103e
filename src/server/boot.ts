import { dirname } from "node:path";
import { findSurroundings, judgeStart, type StartMaterial } from "../config/judge-start.ts";
import type { Environment, NodeSettings } from "../config/load.ts";
import { resumeRoll } from "../config/route-roll.ts";
import type { RouteTls, TlsPair } from "../config/tls-files.ts";
import { isLoopbackBind } from "../core/bind.ts";
import type { ExternalNats } from "../core/external-nats.ts";
import { HTTP_STOP_TIMEOUT_MS } from "../core/limits.ts";
import type { NodeAnnouncement } from "../core/operations.ts";
import type { Problem } from "../core/problems.ts";
import type { RollState } from "../core/route-roll.ts";
import { chooseNatsServer, type NatsProgram } from "../nats/embedded-server.ts";
import { createRefusals, type Refusals } from "../nats/refusals.ts";
import { openNodeStore } from "../store/head.ts";
import type { Store } from "../store/open.ts";
import { realFile } from "../system/files.ts";
import type { Log } from "../system/log.ts";
import type { Listening } from "./api.ts";
import { announceRooms, violationReporter, warnOfSecrets } from "./banner.ts";
import {
  announceCluster,
  type ClusterMembership,
  LONE_SERVER_NAME,
  membershipOf,
} from "./cluster.ts";
import { announcementOf, announceNode } from "./cluster-announce.ts";
import {
  isRemoved,
  refuseClusterFolder,
  refuseMarkedFolder,
  removedProblem,
} from "./cluster-folder.ts";
import { openClusterJournal } from "./cluster-journal.ts";
import { type Joining, joinCluster } from "./cluster-start.ts";
import { type ClusterWritePath, createClusterWritePath } from "./cluster-write-path.ts";
import { type DataPlane, startEmbeddedDataPlane } from "./data-plane.ts";
import { type WatchedWritePath, watchDisk } from "./disk.ts";
import { keepRoom, openDiskRoom } from "./disk-room.ts";
import { judgeExternalNats, useExternalDataPlane } from "./external-data-plane.ts";
import {
  lockFolder,
  lockNow,
  makeFolder,
  refuseLostDatabase,
  refuseUnsafePlaces,
  rememberMode,
} from "./folders.ts";
import { verifyStore } from "./head.ts";
import { raiseLoneBus } from "./level.ts";
import { randomBytes } from "./reads.ts";
import { endRestore, keepStreams } from "./restore-start.ts";
import { openRoll } from "./roll-start.ts";
import { followRouteTls } from "./route-renewal.ts";
import type { RouteRoll } from "./route-roll.ts";
import { followTls } from "./tls-renewal.ts";
import { openWritePath } from "./write-path.ts";

export interface NodeOptions {
  readonly settings: NodeSettings;
  readonly env: Environment;
  readonly log: Log;
  readonly logFormat: "text" | "json";
}

export interface RunningNode extends AsyncDisposable {
  readonly store: Store;
  readonly writePath: WatchedWritePath;
  /** For clients of the data plane: the URL that the running server listens on [M-073]. */
  readonly natsUrl: string;
  /** Whether that server is this node's own, and whether the thread that decides logins answers. */
  readonly dataPlane: Pick<DataPlane, "kind" | "answered">;
  /** Whether rooms can be made that this machine can read. */
  readonly plainRooms: boolean;
  readonly httpUrl: string;
  /** Resolves when it first does its work; in a cluster that takes the other nodes. */
  readonly ready: Promise<void>;
  /** Resolves with the reason when the node cannot go on. */
  readonly fault: Promise<Problem>;
}

/** A start that was judged: what is asked, what was read for it, and what follows from it. */
interface Start extends NodeOptions {
  readonly material: StartMaterial;
  /** The nats-server to run, or the one of somebody else's to use. */
  readonly nats: NatsProgram | ExternalNats;
  /** Null for a node on its own. */
  readonly cluster: ClusterMembership | null;
  /** The roll of the bus CA that this node is in the middle of; its files are in order. */
  readonly roll: RollState | null;
  readonly loopback: boolean;
  readonly plainRooms: boolean;
  readonly refusals: Refusals;
  /** The certificate in use, as of now; null without TLS. */
  readonly tls: () => TlsPair | null;
  readonly useTls: (pair: TlsPair) => void;
  /** The same of the routes. */
  readonly routeTls: () => RouteTls | null;
  readonly useRouteTls: (tls: RouteTls) => void;
}

/**
 * Starts a node: judges the start before anything is opened, then opens the membership store (logins
 * depend on it), the blob folder, the data plane and the API, in this order [M-056]. Every step is put
 * on one stack; stopping is the stack unwound.
 * Throws the `Problem` that says why it may not or could not start; nothing is left running then.
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const start = await judge(options);
  // Its modules are many, and are loaded while nats-server starts.
  const api = import("./api.ts");
  const { settings, log } = start;
  await using stack = new AsyncDisposableStack();
  warnOfSecrets(settings, log);
  const { store, writePath, cluster } = await openMembership(stack, start);
  openBlobs(stack, start);
  const dataPlane = stack.use(await openDataPlane(start));
  writePath.onApplied((committed) => {
    const { outcome, seq } = committed;
    if (outcome.status === "applied") dataPlane.apply(outcome.effects, seq);
  });
  rememberMode(settings.db, settings.busAuth);
  announceRooms(start);
  log.info("api.mode", `control-plane auth: ${settings.busAuth}`, { mode: settings.busAuth });
  let urls: Readonly<Record<string, string>> = {};
  let open: Listening | null = null;
  const describe = () => open && announcementOf({ ...start, dataPlane }, open);
  const roll = cluster && openRoll({ ...start, store, dataPlane, journal: cluster });
  const parts = { store, dataPlane, cluster, roll, urls: () => urls, describe };
  const joining = cluster && stack.use(join(start, { ...parts, cluster }));
  stack.use(roll);
  const { startApi } = await api;
  const listening = await startApi({
    ...start,
    store,
    writePath,
    dataPlane,
    isFresh: cluster?.isFresh ?? null,
    clusterJournal: cluster && (() => ({ part: "journal", ...cluster.state() })),
    rollWarnings: () => roll?.warnings() ?? [],
  });
  stack.defer(() => listening.stop(HTTP_STOP_TIMEOUT_MS));
  const certificateFault = followTls(stack, start, { dataPlane, listening });
  stack.use(followRouteTls({ ...start, dataPlane, rolling: () => roll?.underWay() ?? false }));
  open = listening;
  const { url: natsUrl } = dataPlane.access();
  urls = { natsUrl, httpUrl: listening.url };
  if (joining) log.info("node.alive", "the node is alive, and waits for the others", urls);
  else log.info("node.ready", "the node is ready", urls);
  const unwinding = stack.move();
  return {
    store,
    writePath,
    natsUrl,
    dataPlane,
    plainRooms: start.plainRooms,
    httpUrl: listening.url,
    ready: joining?.ready ?? Promise.resolve(),
    fault: Promise.race([dataPlane.fault, certificateFault, ...(joining ? [joining.fault] : [])]),
    [Symbol.asyncDispose]: () => unwinding.disposeAsync(),
  };
}

/** Judges a start by its settings, its surroundings and the files it names. Opens nothing. */
async function judge(options: NodeOptions): Promise<Start> {
  // Locks, socket and mode file lie beside the database itself, whatever other names it has.
  const settings = { ...options.settings, db: realFile(options.settings.db) };
  refuseUnsafePlaces(settings, { asked: options.settings.db });
  const surroundings = await findSurroundings(settings, options.env);
  const roll = resumeRoll(settings);
  const material = judgeStart(settings, surroundings, Date.now());
  const { externalNats } = material;
  if (externalNats) {
    await judgeExternalNats({ server: externalNats, enforce: settings.busAuth === "enforce" });
  }
  const nats = externalNats ?? (await chooseNatsServer(options.env));
  const loopback = isLoopbackBind(settings.bind, surroundings.resolved);
  // The address that was judged is the one to open: the name could mean another one by then.
  const bind = surroundings.resolved[0] ?? settings.bind;
  let { tls, routeTls } = material;
  return {
    ...options,
    settings: { ...settings, bind },
    material,
    nats,
    cluster: membershipOf(settings, material, roll?.phase === "demands" ? roll.oldPassword : null),
    roll,
    loopback,
    plainRooms: loopback || settings.allowPlainRooms,
    refusals: createRefusals(),
    tls: () => tls,
    useTls: (pair) => {
      tls = pair;
    },
    routeTls: () => routeTls,
    useRouteTls: (next) => {
      routeTls = next;
    },
  };
}

async function openMembership(
  stack: AsyncDisposableStack,
  { settings, log, ...start }: Start,
): Promise<{
  readonly store: Store;
  readonly writePath: WatchedWritePath;
  readonly cluster: ClusterWritePath | null;
}> {
  stack.use(await lockFolder(dirname(settings.db), "open membership store"));
  if (start.cluster) endRestore(settings, log);
  else refuseMarkedFolder(settings.db);
  refuseLostDatabase(settings.db);
  const cluster = start.cluster ? createClusterWritePath() : null;
  // The bus of a new node of a cluster is for the cluster's journal to say.
  const random = cluster ? null : randomBytes;
  const clustered = cluster !== null;
  const room = stack.use(openDiskRoom(settings.db));
  const store = stack.use(openNodeStore({ path: settings.db, random, clustered }));
  if (!cluster) refuseClusterFolder(store);
  else if (isRemoved(store, settings.serverName)) throw removedProblem(settings.serverName);
  verifyStore(store, { db: settings.db, log });
  keepStreams(settings, { store, clustered, log });
  const writePath = watchDisk(cluster ?? openWritePath(store), { store, room, now: Date.now });
  stack.use(keepRoom(room, { clustered }));
  if (!cluster) await raiseLoneBus({ store, commit: writePath.commit, now: Date.now });
  return { store, writePath, cluster };
}

function openBlobs(stack: AsyncDisposableStack, { settings, log }: Start): void {
  stack.use(lockNow(settings.storeDir, "open blob store"));
  log.info("blobs.opened", `blob store: ${settings.storeDir}`);
}

async function openDataPlane(start: Start): Promise<DataPlane> {
  const { settings, material, nats, refusals, plainRooms, log, logFormat } = start;
  const { busAuth } = settings;
  if ("url" in nats) {
    return useExternalDataPlane({ server: nats, enforce: busAuth === "enforce", log });
  }
  makeFolder(settings.natsStore, "start embedded nats");
  if (start.cluster) announceCluster(start.cluster, start);
  if (busAuth === "enforce") log.info("nats.guarded", "NATS nkey authentication: ON (enforce)");
  if (material.tls) log.info("nats.encrypted", `NATS TLS: ON (${settings.tlsCert})`);
  return await startEmbeddedDataPlane({
    natsServer: nats,
    serverName: settings.serverName === "" ? LONE_SERVER_NAME : settings.serverName,
    bind: settings.bind,
    port: settings.natsPort,
    jetStreamFolder: settings.natsStore,
    tls: start.tls,
    mode: busAuth,
    connectionsPerUser: settings.connectionsPerUser,
    plainRooms,
    databasePath: settings.db,
    log,
    logFormat,
    randomBytes,
    onViolation: violationReporter(refusals, log),
    cluster: start.cluster,
  });
}

/** Takes part in the cluster whose journal the write path waits for. */
function join(
  start: Start,
  parts: {
    readonly store: Store;
    readonly dataPlane: DataPlane;
    readonly cluster: ClusterWritePath;
    readonly roll: RouteRoll | null;
    readonly urls: () => Readonly<Record<string, string>>;
    readonly describe: () => NodeAnnouncement | null;
  },
): Joining {
  const { settings, log } = start;
  const { store, dataPlane, cluster, roll, urls, describe } = parts;
  const name = settings.serverName;
  const configured = start.cluster?.peers.length ?? 0;
  return joinCluster({
    ...{ dataPlane, store, name },
    writePath: cluster,
    announce: () =>
      announceNode({ ...{ store, name, configured, describe, log }, writePath: cluster }),
    openJournal: (control, signal) => {
      roll?.connect(control);
      return openClusterJournal({
        store,
        control,
        log,
        name,
        db: settings.db,
        configured,
        staleMaxMs: settings.staleMax * 1000,
        signal,
      });
    },
    urls,
    log,
  });
}
