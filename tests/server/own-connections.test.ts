import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ROOMS_PER_USER_MAX } from "../../src/core/limits.ts";
import { count, recordProof } from "../harness/counts.ts";
import { cutConnections, soon } from "../harness/cut-connections.ts";
import { eventually } from "../harness/eventually.ts";
import { loginRaw, type RawNats, type TestKey } from "../harness/raw-nats.ts";
import { type Scene, type SceneRoom, settle, startScene } from "../harness/scene.ts";

/** How long after the acknowledgement of a revocation the user may still be heard. */
const OUT_MS = 1_000;
const CEILING = 3;

let scene: Scene;

beforeAll(async () => {
  scene = await startScene({ args: ["--connections-per-user", String(CEILING)] });
});

afterAll(() => scene[Symbol.asyncDispose]());

describe("a node whose own connections to nats-server are cut", () => {
  test("once, while rights change, knows its clients as before: who is revoked is out [M-013]", async () => {
    const [victim, full, other] = [
      await scene.addUser(),
      await scene.addUser(),
      await scene.addUser(),
    ];
    const clients = [await scene.login(victim), await scene.login(other)];
    for (let number = 0; number < CEILING; number++) clients.push(await scene.login(full));
    const [out, ...stay] = clients;
    if (!out) throw new Error("Nobody is connected");
    expect(await scene.connections()).toBe(clients.length);

    const changing = changeRights(scene, other);
    await eventually(() => changing.changes() > 5);
    expect(await cutOwn(scene)).toBe(3);
    const before = changing.changes();
    await eventually(() => changing.changes() > before + 5);
    await changing.stop();

    expect(await scene.connections()).toBe(clients.length);
    expect((await loginRaw(scene.port, full)).closed).toBe(true);
    expect(await timeToClose(out, scene.revoke(victim))).toBeLessThan(OUT_MS);
    for (const client of stay) expect(await client.drain()).toBe(true);
    expect(await scene.connections()).toBe(stay.length);
    for (const client of stay) client[Symbol.dispose]();
    await eventually(async () => (await scene.connections()) === 0);
  }, 60_000);

  test("at random moments, many times, lets no revoked user be heard and loses no other client [M-013]", async () => {
    const cuts = count("own-connection-cuts");
    const [witness, other] = [await scene.addUser(), await scene.addUser()];
    const bystanders: RawNats[] = [];
    for (let number = 0; number < 10; number++) {
      bystanders.push(await scene.login(await scene.addUser()));
    }
    const room = await scene.addRoom([[witness, "reader"]]);
    const listener = await scene.login(witness);
    listener.subscribe(`${room.subject}.>`, "1");
    await settle(listener);
    const changing = changeRights(scene, other);
    const times: number[] = [];
    for (let round = 0; round < cuts; round++) {
      times.push(await revokeWhileCut(scene, { room, listener }));
    }
    await changing.stop();
    const others = [listener, ...bystanders];
    const alive = await Promise.all(others.map((client) => client.drain()));
    expect(alive.filter((open) => !open)).toEqual([]);
    await eventually(async () => (await scene.connections()) === others.length);
    expect(times.filter((ms) => ms > OUT_MS)).toEqual([]);
    const sorted = times.toSorted((one, next) => one - next);
    recordProof("revoke: own connections cut at random moments", {
      revocations: cuts,
      p50Ms: Math.round(sorted[Math.floor(cuts / 2)] ?? 0),
      maxMs: Math.round(sorted.at(-1) ?? 0),
      changesMeanwhile: changing.changes(),
      othersOpen: alive.length,
    });
    for (const client of others) client[Symbol.dispose]();
  }, 300_000);
});

/**
 * Revokes a speaker while the node's own connections are cut, before or after by the turn of a die.
 * Answers for how long after the acknowledgement it was heard or connected, in ms.
 */
async function revokeWhileCut(
  scene: Scene,
  parts: { readonly room: SceneRoom; readonly listener: RawNats },
): Promise<number> {
  const { room, listener } = parts;
  const user = await scene.addUser();
  await scene.setRole(room, user, "member");
  using speaker = await eventually(() => loginOrNull(scene, user), { timeoutMs: 15_000 });
  const heard = (): number => listener.messages.length;
  const before = heard();
  const speaking = setInterval(() => speaker.publish(room.as(user), "x"), 2);
  try {
    await eventually(() => heard() > before, { everyMs: 1 });
    const [tookMs] = await Promise.all([
      soon(() => timeToClose(speaker, scene.revoke(user))),
      soon(() => cutOwn(scene)),
    ]);
    // nats-server may still be at what it had read of the speaker when it was closed.
    await eventually(() => isQuiet(listener), { timeoutMs: OUT_MS, everyMs: 20 });
    expect(await isQuiet(listener)).toBe(true);
    return tookMs;
  } finally {
    clearInterval(speaking);
  }
}

/** Null where the login went to nobody, because the one who answers was away just then. */
async function loginOrNull(scene: Scene, user: TestKey): Promise<RawNats | null> {
  const client = await loginRaw(scene.port, user, { lang: "raw" });
  return client.closed ? null : client;
}

async function timeToClose(client: RawNats, revoking: Promise<void>): Promise<number> {
  await revoking;
  const acknowledgedAt = performance.now();
  await eventually(() => client.closed, { timeoutMs: 70_000, everyMs: 1 });
  return Math.max(0, client.closedAt - acknowledgedAt);
}

/** Cuts all that the node has open to its nats-server, once there is something to cut. */
async function cutOwn({ unibus, port }: Scene): Promise<number> {
  return await eventually(() => cutConnections(unibus.pid, port) || null, { everyMs: 1 });
}

/** Gives rights again and again, first to this user; no connection of it need be closed for that. */
function changeRights(scene: Scene, first: TestKey) {
  let changes = 0;
  let stopping = false;
  async function run(): Promise<void> {
    for (let user = first; !stopping; user = await scene.addUser()) {
      for (let room = 0; room < ROOMS_PER_USER_MAX / 4 && !stopping; room++) {
        await scene.addRoom([[user, "member"]]);
        changes++;
      }
    }
  }
  const running = Promise.all([run(), run(), run()]);
  return {
    changes: () => changes,
    async stop(): Promise<void> {
      stopping = true;
      await running;
    },
  };
}

/** Whether a listener hears nothing while nats-server answers it. */
async function isQuiet(listener: RawNats): Promise<boolean> {
  const before = listener.messages.length;
  await settle(listener);
  return listener.messages.length === before;
}
