import {
  NATS_QUICK_EXIT_MS,
  NATS_QUICK_EXITS_MAX,
  NATS_READY_TIMEOUT_MS,
  NATS_RESTART_BACKOFF_MS_MAX,
  NATS_RESTART_BACKOFF_MS_MIN,
  NATS_TAKEOVER_WAIT_MS,
} from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { LOCK_HELD_EXIT } from "../system/guard.ts";
import type { Log } from "../system/log.ts";
import { withTimeout } from "../system/wait.ts";
import { guardedCommand } from "./guarded-command.ts";
import type { Violation } from "./server-log.ts";
import { launch, type Run, type TlsReload } from "./server-run.ts";
import type { NatsRouteTls, NatsTls, NatsTlsTexts } from "./tls-memory.ts";

/** How long an exit in good order waits for the word that unibus is to stop as well. */
const TOLD_TO_STOP_WAIT_MS = 100;
/** How long the last words of a server that ended may take to arrive from the thread that reads them. */
const LOG_END_WAIT_MS = 500;
/** How often a full disk is looked at. */
const NATS_ROOM_CHECK_MS = 1_000;

export interface NatsServer extends AsyncDisposable {
  /** Port of the client listener: the one asked for, or the one the kernel gave for -1. */
  readonly port: number;
  readonly pid: number;
  /** Resolves with the reason once nats-server is given up: a fault of configuration or port. */
  readonly fault: Promise<Problem>;
  /**
   * Gives it another certificate, which one that is started anew has too. Every connection of users is
   * closed by this (clients come back by themselves); those of unibus itself stay. When it is refused,
   * the one before stays in use.
   */
  renewTls(tls: NatsTls): Promise<TlsReload>;
  /** The same with the certificate, key and CA of routes: the routes that are open stay. */
  renewRouteTls(routeTls: NatsRouteTls): Promise<TlsReload>;
  /**
   * Stops it in order and starts it at once with its configuration rendered anew, and with this for its
   * routes: what a reload does not change, and every route that is open ends. Resolves when it is ready;
   * one that does not get ready is started again, as whenever it ends.
   */
  restart(routeTls: NatsRouteTls | null): Promise<void>;
}

interface NatsServerOptions {
  /** The nats-server executable; it may lie inside this one. */
  readonly path: string;
  /** Renders the configuration for a port; with `tls`, it names NATS_TLS_FILES. */
  readonly configForPort: (port: number) => unknown;
  readonly tls: NatsTls | null;
  /** With it, the configuration names NATS_ROUTE_TLS_FILES. */
  readonly routeTls: NatsRouteTls | null;
  /** Whether the configuration is that of a node of a cluster. */
  readonly clustered?: boolean;
  /** -1 lets the kernel choose. A restart keeps what was chosen. */
  readonly port: number;
  readonly jetStreamFolder: string;
  /** Whether there is room to write in that folder. */
  readonly hasRoom?: () => boolean;
  readonly log: Log;
  readonly random: () => number;
  /** Hears of each publish or subscription that nats-server refused. */
  readonly onViolation: (violation: Violation) => void;
}

/**
 * Starts nats-server and keeps it running: restarted with a growing wait when it dies, given up when
 * it ends at once several times. It dies with this process, also on SIGKILL (the kernel's death
 * signal, which counts per thread: call this on the main thread), and a lock in the JetStream folder
 * lives as long as it does: two servers on one store corrupt it silently.
 * Throws `folder-in-use` when another server holds the folder, `start-failed` when it cannot start.
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const command = (descriptors: readonly number[]) => guardedCommand({ ...options, descriptors });
  let tls: NatsTlsTexts = { tls: options.tls, routeTls: options.routeTls };
  const start = (port: number): Run =>
    launch({ ...options, command, config: options.configForPort(port), port, tls });
  const fault = Promise.withResolvers<Problem>();
  const stopped = Promise.withResolvers<void>();
  let stopping = false;
  /** The one that is stopped to be started anew, and who waits for the next. */
  let asked: { readonly run: Run; readonly ready: () => void } | null = null;
  let run = await startPatiently(() => start(options.port), options.port);
  const port = await run.port;
  const supervised = supervise();

  async function supervise(): Promise<void> {
    let failedStarts = 0;
    let wasReady = true;
    let waitMs = NATS_RESTART_BACKOFF_MS_MIN;
    while (!stopping) {
      const current = run;
      void current.streamsGivenUp.then(() => renewStreams(current));
      const code = await current.process.exited;
      // A service manager tells every process of the unit to stop; ours is told a moment later.
      if (code === 0) await withTimeout(stopped.promise, TOLD_TO_STOP_WAIT_MS);
      if (stopping) return;
      const livedMs = performance.now() - run.startedAt;
      const quick = livedMs < NATS_QUICK_EXIT_MS;
      // On a full disk no start is at fault.
      const failed = quick && !wasReady && options.hasRoom?.() !== false;
      failedStarts = failed ? failedStarts + 1 : 0;
      if (livedMs > NATS_RESTART_BACKOFF_MS_MAX) waitMs = NATS_RESTART_BACKOFF_MS_MIN;
      const wanted = asked?.run === current;
      if (!wanted) tellExit(options.log, code, livedMs);
      if (failedStarts >= NATS_QUICK_EXITS_MAX) {
        await withTimeout(run.logEnded, LOG_END_WAIT_MS);
        fault.resolve(startProblem(run, port));
        return;
      }
      // One that ran a while is restarted at once: it has no fault that waiting would cure.
      if (quick && !wanted) {
        await withTimeout(stopped.promise, waitMs * (0.75 + options.random() / 2));
        waitMs = Math.min(waitMs * 2, NATS_RESTART_BACKOFF_MS_MAX);
      }
      if (stopping) return;
      run = start(port);
      wasReady = await run.port.then(
        () => true,
        () => false,
      );
      if (!wasReady) continue;
      options.log.info("nats.restarted", "nats-server is ready again", { port });
      asked?.ready();
      asked = null;
    }
  }

  /** A full disk makes it give up its streams for good: with room again it is started anew. */
  async function renewStreams({ process: server }: Run): Promise<void> {
    while (!stopping && server.exitCode === null && server.signalCode === null) {
      if (options.hasRoom?.() ?? true) {
        options.log.warn("nats.restarting", "nats-server is restarted: its disk has room again");
        server.kill("SIGTERM");
        return;
      }
      await withTimeout(stopped.promise, NATS_ROOM_CHECK_MS);
    }
  }

  async function renew(change: Partial<NatsTlsTexts>): Promise<TlsReload> {
    const current = run;
    // One that is still starting may not have read its first certificate.
    const ready = await current.port.then(
      () => true,
      () => false,
    );
    if (!ready || run !== current) return { kind: "unanswered" };
    const answer = await current.reload(change);
    if (answer.kind === "loaded") tls = { ...tls, ...change };
    return answer;
  }

  async function restart(routeTls: NatsRouteTls | null): Promise<void> {
    const ready = Promise.withResolvers<void>();
    tls = { ...tls, routeTls };
    asked = { run, ready: ready.resolve };
    await run.stop();
    await Promise.race([ready.promise, stopped.promise, fault.promise]);
  }

  return {
    port,
    restart,
    renewTls: (next) => renew({ tls: next }),
    renewRouteTls: (next) => renew({ routeTls: next }),
    get pid() {
      return run.process.pid;
    },
    fault: fault.promise,
    async [Symbol.asyncDispose]() {
      stopping = true;
      stopped.resolve();
      await run.stop();
      await supervised;
    },
  };
}

/** Starts until the lock and the port of a server whose parent was just killed are free. */
async function startPatiently(start: () => Run, port: number): Promise<Run> {
  const deadlineAt = performance.now() + NATS_TAKEOVER_WAIT_MS;
  for (;;) {
    const run = start();
    const ready = withTimeout(run.port, NATS_READY_TIMEOUT_MS).catch(() => "ended" as const);
    if (typeof (await ready) === "number") return run;
    const code = await run.stop();
    const mayPass =
      code === LOCK_HELD_EXIT || run.faults.some((line) => /address already in use/.test(line));
    if (!mayPass || performance.now() > deadlineAt) throw startProblem(run, port);
    await Bun.sleep(50);
  }
}

function startProblem(run: Run, port: number): Problem {
  if (run.process.exitCode === LOCK_HELD_EXIT) {
    return new Problem(
      "folder-in-use",
      "start embedded nats: another nats-server uses the JetStream folder; stop it, or give this node a folder of its own with --nats-store",
    );
  }
  const last = run.faults.at(-1) ?? exitWords(run.process.exitCode);
  if (run.faults.some((line) => /router port: .*address already in use/.test(line))) {
    return new Problem(
      "start-failed",
      "start embedded nats: the port of the routes is taken; stop what listens there, or choose another with --cluster-port",
    );
  }
  if (run.faults.some((line) => /address already in use/.test(line))) {
    return new Problem(
      "start-failed",
      `start embedded nats: port ${port} is taken; stop what listens there, or choose another with --nats-port`,
    );
  }
  return new Problem("start-failed", `start embedded nats: ${last}`);
}

function tellExit(log: Log, code: number, livedMs: number): void {
  const words = `nats-server ended with ${exitWords(code)}; it is restarted`;
  log.error("nats.exited", words, { code, livedMs: Math.round(livedMs) });
}

function exitWords(code: number | null): string {
  return code === null ? "no exit code (it was not ready in time)" : `exit code ${code}`;
}
