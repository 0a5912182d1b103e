import { describe, expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { eventually } from "../harness/eventually.ts";
import { accepts, childrenOf } from "../harness/machine.ts";
import { EXIT } from "../harness/promises.ts";
import { connectLine, openRaw, testKey } from "../harness/raw-nats.ts";
import { type Spawned, spawnUnibus } from "../harness/spawned.ts";
import { isGone, type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const STOP_MS_MAX = 6_500;

function serve(folder: string, options: { readonly detached?: boolean } = {}): Spawned {
  const ports = ["--http-port", "0", "--nats-port", "0"];
  return spawnUnibus(["serve", "--data-dir", folder, ...ports], options);
}

/** Bytes in the write-ahead log of a node's database; 0 without one. */
function walBytes(dataDir: string): number {
  return statSync(join(dataDir, "unibus.db-wal"), { throwIfNoEntry: false })?.size ?? 0;
}

async function expectNothingLeft(unibus: RunningUnibus, natsServer: number): Promise<void> {
  expect(await isGone(natsServer)).toBe(true);
  expect(await accepts(unibus.natsPort)).toBe(false);
  expect(await accepts(Number(new URL(unibus.httpUrl).port))).toBe(false);
}

describe("a node that is told to stop", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "by %s says so, exits with 0 and leaves nothing running [M-100]",
    async (signal) => {
      await using unibus = await startUnibus();
      const [natsServer = 0] = childrenOf(unibus.pid);
      expect(await unibus.end(signal)).toBe(EXIT.done);
      const events = unibus.log.map(({ event }) => event);
      expect(events.slice(-3)).toEqual(["node.stopping", "nats.stopped", "node.stopped"]);
      expect(unibus.log.map(({ message }) => message)).toContain("shutting down...");
      expect(unibus.log.at(-1)?.message).toBe("bye");
      await expectNothingLeft(unibus, natsServer);
    },
  );

  test("twice, and thrice, stops once and in order [M-100]", async () => {
    using folder = temporaryFolder();
    await using unibus = serve(folder.path);
    await unibus.says("node.ready");
    for (const signal of ["SIGTERM", "SIGINT", "SIGTERM"] as const) unibus.kill(signal);
    await unibus.says("node.stopping");
    if (unibus.running) unibus.kill("SIGTERM");
    expect(await unibus.ended()).toBe(EXIT.done);
    expect(unibus.events.filter((event) => event === "node.stopping")).toHaveLength(1);
    expect(unibus.messages.at(-1)).toBe("bye");
  });

  test("by Ctrl-C to its whole process group stops in order, and restarts nothing [M-100]", async () => {
    using folder = temporaryFolder();
    await using unibus = serve(folder.path, { detached: true });
    await unibus.says("node.ready");
    const [natsServer = 0] = childrenOf(unibus.pid);
    process.kill(-unibus.pid, "SIGINT");
    expect(await unibus.ended()).toBe(EXIT.done);
    expect(unibus.events.slice(-3)).toEqual(["node.stopping", "nats.stopped", "node.stopped"]);
    expect(unibus.events.filter((event) => /^nats\.(exited|restarted)$/.test(event))).toEqual([]);
    expect(await isGone(natsServer)).toBe(true);
  });

  test("together with its nats-server, as a service manager does, restarts nothing [M-100]", async () => {
    using folder = temporaryFolder();
    await using unibus = serve(folder.path);
    await unibus.says("node.ready");
    for (const pid of [...childrenOf(unibus.pid), unibus.pid]) process.kill(pid, "SIGTERM");
    expect(await unibus.ended()).toBe(EXIT.done);
    expect(unibus.events.filter((event) => /^nats\.(exited|restarted)$/.test(event))).toEqual([]);
  });

  test("while it starts, at whatever step, ends in order as well [M-100]", async () => {
    for (const event of ["store.opened", "blobs.opened", "nats.ready", "api.ready"]) {
      using folder = temporaryFolder();
      await using unibus = serve(folder.path);
      const seen = new Set<number>();
      await unibus.says(event);
      unibus.kill("SIGTERM");
      await eventually(() => {
        for (const child of childrenOf(unibus.pid)) seen.add(child);
        return !unibus.running;
      });
      expect(await unibus.ended()).toBe(EXIT.done);
      expect(unibus.messages.slice(-1)).toEqual(["bye"]);
      expect(unibus.messages).toContain("shutting down...");
      for (const child of seen) expect(await isGone(child)).toBe(true);
    }
  });

  test("at any moment of its start ends in order, or has made nothing yet [M-100]", async () => {
    const delays = Array.from({ length: 14 }, (_, at) => at * 10);
    for (const delayMs of delays) {
      using folder = temporaryFolder();
      const dataDir = join(folder.path, "data");
      const startedAt = performance.now();
      await using unibus = serve(dataDir);
      await eventually(() => performance.now() - startedAt >= delayMs, { everyMs: 1 });
      unibus.kill("SIGTERM");
      const code = await unibus.ended();
      // Too early for it to have heard: the signal itself ended it.
      if (code === 143) expect([delayMs, existsSync(dataDir)]).toEqual([delayMs, false]);
      else expect([delayMs, code, unibus.messages.at(-1)]).toEqual([delayMs, EXIT.done, "bye"]);
    }
  });
});

test("SIGHUP changes nothing", async () => {
  await using unibus = await startUnibus();
  const [natsServer = 0] = childrenOf(unibus.pid);
  const before = unibus.log.length;
  process.kill(unibus.pid, "SIGHUP");
  expect(await unibus.ask<unknown>("GET", "/readyz")).toEqual({ ready: true });
  expect(childrenOf(unibus.pid)).toEqual([natsServer]);
  const events = unibus.log.slice(before).map(({ event }) => event);
  expect(events.filter((event) => !event.startsWith("request."))).toEqual([]);
});

describe("a request whose body trickles in", () => {
  const HEAD = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n";

  /** Sends a byte now and then until the connection is closed. */
  async function trickle(place: { readonly path: string } | { readonly port: number }) {
    const host = "port" in place ? `127.0.0.1:${place.port}` : "localhost";
    const socket = connect({ ...place, host: "127.0.0.1" });
    const state = { closed: false, received: "" };
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      state.received += data;
    });
    const beginning = `POST /v1/rooms HTTP/1.1\r\nHost: ${host}\r\n${HEAD}{"name":"`;
    socket.write(beginning);
    const timer = setInterval(() => socket.write("x"), 200);
    socket.on("close", () => {
      clearInterval(timer);
      state.closed = true;
    });
    // A node that is busy has not read the first bytes when they are sent.
    await eventually(() => socket.bytesWritten > beginning.length + 2);
    return state;
  }

  test.concurrent.each(["the node's own socket", "the network"])(
    "from %s does not hold up a stop for more than about 6 s [M-100]",
    async (where) => {
      await using unibus = await startUnibus({ args: ["--bus-auth", "off"] });
      const [natsServer = 0] = childrenOf(unibus.pid);
      const port = Number(new URL(unibus.httpUrl).port);
      const path = join(unibus.dataDir, "unibus.sock");
      const request = await trickle(where === "the network" ? { port } : { path });
      // The control: a whole request is answered meanwhile, so the other one is really under way.
      expect((await unibus.api("GET", "/healthz")).status).toBe(200);
      expect(request).toEqual({ closed: false, received: "" });
      const startedAt = performance.now();
      expect(await unibus.end("SIGTERM")).toBe(EXIT.done);
      const tookMs = performance.now() - startedAt;
      expect(tookMs).toBeGreaterThan(4_000);
      expect(tookMs).toBeLessThan(STOP_MS_MAX);
      expect(unibus.log.at(-1)?.message).toBe("bye");
      await eventually(() => request.closed);
      await expectNothingLeft(unibus, natsServer);
    },
  );
});

describe("clients that keep knocking", () => {
  /** Knocks with unknown keys, again and again, until it is told to stop. */
  function knock(port: number, knockers: number) {
    const state = { going: true, refused: 0 };
    const knocking = Array.from({ length: knockers }, async () => {
      while (state.going) {
        try {
          using client = await openRaw(port);
          client.send(connectLine(testKey(), client.info.nonce ?? ""));
          await client.drain();
          state.refused++;
        } catch {
          // Nobody listens any more.
          await eventually(() => !state.going, { timeoutMs: 20 }).catch(() => undefined);
        }
      }
    });
    return {
      state,
      async stop() {
        state.going = false;
        await Promise.all(knocking);
      },
    };
  }

  test("do not hold up a stop, though nobody answers the last of them [M-100]", async () => {
    for (let round = 0; round < 2; round++) {
      await using unibus = await startUnibus();
      const knockers = knock(unibus.natsPort, 20);
      await eventually(() => knockers.state.refused > 10);
      const startedAt = performance.now();
      expect(await unibus.end()).toBe(EXIT.done);
      // nats-server itself waits up to 5 s for their answers.
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      await knockers.stop();
    }
  });
});

test("the database is whole without its write-ahead log after a stop, start after start [M-101]", async () => {
  using folder = temporaryFolder();
  for (let start = 1; start <= 3; start++) {
    await using unibus = await startUnibus({ dataDir: folder.path });
    for (let at = 0; at < 20; at++) {
      await unibus.ask("POST", "/v1/rooms", { name: `room ${start}.${at}` });
    }
    expect(walBytes(folder.path)).toBeGreaterThan(0);
    expect(await unibus.end()).toBe(EXIT.done);
    expect(walBytes(folder.path)).toBe(0);
  }
  await using unibus = await startUnibus({ dataDir: folder.path });
  const page = await unibus.ask<{ rooms: unknown[] }>("GET", "/v1/rooms?limit=1000");
  expect(page.rooms).toHaveLength(60);
});
