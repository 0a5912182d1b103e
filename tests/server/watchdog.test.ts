// Tries src/server/service-manager.ts against a stand-in for systemd's socket.
import { afterAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT } from "../../src/core/problems.ts";
import { notifyServiceManager } from "../../src/server/service-manager.ts";
import type { Log } from "../../src/system/log.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { loginRaw, testKey } from "../harness/raw-nats.ts";
import {
  type NotifySocketStandIn,
  openNotifyStandIn,
  stopThreads,
} from "../harness/service-manager.ts";
import { run, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const WATCHDOG_MS = 1_000;
const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

const watched = (socket: string) => ({
  NOTIFY_SOCKET: socket,
  WATCHDOG_USEC: `${WATCHDOG_MS * 1000}`,
});
const PING = "WATCHDOG=1";

test("a node says to its service manager that it is ready, runs and stops, and nothing else", async () => {
  const socket = join(folder.path, "notify");
  using manager = openNotifyStandIn(socket);
  const dataDir = join(folder.path, "node");
  const starting = startUnibus({ dataDir, env: watched(socket) });
  await eventually(() => manager.heard.length > 0, { timeoutMs: 30_000, what: "its first word" });
  const unix = join(dataDir, "unibus.sock");
  expect((await fetch("http://localhost/readyz", { unix })).status).toBe(200);
  await using unibus = await starting;
  await eventually(() => pings(manager) >= 3, { what: "three pings" });
  // nats-server has no word in this.
  const nats = unibus.log.find(({ event }) => event === "nats.ready")?.pid;
  expect(readFileSync(`/proc/${nats}/environ`, "utf8")).toBe("");
  await unibus.end();
  const said = manager.heard.map(({ text }) => text);
  expect([said[0], said.at(-1)]).toEqual(["READY=1", "STOPPING=1"]);
  expect(new Set(said.slice(1, -1))).toEqual(new Set([PING]));
});

describe("what is said to a service manager", () => {
  const answered = async () => undefined;

  test("reaches one whose address is in no folder", async () => {
    const socket = `@unibus-test-${randomUUID()}`;
    using manager = openNotifyStandIn(socket);
    using notices = notifyServiceManager({ socket, watchdogMs: 20 }, { answered, log: silent() });
    notices.started();
    await eventually(() => pings(manager) > 1, { what: "pings" });
    notices.stopping();
    await eventually(() => manager.lastAt("STOPPING=1"), { what: "the end" });
  });

  test("is no ping while the other thread does not answer, and one again when it does", async () => {
    const socket = join(folder.path, "unanswered");
    using manager = openNotifyStandIn(socket);
    const log = silent();
    const answer = Promise.withResolvers<void>();
    using notices = notifyServiceManager(
      { socket, watchdogMs: 20 },
      { answered: () => answer.promise, log },
    );
    notices.started();
    await eventually(() => log.events.length > 0, { what: "the silence to be logged" });
    await eventually(() => manager.heard.length > 0, { what: "its first word" });
    expect(manager.heard.map(({ text }) => text)).toEqual(["READY=1"]);
    answer.resolve();
    await eventually(() => pings(manager) > 1, { what: "pings" });
    expect(log.events).toEqual(["node.hung"]);
  });

  test.each(["/nowhere/notify", "relative", "vsock:2:1", "@", `/${"x".repeat(108)}`])(
    "to %s is lost, which is logged once and changes nothing",
    async (socket) => {
      const log = silent();
      let asked = 0;
      using notices = notifyServiceManager(
        { socket, watchdogMs: 20 },
        {
          async answered() {
            asked++;
          },
          log,
        },
      );
      notices.started();
      await eventually(() => asked > 2, { what: "the other thread to be asked" });
      notices.stopping();
      expect(log.events).toEqual(["service-manager.unreachable"]);
    },
  );

  test("is nothing where there is none", () => {
    const log = silent();
    using notices = notifyServiceManager(null, { answered, log });
    notices.started();
    notices.stopping();
    expect(log.events).toEqual([]);
  });
});

describe("a lone node that hangs", () => {
  const HANGS = ["is stopped", "decides no logins"] as const;

  test("is started anew, whatever hangs in it, and who is revoked is out [M-013]", async () => {
    const rounds = count("hung-lone-nodes");
    const silences: (readonly number[])[] = [];
    for (let round = 0; round < rounds; round++) silences.push(await Promise.all(HANGS.map(hang)));
    for (const [at, how] of HANGS.entries()) {
      const longest = Math.max(...silences.map((silence) => silence[at] ?? 0));
      recordProof(`watchdog: a lone node that ${how}`, {
        rounds,
        ...{ watchdogMs: WATCHDOG_MS, longestMs: Math.round(longest) },
      });
    }
  }, 300_000);

  /** Hangs a node, and does what systemd does. Returns how long it hung, in ms. */
  async function hang(how: (typeof HANGS)[number]): Promise<number> {
    const socket = join(folder.path, randomUUID());
    using manager = openNotifyStandIn(socket);
    const dataDir = join(folder.path, randomUUID());
    const [mallory, bob] = [testKey(), testKey()];
    const unibus = await startUnibus({ dataDir, env: watched(socket) });
    for (const { user } of [mallory, bob]) await unibus.ask("POST", "/v1/users", { user });
    using speaking = await loginRaw(unibus.natsPort, mallory);
    await eventually(() => pings(manager) > 0, { what: "a ping" });
    const hungAt = performance.now();
    const threads = how === "is stopped" ? null : stopThreads(unibus.pid, "Worker");
    if (!threads) process.kill(unibus.pid, "SIGSTOP");
    await eventually(() => performance.now() - manager.lastAt(PING) > WATCHDOG_MS, {
      what: "the node to be silent for longer than it may",
    });
    const silentMs = performance.now() - hungAt;
    // A ping that was under way, and none after it.
    expect(manager.lastAt(PING) - hungAt).toBeLessThan(WATCHDOG_MS / 4);
    // That takes WORKER_SILENCE_MS_MAX.
    if (threads && proving) {
      const alive = () => unibus.cli("health", "--alive");
      await eventually(async () => (await alive()).code === EXIT.failed, { timeoutMs: 20_000 });
    }
    // Nobody else would have ended it.
    expect(await speaking.drain()).toBe(true);
    process.kill(unibus.pid, "SIGKILL");
    await threads?.reap();
    await unibus.end("SIGKILL");
    await eventually(() => speaking.closed, { what: "its clients to be closed" });
    expect((await run(["user", "revoke", mallory.user, "--data-dir", dataDir])).code).toBe(0);
    await using anew = await startUnibus({ dataDir, env: watched(socket) });
    using refused = await loginRaw(anew.natsPort, mallory);
    using admitted = await loginRaw(anew.natsPort, bob);
    expect([refused.closed, admitted.closed]).toEqual([true, false]);
    expect(manager.heard.filter(({ text }) => text === "READY=1")).toHaveLength(2);
    return silentMs;
  }
});

function pings(manager: NotifySocketStandIn): number {
  return manager.heard.filter(({ text }) => text === PING).length;
}

/** A log that keeps the names of its events. */
function silent(): Log & { readonly events: string[] } {
  const events: string[] = [];
  const take = (event: string) => void events.push(event);
  return { events, info: take, warn: take, error: take };
}
