import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NATS_PENDING_BYTES_MAX } from "../../src/core/limits.ts";
import type { NatsPermissions } from "../../src/core/permissions.ts";
import { unibusCommand } from "../../tests/harness/command.ts";
import { cleanEnvironment } from "../../tests/harness/unibus.ts";

/** A server under measurement, and when it said that it was ready. */
export interface Started extends AsyncDisposable {
  readonly pid: number;
  readonly readyMs: number;
  /** The line that told readiness. */
  readonly line: string;
}

/** A temporary folder that is removed at the end of its scope. */
export function benchFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "unibus-bench-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts a program and takes the time until a line of its stderr is the one waited for. */
export async function startAndTime(options: {
  readonly command: readonly string[];
  readonly until: (line: string) => boolean;
  readonly stdin?: string;
}): Promise<Started> {
  const startedAt = performance.now();
  const child = Bun.spawn([...options.command], {
    cwd: tmpdir(),
    env: cleanEnvironment(),
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
    stdout: "ignore",
    stderr: "pipe",
  });
  const ready = Promise.withResolvers<{ readonly readyMs: number; readonly line: string }>();
  void (async () => {
    let text = "";
    let isReady = false;
    for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
      // What comes later is only taken away: searching it would cost the time of what is measured.
      if (isReady) continue;
      const at = performance.now();
      text = `${text}${piece}`.slice(-100_000);
      const line = text.split("\n").find(options.until);
      if (!line) continue;
      isReady = true;
      ready.resolve({ readyMs: at - startedAt, line });
    }
    ready.reject(new Error(`${options.command.join(" ")} ended: ${text}`));
  })();
  const { readyMs, line } = await ready.promise;
  return {
    pid: child.pid,
    readyMs,
    line,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** Starts a node under enforce from this checkout's sources. */
export function startNode(dataDir: string): Promise<Started> {
  const flags = ["--bus-auth", "enforce", "--http-port", "0", "--nats-port", "0"];
  return startAndTime({
    command: [
      ...unibusCommand(),
      "serve",
      "--data-dir",
      dataDir,
      "--log-format",
      "json",
      "--connections-per-user",
      "1000",
      ...flags,
    ],
    until: (line) => line.includes('"node.ready"'),
  });
}

/** A user in the configuration of a nats-server alone. */
export interface PlainUser {
  readonly nkey: string;
  readonly permissions?: NatsPermissions;
}

/** Starts the same nats-server binary alone, with JetStream, and with static users if there are any. */
export function startPlainNats(options: {
  readonly path: string;
  readonly folder: string;
  readonly port: number;
  readonly users?: readonly PlainUser[];
}): Promise<Started> {
  const { path, folder, users = [], port } = options;
  const config = {
    host: "127.0.0.1",
    port,
    // As a node has it: a slow reader is dropped at the same point.
    max_pending: NATS_PENDING_BYTES_MAX,
    jetstream: { store_dir: folder },
    ...(users.length > 0 ? { authorization: { users } } : {}),
  };
  return startAndTime({
    command: [path, "-c", "/dev/stdin"],
    stdin: JSON.stringify(config),
    until: (line) => line.includes("Server is ready"),
  });
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: () => undefined },
  });
  const { port } = listener;
  listener.stop();
  return port;
}

/** The process of the nats-server that a node supervises. */
export async function natsPidOf(node: Started): Promise<number> {
  const children = await Bun.file(`/proc/${node.pid}/task/${node.pid}/children`).text();
  return Number(children.trim().split(" ")[0]);
}

/** Gives servers one core, and answers the words that give a load the other one; none if there is one. */
export function pin(servers: readonly number[]): readonly string[] {
  if (!Bun.which("taskset") || navigator.hardwareConcurrency < 2) return [];
  for (const pid of servers) Bun.spawnSync(["taskset", "-acp", "0", `${pid}`]);
  return ["taskset", "-c", "1"];
}

/** Runs a load generator with a job, and reads the numbers that it prints. */
export async function runLoad<Numbers>(
  script: "api-load" | "connect-load" | "message-load" | "publish-load",
  job: object,
  prefix: readonly string[] = [],
): Promise<Numbers> {
  const path = join(import.meta.dir, `${script}.ts`);
  const child = Bun.spawn([...prefix, process.execPath, path], {
    stdin: new Blob([JSON.stringify(job)]),
    stdout: "pipe",
    stderr: "inherit",
    timeout: 120_000,
  });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${script} failed`);
  // The script prints what its job asks for; both are in this folder.
  return JSON.parse(text) as Numbers;
}
