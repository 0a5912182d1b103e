import { closeSync } from "node:fs";
import { resolve } from "node:path";
import { BUILD } from "../core/build.ts";
import {
  NATS_QUICK_EXIT_MS,
  NATS_QUICK_EXITS_MAX,
  NATS_READY_TIMEOUT_MS,
  NATS_RESTART_BACKOFF_MS_MAX,
  NATS_RESTART_BACKOFF_MS_MIN,
  NATS_STOP_TIMEOUT_MS,
  NATS_TAKEOVER_WAIT_MS,
} from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { guardArguments, LOCK_HELD_EXIT } from "../system/guard.ts";
import type { Log } from "../system/log.ts";
import { createLogLimit, type LogLimit } from "../system/log-limit.ts";
import { makePipe } from "../system/pipe.ts";
import { withTimeout } from "../system/wait.ts";
import { readNatsLog } from "./log-reader.ts";
import type { NatsLogLine, Violation } from "./server-log.ts";

/** How long an exit in good order waits for the word that unibus is to stop as well. */
const TOLD_TO_STOP_WAIT_MS = 100;
/** How long the last words of a server that ended may take to arrive from the thread that reads them. */
const LOG_END_WAIT_MS = 500;
/** How long a server whose streams are closed may take to end. */
const LAST_LOGINS_WAIT_MS = 250;
/** Lines of nats-server that are passed on in a second: clients can cause some. */
const NATS_LINES_PER_SECOND_MAX = 20;

export interface NatsServer extends AsyncDisposable {
  /** Port of the client listener: the one asked for, or the one the kernel gave for -1. */
  readonly port: number;
  readonly pid: number;
  /** Resolves with the reason once nats-server is given up: a fault of configuration or port. */
  readonly fault: Promise<Problem>;
}

interface NatsServerOptions {
  /** The nats-server executable; it may lie inside this one. */
  readonly path: string;
  /** Renders the configuration for a port; it goes to stdin, so it stands in no file and no argv. */
  readonly configForPort: (port: number) => unknown;
  /** -1 lets the kernel choose. A restart keeps what was chosen. */
  readonly port: number;
  readonly jetStreamFolder: string;
  readonly log: Log;
  readonly random: () => number;
  /** Hears of each publish or subscription that nats-server refused. */
  readonly onViolation: (violation: Violation) => void;
}

/** One running process and what its log told. */
interface Run {
  readonly process: Bun.Subprocess;
  readonly port: Promise<number>;
  readonly streamsClosed: Promise<void>;
  readonly startedAt: number;
  /** The last lines at level error or fatal: why it ended. */
  readonly faults: readonly string[];
  /** Resolves when its log was read to the end. */
  readonly logEnded: Promise<void>;
}

/**
 * Starts nats-server and keeps it running: restarted with a growing wait when it dies, given up when
 * it ends at once several times. It dies with this process, also on SIGKILL (the kernel's death
 * signal, which counts per thread: call this on the main thread), and a lock in the JetStream folder
 * lives as long as it does: two servers on one store corrupt it silently.
 * Throws `folder-in-use` when another server holds the folder, `start-failed` when it cannot start.
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const command = guardedCommand(options);
  const fault = Promise.withResolvers<Problem>();
  const stopped = Promise.withResolvers<void>();
  let stopping = false;
  let run = await startPatiently({ options, command });
  const port = await run.port;
  const supervised = supervise();

  async function supervise(): Promise<void> {
    let failedStarts = 0;
    let wasReady = true;
    let waitMs = NATS_RESTART_BACKOFF_MS_MIN;
    while (!stopping) {
      const code = await run.process.exited;
      // A service manager tells every process of the unit to stop; ours is told a moment later.
      if (code === 0) await withTimeout(stopped.promise, TOLD_TO_STOP_WAIT_MS);
      if (stopping) return;
      const livedMs = performance.now() - run.startedAt;
      const quick = livedMs < NATS_QUICK_EXIT_MS;
      failedStarts = quick && !wasReady ? failedStarts + 1 : 0;
      if (livedMs > NATS_RESTART_BACKOFF_MS_MAX) waitMs = NATS_RESTART_BACKOFF_MS_MIN;
      options.log.error(
        "nats.exited",
        `nats-server ended with ${exitWords(code)}; it is restarted`,
        {
          code,
          livedMs: Math.round(livedMs),
        },
      );
      if (failedStarts >= NATS_QUICK_EXITS_MAX) {
        await withTimeout(run.logEnded, LOG_END_WAIT_MS);
        fault.resolve(startProblem(run, port));
        return;
      }
      // One that ran a while is restarted at once: it has no fault that waiting would cure.
      if (quick) {
        await withTimeout(stopped.promise, waitMs * (0.75 + options.random() / 2));
        waitMs = Math.min(waitMs * 2, NATS_RESTART_BACKOFF_MS_MAX);
      }
      if (stopping) return;
      run = launch({ options, command, port });
      wasReady = await run.port.then(
        () => true,
        () => false,
      );
      if (wasReady) options.log.info("nats.restarted", "nats-server is ready again", { port });
    }
  }

  return {
    port,
    get pid() {
      return run.process.pid;
    },
    fault: fault.promise,
    async [Symbol.asyncDispose]() {
      stopping = true;
      stopped.resolve();
      await stop(run);
      await supervised;
    },
  };
}

/** Starts until the lock and the port of a server whose parent was just killed are free. */
async function startPatiently(input: {
  readonly options: NatsServerOptions;
  readonly command: readonly string[];
}): Promise<Run> {
  const { options } = input;
  const deadlineAt = performance.now() + NATS_TAKEOVER_WAIT_MS;
  for (;;) {
    const run = launch({ ...input, port: options.port });
    const ready = withTimeout(run.port, NATS_READY_TIMEOUT_MS).catch(() => "ended" as const);
    if (typeof (await ready) === "number") return run;
    const code = await stop(run);
    const mayPass =
      code === LOCK_HELD_EXIT || run.faults.some((line) => /address already in use/.test(line));
    if (!mayPass || performance.now() > deadlineAt) throw startProblem(run, options.port);
    await Bun.sleep(50);
  }
}

function launch(input: {
  readonly options: NatsServerOptions;
  readonly command: readonly string[];
  readonly port: number;
}): Run {
  const { options, command, port } = input;
  const config = new Blob([JSON.stringify(options.configForPort(port))]);
  const pipe = makePipe();
  const child = Bun.spawn([...command], {
    // Not "ignore", which needs a /dev/null: an empty root has none.
    stdio: [config, pipe.write, pipe.write],
    // Nothing of our environment: it may hold secrets, and nats-server needs none of it.
    env: {},
    // A session of its own: Ctrl-C at a terminal is for unibus, which then stops it in order.
    detached: true,
  });
  // The child has it now; only when nobody else has will its end be seen.
  closeSync(pipe.write);
  const faults: string[] = [];
  const told = Promise.withResolvers<number>();
  const streamsClosed = Promise.withResolvers<void>();
  const limit = createLogLimit({
    log: options.log,
    what: "nats-server",
    perSecondMax: NATS_LINES_PER_SECOND_MAX,
    now: () => Date.now(),
  });
  let portSeen = port;
  const take = (line: NatsLogLine): void => {
    if (!line.ofClient && (line.level === "error" || line.level === "fatal")) {
      faults.push(line.text);
      if (faults.length > 5) faults.shift();
    }
    if (line.violation) options.onViolation(line.violation);
    else if (!line.expected) forward(line, options.log, limit);
    if (line.listensOn !== null) portSeen = line.listensOn;
    if (line.ready) told.resolve(portSeen);
    if (line.streamsClosed) streamsClosed.resolve();
  };
  const logEnded = readNatsLog(pipe.read, (lines, dropped) => {
    lines.forEach(take);
    if (dropped > 0) {
      const words = `${dropped} lines of nats-server came too fast and were not read`;
      limit.say(() => options.log.warn("nats.dropped", words, { dropped }));
    }
  });
  void logEnded.then(
    () => told.reject(new Error("nats-server ended before it was ready")),
    (error: unknown) => told.reject(error),
  );
  // Whoever awaits the port hears of the failure; nobody has to.
  told.promise.catch(() => undefined);
  return {
    process: child,
    port: told.promise,
    streamsClosed: streamsClosed.promise,
    startedAt: performance.now(),
    faults,
    logEnded,
  };
}

function forward(line: NatsLogLine, log: Log, limit: LogLimit): void {
  if (line.level === "warn") {
    limit.say(() => log.warn("nats.warned", `nats-server: ${line.text}`));
  }
  if (line.level === "error") {
    limit.say(() => log.error("nats.failed", `nats-server: ${line.text}`));
  }
}

/**
 * The command that runs nats-server under guard, as one process. The executable starts itself, which
 * works wherever it does; the sources leave it to util-linux, whose programs each replace themselves by
 * the next.
 */
function guardedCommand({ path, jetStreamFolder }: NatsServerOptions): readonly string[] {
  const lock = resolve(jetStreamFolder, "unibus.lock");
  const argv = ["nats-server", "-c", "/proc/self/fd/0"];
  if (BUILD) {
    // Not by its path: another file may lie there since an upgrade.
    return [
      "/proc/self/exe",
      ...guardArguments({ lock, parent: process.pid, program: path, argv }),
    ];
  }
  const setpriv = Bun.which("setpriv");
  const flock = Bun.which("flock");
  if (!setpriv || !flock) {
    throw new Problem(
      "start-failed",
      "start embedded nats: setpriv and flock are needed to guard nats-server; install util-linux",
    );
  }
  const held = String(LOCK_HELD_EXIT);
  const guard = [setpriv, "--pdeathsig", "KILL", flock, "-n", "-E", held, "--no-fork", lock];
  return [...guard, path, ...argv.slice(1)];
}

/**
 * Stops nats-server in order. It closes its streams first, and at last waits for the answers to logins
 * under way, as long as a login may take: nobody gives them any more, so it is not waited for.
 * Source: nats-server `server/server.go` (`Shutdown`), `server/auth_callout.go`.
 */
async function stop({ process: child, streamsClosed }: Run): Promise<number> {
  if (child.exitCode === null) child.kill("SIGTERM");
  const lastLogins = streamsClosed.then(() => withTimeout(child.exited, LAST_LOGINS_WAIT_MS));
  const ended = await withTimeout(Promise.race([child.exited, lastLogins]), NATS_STOP_TIMEOUT_MS);
  if (ended !== "timeout") return ended;
  child.kill("SIGKILL");
  return await child.exited;
}

function startProblem(run: Run, port: number): Problem {
  if (run.process.exitCode === LOCK_HELD_EXIT) {
    return new Problem(
      "folder-in-use",
      "start embedded nats: another nats-server uses the JetStream folder; stop it, or give this node a folder of its own with --nats-store",
    );
  }
  const last = run.faults.at(-1) ?? exitWords(run.process.exitCode);
  if (run.faults.some((line) => /address already in use/.test(line))) {
    return new Problem(
      "start-failed",
      `start embedded nats: port ${port} is taken; stop what listens there, or choose another with --nats-port`,
    );
  }
  return new Problem("start-failed", `start embedded nats: ${last}`);
}

function exitWords(code: number | null): string {
  return code === null ? "no exit code (it was not ready in time)" : `exit code ${code}`;
}
