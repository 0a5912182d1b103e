import { closeSync } from "node:fs";
import {
  NATS_LINES_PER_SECOND_MAX,
  NATS_RELOAD_TIMEOUT_MS,
  NATS_STOP_TIMEOUT_MS,
} from "../core/limits.ts";
import type { Log } from "../system/log.ts";
import { createLogLimit, type LogLimit } from "../system/log-limit.ts";
import { makePipe } from "../system/pipe.ts";
import { withTimeout } from "../system/wait.ts";
import { readNatsLog } from "./log-reader.ts";
import type { NatsLogLine, Violation } from "./server-log.ts";
import { makeTlsMemory, type NatsTlsTexts } from "./tls-memory.ts";

/** How long a server whose streams are closed may take to end. */
const LAST_LOGINS_WAIT_MS = 250;

/** What became of a new certificate; `why` is nats-server's own reason. */
export type TlsReload =
  | { readonly kind: "loaded" }
  | { readonly kind: "refused"; readonly why: string }
  /** It ended meanwhile, or said nothing in time. */
  | { readonly kind: "unanswered" };

export interface RunOptions {
  /** The words that run it, with these descriptors as its own from 3 on. */
  readonly command: (descriptors: readonly number[]) => readonly string[];
  /** The configuration; it goes to stdin, so it stands in no file and no argv. */
  readonly config: unknown;
  readonly port: number;
  readonly tls: NatsTlsTexts;
  /** Whether it opens a route listener too. */
  readonly clustered?: boolean;
  readonly log: Log;
  /** Hears of each publish or subscription that nats-server refused. */
  readonly onViolation: (violation: Violation) => void;
}

/** One running nats-server and what its log told. */
export interface Run {
  readonly process: Bun.Subprocess;
  /** Resolves with the port of the client listener when it is ready. */
  readonly port: Promise<number>;
  readonly startedAt: number;
  /** The last lines at level error or fatal: why it ended. */
  readonly faults: readonly string[];
  /** Resolves when its log was read to the end. */
  readonly logEnded: Promise<void>;
  /** Resolves when it keeps no streams any more, because it could not write. */
  readonly streamsGivenUp: Promise<void>;
  /** Gives a server that is ready other certificates. Users' connections are closed by it. */
  reload(change: Partial<NatsTlsTexts>): Promise<TlsReload>;
  /** Stops it in order, or kills it. Returns its exit code. */
  stop(): Promise<number>;
}

/** Starts nats-server as a process of its own and reads its log. */
export function launch(options: RunOptions): Run {
  const { log } = options;
  const pipe = makePipe();
  const memory = makeTlsMemory(options.tls);
  const child = spawn(options, pipe.write, memory.descriptors);
  const faults: string[] = [];
  const told = Promise.withResolvers<number>();
  const streamsClosed = Promise.withResolvers<void>();
  const streamsGivenUp = Promise.withResolvers<void>();
  const limit = limitOf(log, "nats-server");
  // What clients do wrong leaves what the server does wrong its own lines.
  const clientLimit = limitOf(log, "clients of nats-server");
  let portSeen = options.port;
  let reloading: ((answer: TlsReload) => void) | null = null;
  const take = (line: NatsLogLine): void => {
    if (line.reload !== null) {
      reloading?.(line.reload === "done" ? LOADED : { kind: "refused", why: line.text });
      return;
    }
    if (!line.ofClient && !line.route && (line.level === "error" || line.level === "fatal")) {
      faults.push(line.text);
      if (faults.length > 5) faults.shift();
    }
    if (line.violation) options.onViolation(line.violation);
    else if (line.route) forwardRoute(line, log, limit);
    else if (!line.expected) forward(line, log, line.clientFault ? clientLimit : limit);
    if (line.listensOn !== null) portSeen = line.listensOn;
    if (options.clustered ? line.routesReady : line.ready) told.resolve(portSeen);
    if (line.streamsClosed) streamsClosed.resolve();
    if (line.streamsGivenUp) streamsGivenUp.resolve();
  };
  const logEnded = readNatsLog(pipe.read, (lines, dropped) => {
    lines.forEach(take);
    if (dropped > 0) limit.say(() => tellDropped(log, dropped));
  });
  void logEnded
    .then(
      () => told.reject(new Error("nats-server ended before it was ready")),
      (error: unknown) => told.reject(error),
    )
    .finally(() => memory[Symbol.dispose]());
  // Whoever awaits the port hears of the failure; nobody has to.
  told.promise.catch(() => undefined);

  async function reload(change: Partial<NatsTlsTexts>): Promise<TlsReload> {
    const before = memory.texts;
    const hasNone = (change.tls && !before.tls) || (change.routeTls && !before.routeTls);
    if (hasNone || child.exitCode !== null || child.signalCode !== null) return UNANSWERED;
    const answer = Promise.withResolvers<TlsReload>();
    reloading = answer.resolve;
    memory.put({ ...before, ...change });
    child.kill("SIGHUP");
    const gone = child.exited.then(() => UNANSWERED);
    const heard = await withTimeout(Promise.race([answer.promise, gone]), NATS_RELOAD_TIMEOUT_MS);
    reloading = null;
    const loaded = heard !== "timeout" && heard.kind === "loaded";
    if (!loaded) memory.put(before);
    return heard === "timeout" ? UNANSWERED : heard;
  }

  return {
    process: child,
    port: told.promise,
    startedAt: performance.now(),
    faults,
    logEnded,
    streamsGivenUp: streamsGivenUp.promise,
    reload,
    stop: () => stop(child, streamsClosed.promise),
  };
}

function limitOf(log: Log, what: string): LogLimit {
  const now = (): number => performance.now();
  return createLogLimit({ log, what, perSecondMax: NATS_LINES_PER_SECOND_MAX, now });
}

function tellDropped(log: Log, dropped: number): void {
  const words = `${dropped} lines of nats-server came too fast and were not read`;
  log.warn("nats.dropped", words, { dropped });
}

const LOADED: TlsReload = { kind: "loaded" };
const UNANSWERED: TlsReload = { kind: "unanswered" };

function spawn(
  { command, config }: RunOptions,
  output: number,
  files: readonly number[],
): Bun.Subprocess {
  const stdin = new Blob([JSON.stringify(config)]);
  const child = Bun.spawn([...command(files)], {
    // Not "ignore", which needs a /dev/null: an empty root has none.
    stdio: [stdin, output, output, ...files],
    // Nothing of our environment: it may hold secrets, and nats-server needs none of it.
    env: {},
    // A session of its own: Ctrl-C at a terminal is for unibus, which then stops it in order.
    detached: true,
  });
  // The child has it now; only when nobody else has will its end be seen.
  closeSync(output);
  return child;
}

function forward(line: NatsLogLine, log: Log, limit: LogLimit): void {
  if (line.level === "warn") {
    limit.say(() => log.warn("nats.warned", `nats-server: ${line.text}`));
  }
  if (line.clientFault) {
    limit.say(() => log.info("nats.client-failed", `a client of nats-server: ${line.text}`));
  } else if (line.level === "error") {
    limit.say(() => log.error("nats.failed", `nats-server: ${line.text}`));
  }
}

/** What a route came to. Anybody can knock at a route port: nothing of it is an error of this node. */
function forwardRoute({ level, route }: NatsLogLine, log: Log, limit: LogLimit): void {
  if (!route || (level !== "warn" && level !== "error")) return;
  const { address, why } = route;
  const words = address === "" ? `another node was not reached: ${why}` : `a route ended: ${why}`;
  limit.say(() => log.warn("route.failed", words, { address }));
}

/**
 * Stops nats-server in order. It closes its streams first, and at last waits for the answers to logins
 * under way, as long as a login may take: nobody gives them any more, so it is not waited for.
 * Source: nats-server `server/server.go` (`Shutdown`), `server/auth_callout.go`.
 */
async function stop(child: Bun.Subprocess, streamsClosed: Promise<void>): Promise<number> {
  if (child.exitCode === null) child.kill("SIGTERM");
  const lastLogins = streamsClosed.then(() => withTimeout(child.exited, LAST_LOGINS_WAIT_MS));
  const ended = await withTimeout(Promise.race([child.exited, lastLogins]), NATS_STOP_TIMEOUT_MS);
  if (ended !== "timeout") return ended;
  child.kill("SIGKILL");
  return await child.exited;
}
