import { join } from "node:path";
import { openCallers } from "./callers.ts";
import { cutConnections } from "./cut-connections.ts";
import { residentBytes } from "./machine.ts";
import type { RawNats, TestKey } from "./raw-nats.ts";
import type { Scene } from "./scene.ts";

/** Strangers that connect, offer no key, and close. */
export interface Flood {
  /** Ends it. Returns how many said CONNECT, and how many in a second. */
  end(): Promise<{ readonly connects: number; readonly perSecond: number }>;
}

const LOAD = join(import.meta.dir, "flood-load.ts");
const MIB = 1024 * 1024;

/** What stands in front of a command so that it runs on one core alone; nothing where that cannot be. */
export function onCore(core: number): readonly string[] {
  const possible = Bun.which("taskset") !== null && navigator.hardwareConcurrency > core;
  return possible ? ["taskset", "-c", `${core}`] : [];
}

/** Begins a flood by so many processes, each with its rate; 0 for as many as the machine gives. */
export async function startFlood(options: {
  readonly port: number;
  readonly perSecond: number;
  readonly processes: number;
  readonly prefix: readonly string[];
}): Promise<Flood> {
  const command = [...options.prefix, process.execPath, LOAD];
  const loads = Array.from({ length: options.processes }, () => {
    const child = Bun.spawn([...command, `${options.port}`, `${options.perSecond}`], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    return { child, lines: linesOf(child.stdout) };
  });
  for (const { lines } of loads) await lines.next();
  return {
    async end() {
      for (const { child } of loads) child.stdin.end();
      const sums = { connects: 0, perSecond: 0 };
      for (const { child, lines } of loads) {
        const [connects = 0, perSecond = 0] = ((await lines.next()).value ?? "")
          .split(" ")
          .map(Number);
        sums.connects += connects;
        sums.perSecond += perSecond;
        await child.exited;
      }
      return sums;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}

/** When each sender was heard last by a client, by performance.now(), to about 5 ms. */
export function followSenders(listener: RawNats): Disposable & {
  lastHeardAt(sender: TestKey): number;
} {
  const lastAt = new Map<string, number>();
  let read = 0;
  function look(): void {
    const at = performance.now();
    for (; read < listener.messages.length; read++) {
      // rm.<class>.<shard>.<room>.<user>.<topic>
      lastAt.set(listener.messages[read]?.subject.split(".")[4] ?? "", at);
    }
  }
  const timer = setInterval(look, 5);
  return {
    lastHeardAt: ({ user }) => lastAt.get(user) ?? 0,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Logs in again and again as a user; tells how long it took and how often it failed. */
export function tryLogins(scene: Scene, key: TestKey) {
  const timesMs: number[] = [];
  let failed = 0;
  let stopping = false;
  async function run(): Promise<void> {
    while (!stopping) {
      const at = performance.now();
      try {
        using _client = await scene.login(key, { lang: "raw" });
        timesMs.push(performance.now() - at);
      } catch {
        failed++;
      }
      await Bun.sleep(100);
    }
  }
  const running = run();
  return {
    async stop() {
      stopping = true;
      await running;
      const { p50Ms, maxMs } = spread(timesMs);
      return { logins: timesMs.length, loginsFailed: failed, loginP50Ms: p50Ms, loginMaxMs: maxMs };
    },
  };
}

/** MiB that the node and its nats-server hold now. */
export function memoryOf({ unibus }: Scene): { readonly node: number; readonly nats: number } {
  const servers = unibus.log.filter(({ event }) => event === "nats.ready");
  if (servers.length !== 1) throw new Error(`nats-server was started ${servers.length} times`);
  const mib = (pid: number): number => Math.round(residentBytes(pid) / MIB);
  return { node: mib(unibus.pid), nats: mib(Number(servers[0]?.pid)) };
}

/**
 * Waits until neither process holds so much more than before, or the time is over: nats-server gives
 * nothing back before its collector's turn, which comes every two minutes where nothing happens.
 */
export async function memoryGivenBack(
  scene: Scene,
  options: {
    readonly before: ReturnType<typeof memoryOf>;
    readonly grownMibMax: number;
    readonly timeoutMs: number;
  },
) {
  const { before, grownMibMax, timeoutMs } = options;
  const startedAt = performance.now();
  for (;;) {
    const after = memoryOf(scene);
    const grownMib = Math.max(after.node - before.node, after.nats - before.nats);
    const waitedMs = performance.now() - startedAt;
    if (grownMib <= grownMibMax || waitedMs > timeoutMs) {
      return { after, grownMib, afterSeconds: Math.round(waitedMs / 1_000) };
    }
    await Bun.sleep(250);
  }
}

/** The middle and the greatest of some times, in whole milliseconds. */
export function spread(timesMs: readonly number[]) {
  const sorted = timesMs.toSorted((one, other) => one - other);
  const at = (index: number): number => Math.round(sorted[index] ?? 0);
  return { p50Ms: at(Math.floor(sorted.length / 2)), maxMs: at(sorted.length - 1) };
}

/** Cuts the node's own connections to its nats-server again and again, at least so far apart. */
export function cutAtRandom({ unibus, port }: Scene, apartMs: number) {
  let cuts = 0;
  let timer = setTimeout(cut, 200);
  function cut(): void {
    if (cutConnections(unibus.pid, port) > 0) cuts++;
    timer = setTimeout(cut, apartMs * (1 + 2 * Math.random()));
  }
  return {
    async stop() {
      clearTimeout(timer);
      return cuts;
    },
  };
}

/** Makes rooms as a member, one after the other: rights change all the time. */
export async function makeRooms(scene: Scene) {
  const callers = await openCallers(scene.unibus);
  let made = 0;
  let stopping = false;
  async function run(): Promise<void> {
    while (!stopping) {
      const member = callers.signing();
      await scene.unibus.ask("POST", "/v1/users", { user: member.user });
      for (let room = 0; room < 100 && !stopping; room++) {
        const { told } = await member.ask("POST", "/v1/rooms", { body: { name: `${made}` } });
        if (told === "201") made++;
        await Bun.sleep(50);
      }
    }
  }
  const running = run();
  return {
    async stop() {
      stopping = true;
      await running;
      return made;
    },
  };
}
