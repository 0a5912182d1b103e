import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unibusCommand } from "./command.ts";
import { eventually } from "./eventually.ts";
import { type Ran, runProcess } from "./run-process.ts";

/** One line of the node's log. */
export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A node that runs as a process of its own, with free ports, in a temporary folder. */
export interface RunningUnibus extends AsyncDisposable {
  readonly dataDir: string;
  readonly pid: number;
  readonly natsPort: number;
  readonly httpUrl: string;
  readonly log: readonly LogLine[];
  readonly exited: Promise<number>;
  /** Asks the API over the admin socket. */
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Response>;
  /** Asks, demands a 2xx answer, and returns its JSON. */
  ask<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Runs a command of the command line against this node. */
  cli(...args: string[]): Promise<Ran>;
  /** Sends a signal to the process and waits until it is gone. Returns its exit code. */
  end(signal?: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<number>;
}

export interface StartOptions {
  readonly dataDir?: string;
  /** The same folder as the node sees it, when it has a disk of its own. */
  readonly ownDataDir?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly command?: "serve" | "up";
  /** What stands in front of the command, as that of a network of its own. */
  readonly prefix?: readonly string[];
  /** The line that tells that it is there; that of a node of a cluster comes before it is ready. */
  readonly awaits?: "node.ready" | "node.alive";
}

/** A temporary folder that is removed at the end of its scope. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "unibus-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** What a process of ours needs of the environment; nothing of the caller's own settings. */
export function cleanEnvironment(
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const { PATH = "", HOME = "", UNIBUS_NATS_SERVER } = process.env;
  return {
    PATH,
    HOME,
    ...(UNIBUS_NATS_SERVER ? { UNIBUS_NATS_SERVER } : {}),
    ...more,
  };
}

/** Runs a command to its end. */
export async function run(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  const { cwd = tmpdir(), env } = options;
  return await runProcess([...unibusCommand(), ...args], { cwd, env: cleanEnvironment(env) });
}

/** Starts a node (enforce unless `args` say otherwise) and waits until it says that it is ready. */
export async function startUnibus(options: StartOptions = {}): Promise<RunningUnibus> {
  const folder = options.dataDir === undefined ? temporaryFolder() : null;
  const dataDir = options.dataDir ?? join(folder?.path ?? "", "data");
  const command = [...(options.prefix ?? []), ...unibusCommand()];
  const child = Bun.spawn([...command, ...argumentsOf(options, options.ownDataDir ?? dataDir)], {
    env: cleanEnvironment(options.env),
    cwd: tmpdir(),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const { log, reading } = followLog(child.stderr);
  let ready: LogLine;
  try {
    ready = await awaitReady(log, child, options.awaits ?? "node.ready");
  } catch (error) {
    child.kill("SIGKILL");
    await reading;
    folder?.[Symbol.dispose]();
    const words = log.map((line) => line.message).join(" | ");
    throw new Error(`The node is not ready: ${words}`, { cause: error });
  }
  async function end(signal: "SIGTERM" | "SIGINT" | "SIGKILL" = "SIGTERM"): Promise<number> {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const code = await child.exited;
    await reading;
    return code;
  }
  return {
    dataDir,
    pid: child.pid,
    natsPort: Number(new URL(String(ready.natsUrl)).port),
    httpUrl: String(ready.httpUrl),
    log,
    exited: child.exited,
    ...socketApi(join(dataDir, "unibus.sock")),
    cli: (...args) => run([...args, "--data-dir", dataDir]),
    end,
    async [Symbol.asyncDispose]() {
      await end();
      folder?.[Symbol.dispose]();
    },
  };
}

/** The arguments of a test's node: free ports and JSON lines, unless the test says otherwise. */
function argumentsOf(options: StartOptions, dataDir: string): readonly string[] {
  const { args = [], command = "serve" } = options;
  const unless = (flag: string, value: string): readonly string[] =>
    args.includes(flag) ? [] : [flag, value];
  return [
    command,
    "--data-dir",
    dataDir,
    "--log-format",
    "json",
    ...unless("--http-port", "0"),
    ...unless("--nats-port", "0"),
    ...(command === "up" ? [] : unless("--bus-auth", "enforce")),
    ...args,
  ];
}

/** Gathers the lines of a log while they are written. */
export function followLog(stream: ReadableStream<Uint8Array>): {
  readonly log: LogLine[];
  readonly reading: Promise<void>;
} {
  const log: LogLine[] = [];
  async function read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line) log.push(readLogLine(line));
    }
    if (rest) log.push(readLogLine(rest));
  }
  return { log, reading: read() };
}

async function awaitReady(
  log: readonly LogLine[],
  child: Bun.Subprocess,
  event: string,
): Promise<LogLine> {
  const found = await eventually(
    () => {
      const ended = child.exitCode !== null || child.signalCode !== null;
      return log.find((line) => line.event === event) ?? (ended ? "ended" : null);
    },
    { timeoutMs: 30_000, what: "the node to be ready" },
  );
  if (found === "ended") throw new Error("The process ended");
  return found;
}

/** The API as this machine's operator has it. */
function socketApi(socket: string): Pick<RunningUnibus, "api" | "ask"> {
  const api: RunningUnibus["api"] = (method, path, body, headers = {}) =>
    fetch(`http://localhost${path}`, {
      unix: socket,
      method,
      headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    api,
    async ask<T>(method: string, path: string, body?: unknown) {
      const response = await api(method, path, body);
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      // The caller names the shape of the route that it asks.
      return (text === "" ? null : JSON.parse(text)) as T;
    },
  };
}

function readLogLine(line: string): LogLine {
  try {
    return JSON.parse(line);
  } catch {
    return { level: "error", event: "unreadable", message: line };
  }
}

/** Says whether a process is gone: no longer there, or a zombie that nobody reaped yet. */
export async function isGone(pid: number): Promise<boolean> {
  const status = Bun.file(`/proc/${pid}/stat`);
  const text = await status.text().catch(() => "");
  return text === "" || /^\d+ \(.*\) [ZX]/.test(text);
}
