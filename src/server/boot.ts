import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  findSurroundings,
  judgeStart,
  MODE_FILE,
  readLastMode,
  type StartMaterial,
} from "../config/judge-start.ts";
import type { Environment, NodeSettings } from "../config/load.ts";
import { hostPort, isLoopbackBind, listenHost } from "../core/bind.ts";
import { HTTP_STOP_TIMEOUT_MS, LOCK_WAIT_MS } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { chooseNatsServer, type NatsProgram } from "../nats/embedded-server.ts";
import { createRefusals, type Refusals } from "../nats/refusals.ts";
import type { Violation } from "../nats/server-log.ts";
import { openStore, type Store } from "../store/open.ts";
import { verifyJournal } from "../store/verify.ts";
import {
  ensurePrivateFolder,
  folderFault,
  realFile,
  writeFileAtomically,
} from "../system/files.ts";
import { acquireLock } from "../system/lock.ts";
import type { Log } from "../system/log.ts";
import { createLogLimit } from "../system/log-limit.ts";
import { type DataPlane, startDataPlane } from "./data-plane.ts";
import { randomBytes } from "./reads.ts";
import { openWritePath, type WritePath } from "./write-path.ts";

/** Name of the lock file in the folders of the database and of the blobs. */
export const LOCK_FILE = "unibus.lock";

export interface NodeOptions {
  readonly settings: NodeSettings;
  readonly env: Environment;
  readonly log: Log;
  readonly logFormat: "text" | "json";
}

export interface RunningNode extends AsyncDisposable {
  readonly store: Store;
  readonly writePath: WritePath;
  /** For clients of the data plane: the URL that the running server listens on [M-073]. */
  readonly natsUrl: string;
  readonly httpUrl: string;
  /** Resolves with the reason when the node cannot go on. */
  readonly fault: Promise<Problem>;
}

/** A start that was judged: what is asked, what was read for it, and what follows from it. */
interface Start extends NodeOptions {
  readonly material: StartMaterial;
  readonly natsServer: NatsProgram;
  readonly loopback: boolean;
  readonly plainRooms: boolean;
  readonly refusals: Refusals;
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
  const { store, writePath } = await openMembership(stack, start);
  openBlobs(stack, start);
  const dataPlane = await openDataPlane(stack, start);
  writePath.onApplied((committed) => {
    const { outcome } = committed;
    if (outcome.status === "applied") dataPlane.apply(outcome.effects);
  });
  rememberMode(settings);
  announceRooms(start);
  log.info("api.mode", `control-plane auth: ${settings.busAuth}`, { mode: settings.busAuth });
  const natsUrl = natsUrlOf(settings, dataPlane.port);
  const natsVersion = start.natsServer.version;
  const { startApi } = await api;
  const parts = { ...start, store, writePath, dataPlane, natsUrl, natsVersion };
  const listening = await startApi(parts);
  stack.defer(() => listening.stop(HTTP_STOP_TIMEOUT_MS));
  log.info("node.ready", "the node is ready", { natsUrl, httpUrl: listening.url });
  const unwinding = stack.move();
  return {
    store,
    writePath,
    natsUrl,
    httpUrl: listening.url,
    fault: dataPlane.fault,
    [Symbol.asyncDispose]: () => unwinding.disposeAsync(),
  };
}

/** Judges a start by its settings, its surroundings and the files it names. Opens nothing. */
async function judge(options: NodeOptions): Promise<Start> {
  // Locks, socket and mode file lie beside the database itself, whatever other names it has.
  const settings = { ...options.settings, db: realFile(options.settings.db) };
  for (const folder of [dirname(settings.db), settings.storeDir, settings.natsStore]) {
    const fault = folderFault(folder);
    if (fault) throw new Problem("boot-refused", `Cannot start: the folder "${folder}" ${fault}`);
  }
  const surroundings = await findSurroundings(settings, options.env);
  const material = judgeStart(settings, surroundings, Date.now());
  if (settings.natsUrl !== "") {
    throw new Problem(
      "boot-refused",
      "Cannot start: --nats-url is not available yet; leave it out for the embedded nats-server",
    );
  }
  const natsServer = await chooseNatsServer(options.env);
  const loopback = isLoopbackBind(settings.bind, surroundings.resolved);
  const plainRooms = loopback || settings.allowPlainRooms;
  // The address that was judged is the one to open: the name could mean another one by then.
  const bind = surroundings.resolved[0] ?? settings.bind;
  const judged = { settings: { ...settings, bind }, material, loopback, plainRooms };
  return { ...options, ...judged, natsServer, refusals: createRefusals() };
}

/** A folder that ran without its database has lost it; a new one would be another bus. */
function refuseLostDatabase(db: string): void {
  const modeFile = join(dirname(db), MODE_FILE);
  if (existsSync(db) || !existsSync(modeFile)) return;
  throw new Problem(
    "boot-refused",
    `Cannot start: this folder ran a node and its database "${db}" is gone; put it back, or remove "${modeFile}" to begin a new bus`,
  );
}

async function openMembership(
  stack: AsyncDisposableStack,
  { settings, log }: Start,
): Promise<{ readonly store: Store; readonly writePath: WritePath }> {
  const folder = dirname(settings.db);
  stack.use(await lockFolder(folder, "open membership store"));
  refuseLostDatabase(settings.db);
  const store = stack.use(openStore({ path: settings.db, random: randomBytes }));
  const { entries } = verifyJournal(store);
  const writePath = openWritePath(store);
  log.info("store.opened", `membership store: ${settings.db}`, { entries });
  return { store, writePath };
}

function openBlobs(stack: AsyncDisposableStack, { settings, log }: Start): void {
  stack.use(lockNow(settings.storeDir, "open blob store"));
  log.info("blobs.opened", `blob store: ${settings.storeDir}`);
}

async function openDataPlane(stack: AsyncDisposableStack, start: Start): Promise<DataPlane> {
  const { settings, material, refusals, plainRooms, log, logFormat } = start;
  makeFolder(settings.natsStore, "start embedded nats");
  if (settings.busAuth === "enforce") {
    log.info("nats.guarded", "NATS nkey authentication: ON (enforce)");
  }
  if (material.tls) log.info("nats.encrypted", `NATS TLS: ON (${settings.tlsCert})`);
  const dataPlane = stack.use(
    await startDataPlane({
      natsServerPath: start.natsServer.path,
      serverName: settings.serverName === "" ? "unibus" : settings.serverName,
      bind: settings.bind,
      port: settings.natsPort,
      jetStreamFolder: settings.natsStore,
      tls: material.tls ? { certFile: settings.tlsCert, keyFile: settings.tlsKey } : null,
      mode: settings.busAuth,
      connectionsPerUser: settings.connectionsPerUser,
      plainRooms,
      databasePath: settings.db,
      log,
      logFormat,
      randomBytes,
      onViolation: violationReporter(refusals, log),
    }),
  );
  const url = natsUrlOf(settings, dataPlane.port);
  log.info("nats.ready", `embedded NATS (JetStream) ready: ${url}`, { url, pid: dataPlane.pid() });
  return dataPlane;
}

/** Records what nats-server refused to a client that is in: its own log is all that tells it. */
function violationReporter(refusals: Refusals, log: Log): (violation: Violation) => void {
  const now = (): number => Date.now();
  const limit = createLogLimit({ log, what: "refused subjects", perSecondMax: 20, now });
  return ({ kind, address, user, subject }) => {
    const reason = "no-right";
    refusals.record({ at: now(), kind, reason, address, user, subject, admitted: false });
    const verb = kind === "publish" ? "publish to" : "subscription of";
    limit.say(() =>
      log.warn(
        "subject.refused",
        `a ${verb} "${subject}" was refused: the user has no right to it`,
        { reason, address, user, subject },
      ),
    );
  };
}

/** Takes a folder for this node; waits a moment for a command that may be using it. */
async function lockFolder(folder: string, step: string): Promise<Disposable> {
  makeFolder(folder, step);
  const deadlineAt = performance.now() + LOCK_WAIT_MS / 2;
  for (;;) {
    const lock = tryLock(folder, step);
    if (lock) return lock;
    if (performance.now() > deadlineAt) throw folderInUse(folder, step);
    await Bun.sleep(25);
  }
}

function lockNow(folder: string, step: string): Disposable {
  makeFolder(folder, step);
  const lock = tryLock(folder, step);
  if (!lock) throw folderInUse(folder, step);
  return lock;
}

function tryLock(folder: string, step: string): Disposable | null {
  try {
    return acquireLock(folder, LOCK_FILE);
  } catch (error) {
    throw new Problem(
      "start-failed",
      `${step}: the folder "${folder}" cannot be locked: ${wordsOf(error)}`,
      { cause: error },
    );
  }
}

function makeFolder(folder: string, step: string): void {
  try {
    ensurePrivateFolder(folder);
  } catch (error) {
    throw new Problem(
      "start-failed",
      `${step}: the folder "${folder}" cannot be made: ${wordsOf(error)}`,
      { cause: error },
    );
  }
}

function folderInUse(folder: string, step: string): Problem {
  return new Problem(
    "folder-in-use",
    `${step}: another unibus uses the folder "${folder}"; stop it, or name another folder`,
  );
}

function rememberMode(settings: NodeSettings): void {
  // Not written again: a node that knows its users can start on a full disk.
  if (readLastMode(dirname(settings.db)) === settings.busAuth) return;
  const path = join(dirname(settings.db), MODE_FILE);
  try {
    writeFileAtomically(path, `${settings.busAuth}\n`, { mode: 0o600 });
  } catch (error) {
    throw new Problem(
      "start-failed",
      `remember the mode: the file "${path}" cannot be written: ${wordsOf(error)}`,
      { cause: error },
    );
  }
}

function announceRooms({ plainRooms, loopback, log }: Start): void {
  if (!plainRooms) {
    log.info(
      "rooms.encrypted-only",
      "cleartext rooms: DISABLED (public bind requires end-to-end encryption)",
    );
  } else if (!loopback) {
    log.warn(
      "rooms.plain-allowed",
      "cleartext rooms: ALLOWED on a public bind (--allow-plain-rooms); this host can read what is said in them",
    );
  }
}

function warnOfSecrets(settings: NodeSettings, log: Log): void {
  for (const flag of settings.secretsInArgv) {
    log.warn(
      "secret.in-argv",
      `${flag} puts a secret where every user of this machine can see it; use the variable or a file instead`,
      { flag },
    );
  }
}

function natsUrlOf(settings: NodeSettings, port: number): string {
  const scheme = settings.tlsCert === "" ? "nats" : "tls";
  return `${scheme}://${hostPort(listenHost(settings.bind), port)}`;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
