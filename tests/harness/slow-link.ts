import { createConnection, createServer, type Server, type Socket } from "node:net";
import { closePort, openPort } from "./loopback.ts";

/** What a bad link does to the connections that cross it. */
export interface LinkFaults {
  /** Every chunk waits as long as it would need on the way: `delayMs`, more or less `jitterMs`. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** The part of the chunks that are lost and sent again by TCP, which is heard as a longer wait. */
  readonly loss: number;
  readonly resentMs: number;
  /** How often, on average, one of all connections stands still, and for how long. */
  readonly stallEveryMs: number;
  readonly stallMs: number;
  /** How often, on average, one of all connections is cut. */
  readonly cutEveryMs: number;
}

/** What passed so far. */
export interface LinkCounts {
  readonly connections: number;
  readonly chunks: number;
  readonly waitedMs: number;
  readonly lost: number;
  readonly stalls: number;
  readonly cuts: number;
}

/** A place where the proxy listens, and where it hands on what it hears there. */
export interface LinkEnd {
  readonly from: { readonly host: string; readonly port: number };
  readonly to: { readonly host: string; readonly port: number };
}

/** TCP connections that pass a bad link, and arrive late but whole and in order, or are cut. */
export interface SlowLink extends AsyncDisposable {
  /** Where each end listens, as they were given. */
  readonly ports: readonly number[];
  counts(): LinkCounts;
  /** Stops and starts to stall and to cut; the delay stays. */
  setTrouble(state: "on" | "off"): void;
  /** Lets nothing through any more: what is open is closed, and what comes is closed at once. */
  close(): void;
}

interface Crossing {
  stall(ms: number): void;
  cut(): void;
}

/** Opens a proxy for TCP that behaves as a bad link does. `random` decides everything about it. */
export async function openSlowLink(options: {
  readonly ends: readonly LinkEnd[];
  readonly faults: LinkFaults;
  readonly random: () => number;
}): Promise<SlowLink> {
  const { ends, faults, random } = options;
  const counts = { connections: 0, chunks: 0, waitedMs: 0, lost: 0, stalls: 0, cuts: 0 };
  const open = new Set<Crossing>();
  const timers: Record<string, ReturnType<typeof setTimeout>> = {};
  let closed = false;
  const delay = (): number => {
    const lost = random() < faults.loss;
    if (lost) counts.lost++;
    const waitMs = faults.delayMs + (random() * 2 - 1) * faults.jitterMs;
    return waitMs + (lost ? faults.resentMs : 0);
  };
  const passed = (waitMs: number): void => {
    counts.chunks++;
    counts.waitedMs += waitMs;
  };
  function accept(near: Socket, { to }: LinkEnd): void {
    if (closed) {
      near.destroy();
      return;
    }
    counts.connections++;
    const far = createConnection({ ...to, allowHalfOpen: true });
    const ways = [carry(near, far, { delay, passed }), carry(far, near, { delay, passed })];
    const crossing: Crossing = {
      stall: (ms) => ways.forEach((way) => void way.stall(ms)),
      cut() {
        near.destroy();
        far.destroy();
      },
    };
    open.add(crossing);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on("error", () => crossing.cut());
      socket.on("close", () => open.delete(crossing));
    }
  }
  function again(name: "stalls" | "cuts", everyMs: number, harm: (one: Crossing) => void): void {
    // From half to one and a half times as long as on average.
    timers[name] = setTimeout(
      () => {
        const victim = [...open][Math.floor(random() * open.size)];
        if (victim) {
          counts[name]++;
          harm(victim);
        }
        again(name, everyMs, harm);
      },
      everyMs * (0.5 + random()),
    );
  }
  const servers: Server[] = [];
  const ports: number[] = [];
  for (const end of ends) {
    const server = createServer({ allowHalfOpen: true }, (socket) => accept(socket, end));
    servers.push(server);
    ports.push(await openPort(server, end.from));
  }
  const quiet = (): void => Object.values(timers).forEach((timer) => void clearTimeout(timer));
  const close = (): void => {
    closed = true;
    quiet();
    for (const crossing of open) crossing.cut();
  };
  return {
    ports,
    counts: () => ({ ...counts, waitedMs: Math.round(counts.waitedMs) }),
    setTrouble(state) {
      quiet();
      if (state === "off" || closed) return;
      again("stalls", faults.stallEveryMs, (one) => one.stall(faults.stallMs));
      again("cuts", faults.cutEveryMs, (one) => one.cut());
    },
    close,
    async [Symbol.asyncDispose]() {
      close();
      await Promise.all(servers.map(closePort));
    },
  };
}

/** Carries what one side says to the other: each chunk later, none before the one that it follows. */
function carry(
  from: Socket,
  to: Socket,
  link: { readonly delay: () => number; readonly passed: (waitMs: number) => void },
): { stall(ms: number): void } {
  const queue: { readonly at: number; readonly heardAt: number; readonly chunk: Buffer | null }[] =
    [];
  let latestAt = 0;
  let waiting = false;
  function put(chunk: Buffer | null): void {
    const heardAt = performance.now();
    latestAt = Math.max(latestAt, heardAt + link.delay());
    queue.push({ at: latestAt, heardAt, chunk });
    if (!waiting) wait(latestAt - heardAt);
  }
  function wait(ms: number): void {
    waiting = true;
    setTimeout(drain, Math.ceil(ms));
  }
  function drain(): void {
    waiting = false;
    const now = performance.now();
    for (let next = queue[0]; next; next = queue[0]) {
      if (next.at > now) {
        wait(next.at - now);
        return;
      }
      queue.shift();
      if (to.destroyed) continue;
      if (next.chunk) to.write(next.chunk);
      else to.end();
      link.passed(now - next.heardAt);
    }
  }
  from.on("data", (chunk: Buffer) => put(chunk));
  from.on("end", () => put(null));
  return {
    stall(ms) {
      latestAt = Math.max(latestAt, performance.now()) + ms;
    },
  };
}
