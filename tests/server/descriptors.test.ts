import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { childrenOf } from "../harness/machine.ts";
import { openHttp } from "../harness/raw-http.ts";
import { startScene } from "../harness/scene.ts";
import { startUnibus } from "../harness/unibus.ts";

const LIMIT = 256;

/** What starts a command with a table of so many descriptors. */
const withLimit = (options: string): readonly string[] => [
  "sh",
  "-c",
  `ulimit ${options} ${LIMIT} && exec "$@"`,
  "sh",
];

/** The two limits of descriptors of a process: the one in force, and the one it may have. */
function limitsOf(pid: number): readonly (string | undefined)[] {
  const limits = readFileSync(`/proc/${pid}/limits`, "utf8");
  return /^Max open files +(\d+) +(\d+)/m.exec(limits)?.slice(1) ?? [];
}

const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

test("a node raises its limit of descriptors, and that of its nats-server, to what it may have", async () => {
  await using unibus = await startUnibus({ prefix: withLimit("-S -n") });
  for (const pid of [unibus.pid, ...childrenOf(unibus.pid)]) {
    const [inForce, most] = limitsOf(pid);
    expect(inForce).toBe(most);
    expect(Number(inForce)).toBeGreaterThan(LIMIT);
  }
});

describe("a node whose table of descriptors is full of silent connections", () => {
  test("goes on with those who are connected, lets users log in, and recovers by itself", async () => {
    await using scene = await startScene({ prefix: withLimit("-n") });
    const { unibus } = scene;
    const alice = await scene.addUser();
    const port = Number(new URL(unibus.httpUrl).port);
    const kept = openKept(unibus.httpUrl);
    expect(await kept.status("/readyz")).toBe(200);
    const silent = await Promise.all(Array.from({ length: LIMIT * 2 }, () => openHttp(port)));
    const filledAt = performance.now();
    await eventually(() => descriptorsOf(unibus.pid) >= LIMIT);
    // Nobody else is let in; what is there goes on, and so does the data plane.
    using waiting = await openHttp(port, `GET /readyz HTTP/1.1\r\nHost: ${kept.host}\r\n\r\n`);
    expect(await kept.status("/readyz")).toBe(200);
    using client = await scene.login(alice);
    expect(client.closed).toBe(false);
    expect(descriptorsOf(unibus.pid)).toBeGreaterThanOrEqual(LIMIT);
    expect(waiting.statuses()).toEqual([]);
    // The silent ones are closed in turn, without anybody's doing.
    const keepAlive = setInterval(() => void kept.status("/readyz"), 1_000);
    await eventually(() => waiting.statuses()[0] === 200, { timeoutMs: 40_000, everyMs: 50 });
    clearInterval(keepAlive);
    const recoveredMs = performance.now() - filledAt;
    for (const connection of silent) connection[Symbol.dispose]();
    await eventually(() => descriptorsOf(unibus.pid) < LIMIT / 2);
    expect((await fetch(`${unibus.httpUrl}/healthz`)).status).toBe(200);
    expect(await unibus.ask<unknown>("GET", "/v1/rooms")).toMatchObject({ rooms: [] });
    recordProof("a full table of descriptors", {
      descriptors: LIMIT,
      silentConnections: silent.length,
      newOnesWaitedMs: Math.round(recoveredMs),
    });
  }, 60_000);
});

/** One connection that is used over and over, as that of a client that was there before. */
function openKept(url: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    host: new URL(url).host,
    async status(path: string): Promise<number> {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const asked = request(`${url}${path}`, { agent }, (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode ?? 0));
      });
      asked.on("error", reject);
      asked.end();
      return await promise;
    },
  };
}
