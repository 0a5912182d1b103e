import { afterAll, beforeAll, expect, test } from "bun:test";
import { openCallers } from "../harness/callers.ts";
import { recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { watchHealth } from "../harness/health-watch.ts";
import {
  type Attacked,
  type HttpAttack,
  QUICK_ATTACKS,
  SLOW_ATTACKS,
  type Target,
} from "../harness/http-attacks.ts";
import { residentBytes } from "../harness/machine.ts";
import { openHttp } from "../harness/raw-http.ts";
import { createSigner } from "../harness/signer.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

const IDLE = 500;
/** Attacks of one kind at once. */
const CROWD = 50;
const ROUNDS = 15;
const MIB = 1024 * 1024;
const LIFE_MS_MAX = 15_000;

let unibus: RunningUnibus;
let target: Target;
beforeAll(async () => {
  unibus = await startUnibus();
  const { busId } = await openCallers(unibus);
  const signer = createSigner(busId);
  await unibus.ask("POST", "/v1/users", { user: signer.key.user });
  const { host, port } = new URL(unibus.httpUrl);
  let addresses = 0;
  // Each attack has an address of its own, so that no limit of requests helps against it.
  const newAddress = () => `127.0.${5 + (addresses >> 7)}.${1 + (addresses++ & 127)}`;
  target = { url: unibus.httpUrl, port: Number(port), host, signer, newAddress };
});
afterAll(() => unibus[Symbol.asyncDispose]());

/** Runs an attack and demands that it was refused as it should be, soon. */
async function withstand({ what, expected, run }: HttpAttack): Promise<Attacked> {
  const attacked = await run(target);
  const { statuses, ms } = attacked;
  const errors = unibus.log.filter(({ level }) => level === "error");
  expect({ what, statuses, errors }).toEqual({
    what,
    // One answer at most, and none where the connection was closed before it could arrive.
    statuses: expected.filter((status) => status === statuses[0]),
    errors: [],
  });
  expect(statuses.length === 1 || expected.includes(0)).toBe(true);
  expect([what, ms < LIFE_MS_MAX]).toEqual([what, true]);
  return attacked;
}

/** Holds connections that say nothing until the node has closed them all. Returns how long it took. */
async function holdIdle(): Promise<number> {
  const open = await Promise.all(
    Array.from({ length: IDLE }, () => openHttp(target.port, "", target.newAddress())),
  );
  const startedAt = performance.now();
  expect(open.filter(({ closed }) => closed)).toEqual([]);
  await eventually(() => open.every(({ closed }) => closed), { timeoutMs: 20_000, everyMs: 50 });
  return performance.now() - startedAt;
}

test("the whole list of attacks by HTTP is withstood, memory is flat, and health answers all the while (H1) [M-081, M-082, M-084]", async () => {
  // The first of each warm up what a node keeps anyway.
  for (const attack of QUICK_ATTACKS) await withstand(attack);
  const before = residentBytes(unibus.pid);
  const health = watchHealth(unibus.httpUrl);
  const slow = Promise.all([holdIdle(), ...SLOW_ATTACKS.map(withstand)]);
  const largest = { bytes: before, sentBytes: 0 };
  let quick = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const attack of QUICK_ATTACKS) {
      // Once all at the same time, otherwise in turn: fewer in all than one user may ask for at once.
      const times = round === 0 ? CROWD : 1;
      const crowd = await Promise.all(Array.from({ length: times }, () => withstand(attack)));
      largest.sentBytes = Math.max(largest.sentBytes, ...crowd.map(({ sentBytes }) => sentBytes));
      largest.bytes = Math.max(largest.bytes, residentBytes(unibus.pid));
      quick += times;
    }
  }
  const [idleMs] = await slow;
  const times = await health.stop();
  const after = residentBytes(unibus.pid);
  const mib = (bytes: number): number => Math.round(bytes / MIB);
  const numbers = {
    ...{ quick, slow: SLOW_ATTACKS.length, idle: IDLE, idleClosedAfterMs: Math.round(idleMs) },
    ...{ healthAsked: times.asked, healthFailed: times.failed },
    ...{ healthP50Ms: times.p50Ms, healthP99Ms: times.p99Ms, healthMaxMs: times.maxMs },
    ...{ residentMiBBefore: mib(before), residentMiBMost: mib(largest.bytes) },
    ...{ residentMiBAfter: mib(after), bodyMiBTakenAtMost: mib(largest.sentBytes) },
  };
  process.stderr.write(`attacks by HTTP: ${JSON.stringify(numbers)}\n`);
  recordProof("attacks by HTTP under enforce", numbers);
  expect(times.failed).toBe(0);
  expect(times.p99Ms).toBeLessThan(500);
  expect(idleMs).toBeLessThan(LIFE_MS_MAX);
  expect(largest.bytes - before).toBeLessThan(128 * MIB);
  expect(unibus.log.filter(({ level }) => level === "error")).toEqual([]);
  expect(await unibus.ask<unknown>("GET", "/v1/rooms")).toMatchObject({ rooms: [] });
}, 60_000);
