import { tmpdir } from "node:os";
import { unibusCommand } from "./command.ts";
import { eventually } from "./eventually.ts";
import { cleanEnvironment, followLog, type LogLine } from "./unibus.ts";

/** A unibus process, whatever becomes of it. */
export interface Spawned extends AsyncDisposable {
  readonly pid: number;
  /** What it wrote to stderr so far; a line that is no JSON is the message of one. */
  readonly log: readonly LogLine[];
  readonly running: boolean;
  /** The events and messages of the log. */
  readonly events: readonly string[];
  readonly messages: readonly string[];
  /** Waits for a line of an event. */
  says(event: string): Promise<LogLine>;
  kill(signal: NodeJS.Signals): void;
  /** Waits for its end and the end of its log. Returns its exit code; 128 and more after a signal. */
  ended(): Promise<number>;
}

/** Starts a command of unibus and waits for nothing. */
export function spawnUnibus(
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly prefix?: readonly string[];
    /** Whether it leads a process group of its own. */
    readonly detached?: boolean;
  } = {},
): Spawned {
  const { cwd = tmpdir(), env, prefix = [], detached = false } = options;
  const child = Bun.spawn([...prefix, ...unibusCommand(), ...args], {
    cwd,
    env: cleanEnvironment(env),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    detached,
  });
  const { log, reading } = followLog(child.stderr);
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  async function ended(): Promise<number> {
    const code = await child.exited;
    await reading;
    return code;
  }
  return {
    pid: child.pid,
    log,
    get running() {
      return isRunning();
    },
    get events() {
      return log.map(({ event }) => event);
    },
    get messages() {
      return log.map(({ message }) => message);
    },
    async says(event) {
      const find = () => log.find((line) => line.event === event);
      const line = await eventually(() => find() ?? (isRunning() ? null : "ended"), {
        timeoutMs: 30_000,
        everyMs: 2,
        what: event,
      });
      if (line !== "ended") return line;
      await reading;
      const late = find();
      if (late) return late;
      throw new Error(
        `It ended without ${event}: ${log.map(({ message }) => message).join(" | ")}`,
      );
    },
    kill: (signal) => void child.kill(signal),
    ended,
    async [Symbol.asyncDispose]() {
      if (isRunning()) child.kill("SIGTERM");
      await ended();
    },
  };
}
