// Tries src/server/disk.ts, src/server/disk-room.ts, src/server/ballast.ts and src/store/log-room.ts.
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Health } from "../../src/contract/health.ts";
import { openCallers } from "../harness/callers.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { type OwnDisk, openOwnDisk } from "../harness/own-disk.ts";
import { loginRaw, testKey } from "../harness/raw-nats.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

const disk = await openOwnDisk(96 * 1024 * 1024);
const missing = disk ? "" : " (skipped: this machine permits no disk of our own)";
/** Too small for anything to be kept of it. */
const small = await openOwnDisk(16 * 1024 * 1024);
afterEach(() => disk?.free());
afterAll(async () => {
  await disk?.[Symbol.asyncDispose]();
  await small?.[Symbol.asyncDispose]();
});

/** The disk; the tests below are skipped without one. */
function place(): OwnDisk {
  if (!disk) throw new Error("There is no disk of our own here");
  return disk;
}

function start(name: string, on = place()): Promise<RunningUnibus> {
  const { path, prefix, reach } = on;
  return startUnibus({ dataDir: reach(name), ownDataDir: join(path, name), prefix });
}

/** Waits until the node has all the room that it keeps. */
async function keepsRoom(unibus: RunningUnibus): Promise<void> {
  await eventually(
    async () => !(await unibus.ask<Health>("GET", "/healthz")).warnings.join().includes("kept"),
    { timeoutMs: 10_000, everyMs: 50, what: "the node to have the room that it keeps" },
  );
}

async function makeUsers(unibus: RunningUnibus, users: number): Promise<readonly string[]> {
  const keys = Array.from({ length: users }, () => testKey().user);
  for (const user of keys) await unibus.ask("POST", "/v1/users", { user });
  return keys;
}

async function revokeAll(unibus: RunningUnibus, users: readonly string[]): Promise<void> {
  for (const user of users) {
    place().fill();
    expect((await unibus.api("POST", `/v1/users/${user}/revoke`)).status).toBe(200);
  }
}

async function expectRevoked(unibus: RunningUnibus, users: readonly string[]): Promise<void> {
  for (const user of users) {
    const { state } = await unibus.ask<{ state: string }>("GET", `/v1/users/${user}`);
    expect([user, state]).toEqual([user, "revoked"]);
  }
}

describe.skipIf(disk === null)(`a disk that another process fills${missing}`, () => {
  test("takes revocations, online and offline, of a node that is killed, stopped and started on it, and nothing else", async () => {
    const rounds = count("full-disks");
    const each = count("full-disk-revocations");
    let [ms, recorded] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const name = `node${round}`;
      const first = await start(name);
      await using stack = new AsyncDisposableStack();
      stack.defer(async () => void (await first.end()));
      await keepsRoom(first);
      const users = await makeUsers(first, each);
      const part = Math.ceil(each / 6);
      const admin = (await openCallers(first)).signing();
      await first.ask("POST", "/v1/users", { user: admin.user, role: "admin" });
      const from = performance.now();
      place().fill();
      expect((await first.api("POST", "/v1/rooms", { name: "no room" })).status).toBe(503);
      const [byAdmin = "", ...online] = users.slice(0, part * 3);
      expect((await admin.ask("POST", `/v1/users/${byAdmin}/revoke`)).told).toBe("200");
      await revokeAll(first, online);
      await first.end("SIGKILL");
      place().fill();
      const second = await start(name);
      stack.defer(async () => void (await second.end()));
      await expectRevoked(second, users.slice(0, part * 3));
      await revokeAll(second, users.slice(part * 3, part * 5));
      expect((await second.api("POST", "/v1/rooms", { name: "no room" })).status).toBe(503);
      await second.end();
      for (const user of users.slice(part * 5)) {
        place().fill();
        const ran = await place().run(
          "user",
          "revoke",
          user,
          "--data-dir",
          join(place().path, name),
        );
        expect([ran.code, ran.stderr]).toEqual([0, expect.any(String)]);
      }
      place().fill();
      const third = await start(name);
      stack.defer(async () => void (await third.end()));
      await expectRevoked(third, users);
      ms += performance.now() - from;
      recorded += users.length;
      place().free();
      expect((await third.api("POST", "/v1/rooms", { name: "room again" })).status).toBe(201);
      await keepsRoom(third);
      await third.end();
      rmSync(place().reach(name), { recursive: true });
    }
    recordProof("revocations on a full disk", {
      rounds,
      recorded,
      lost: 0,
      msEach: Math.round(ms / rounds),
    });
  }, 600_000);
});

describe.skipIf(small === null)(`a disk on which nothing can be written${missing}`, () => {
  test("leaves a revoked user closed and refused by the running node, which says that it is not recorded", async () => {
    if (!small) throw new Error("There is no disk of our own here");
    const unibus = await start("node", small);
    await using stack = new AsyncDisposableStack();
    stack.defer(async () => void (await unibus.end()));
    const callers = await openCallers(unibus);
    const [admin, revoked, other] = [callers.signing(), callers.signing(), callers.signing()];
    await unibus.ask("POST", "/v1/users", { user: admin.user, role: "admin" });
    for (const { user } of [revoked, other]) await unibus.ask("POST", "/v1/users", { user });
    using connection = await loginRaw(unibus.natsPort, revoked.signer.key);
    using bystander = await loginRaw(unibus.natsPort, other.signer.key);
    small.fill();
    expect((await other.ask("POST", `/v1/users/${revoked.user}/revoke`)).status).toBe(403);
    expect((await revoked.ask("GET", "/v1/me")).told).toBe("200");
    const from = performance.now();
    const answer = await admin.ask("POST", `/v1/users/${revoked.user}/revoke`);
    expect([answer.status, answer.code]).toEqual([503, "not-recorded"]);
    expect(answer.text).toContain("make room and repeat it");
    await eventually(() => connection.closed, {
      timeoutMs: 1_000,
      what: "the connection to close",
    });
    const closedMs = Math.round(performance.now() - from);
    expect((await revoked.ask("GET", "/v1/me")).told).toBe("401 identity-revoked");
    using again = await loginRaw(unibus.natsPort, revoked.signer.key);
    expect(again.closed).toBe(true);
    expect(bystander.closed).toBe(false);
    expect((await other.ask("GET", "/v1/me")).told).toBe("200");
    const told = await small.run(
      ...["user", "revoke", revoked.user, "--data-dir", join(small.path, "node")],
    );
    expect([told.code, told.stderr]).toEqual([
      1,
      expect.stringContaining("closed and refused here"),
    ]);
    small.free();
    expect((await admin.ask("POST", `/v1/users/${revoked.user}/revoke`)).told).toBe("200");
    await unibus.end("SIGKILL");
    const second = await start("node", small);
    stack.defer(async () => void (await second.end()));
    await expectRevoked(second, [revoked.user]);
    recordProof("a revocation that cannot be recorded", { closedMs });
  });
});
