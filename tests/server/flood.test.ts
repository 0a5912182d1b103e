import { expect, test } from "bun:test";
import { count, proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import {
  cutAtRandom,
  followSenders,
  makeRooms,
  memoryGivenBack,
  memoryOf,
  onCore,
  spread,
  startFlood,
  tryLogins,
} from "../harness/flood.ts";
import type { RawNats, TestKey } from "../harness/raw-nats.ts";
import { repeat, type Scene, type SceneRoom, settle, startScene } from "../harness/scene.ts";

/** How long after the acknowledgement of a revocation the user may still be heard. */
const OUT_MS = 1_000;
/** MiB by which each process may have grown when the flood is over, and how long that may take. */
const GROWN_MIB_MAX = 50;
const SHRINK_MS = proving ? 300_000 : 2_000;
const BYSTANDERS = 20;
/** From one revocation to the next, so that the flood goes on for a while. */
const REVOKED_EVERY_MS = proving ? 500 : 100;

test("a flood of strangers keeps no revoked user in and throws nobody else out [M-013, M-067]", async () => {
  await using scene = await startScene({ prefix: proving ? onCore(0) : [] });
  await using people = await gather(scene, count("flood-revocations"));
  const { speakers, bystander } = people;
  const before = memoryOf(scene);
  const rate = count("flood-connects-per-second");
  const flood = await startFlood({
    port: scene.port,
    perSecond: rate,
    processes: 1,
    prefix: proving ? onCore(1) : [],
  });
  const [cutting, changing] = [cutAtRandom(scene, proving ? 1_000 : 200), await makeRooms(scene)];
  const logins = tryLogins(scene, bystander);
  const half = Math.ceil(speakers.length / 2);
  const during = await revokeAll(scene, people, speakers.slice(0, half));
  const peak = memoryOf(scene);
  const cuts = await cutting.stop();
  const changes = await changing.stop();
  const loginsMeanwhile = await logins.stop();
  const sent = await flood.end();
  const afterwards = await revokeAll(scene, people, speakers.slice(half));

  const heardMs = heardAfter(people, [...during, ...afterwards]);
  const othersDropped = await people.dropped();
  const memory = await memoryGivenBack(scene, {
    ...{ before, grownMibMax: GROWN_MIB_MAX, timeoutMs: SHRINK_MS },
  });
  const { after } = memory;
  recordProof("flood without keys: revocations", {
    ...{ connects: sent.connects, perSecond: sent.perSecond, cuts, roomsMade: changes },
    ...{ revokedDuring: during.length, revokedAfter: afterwards.length },
    ...namedSpread("heardAfterAck", heardMs),
    ...namedSpread("closedDuring", during.map(closedMs)),
    ...namedSpread("closedAfter", afterwards.map(closedMs)),
    ...{ othersOpen: BYSTANDERS, othersDropped, ...loginsMeanwhile },
    nodeMib: `${before.node}, ${peak.node} during, ${after.node} after`,
    natsMib: `${before.nats}, ${peak.nats} during, ${after.nats} after`,
    memoryBackAfterSeconds: memory.afterSeconds,
  });
  expect(heardMs.filter((ms) => ms > OUT_MS)).toEqual([]);
  expect(othersDropped).toBe(0);
  expect(memory.grownMib).toBeLessThanOrEqual(GROWN_MIB_MAX);
  expect([cuts > 0, changes > 0]).toEqual([true, true]);
  // Less than that would be no flood: nats-server takes connections only so fast.
  expect(sent.perSecond).toBeGreaterThan(rate / 2);
}, 1_800_000);

test.skipIf(!proving)(
  `a flood as fast as the machine can make it keeps no revoked user in${proving ? "" : " (prove: it takes all that the machine has)"} [M-013, M-067]`,
  async () => {
    await using scene = await startScene();
    await using people = await gather(scene, count("flood-revocations-at-most"));
    const flood = await startFlood({
      port: scene.port,
      perSecond: 0,
      processes: proving ? 2 * navigator.hardwareConcurrency : 1,
      prefix: [],
    });
    const logins = tryLogins(scene, people.bystander);
    const revoked = await revokeAll(scene, people, people.speakers);
    const loginsMeanwhile = await logins.stop();
    const sent = await flood.end();
    expect(revoked.every(({ speaker }) => speaker.client.closed)).toBe(true);
    expect(sent.connects).toBeGreaterThan(0);
    recordProof("flood without keys as fast as can be: revocations", {
      ...{ connects: sent.connects, perSecond: sent.perSecond, revoked: revoked.length },
      ...namedSpread("heardAfterAck", heardAfter(people, revoked)),
      ...namedSpread("closed", revoked.map(closedMs)),
      ...{ othersDropped: await people.dropped(), ...loginsMeanwhile },
    });
  },
  900_000,
);

interface Speaker {
  readonly key: TestKey;
  readonly client: RawNats;
}

interface Revoked {
  readonly speaker: Speaker;
  /** By performance.now(). */
  readonly acknowledgedAt: number;
}

interface People extends AsyncDisposable {
  readonly room: SceneRoom;
  readonly speakers: readonly Speaker[];
  /** A user with connections that nothing may happen to. */
  readonly bystander: TestKey;
  readonly heard: ReturnType<typeof followSenders>;
  /** How many of those connections are gone. */
  dropped(): Promise<number>;
}

/** Connects people of one room: those to be revoked, one who listens, and those who look on. */
async function gather(scene: Scene, count: number): Promise<People> {
  const bystander = await scene.addUser();
  const listening = await scene.addUser();
  const keys = await repeat(count, () => scene.addUser());
  const room = await scene.addRoom([
    [listening, "owner"],
    ...keys.map((key) => [key, "member"] as const),
  ]);
  const speakers: Speaker[] = [];
  for (const key of keys) speakers.push({ key, client: await scene.login(key) });
  // One is left for the logins that are tried meanwhile.
  const others = await repeat(BYSTANDERS - 1, () => scene.login(bystander));
  const listener = await scene.login(listening);
  listener.subscribe(`${room.subject}.>`, "1");
  await settle(listener);
  const heard = followSenders(listener);
  const stay = [listener, ...others];
  return {
    ...{ room, speakers, bystander, heard },
    async dropped() {
      const open = await Promise.all(stay.map((client) => client.drain(60_000)));
      return open.filter((one) => !one).length;
    },
    async [Symbol.asyncDispose]() {
      heard[Symbol.dispose]();
      for (const client of stay) client[Symbol.dispose]();
    },
  };
}

/** Revokes speakers one after the other, each while it speaks, until each is closed. */
async function revokeAll(
  scene: Scene,
  people: People,
  speakers: readonly Speaker[],
): Promise<readonly Revoked[]> {
  const revoked: Revoked[] = [];
  const startedAt = performance.now();
  for (const [at, speaker] of speakers.entries()) {
    await eventually(() => performance.now() > startedAt + at * REVOKED_EVERY_MS, {
      timeoutMs: 60_000,
    });
    const { key, client } = speaker;
    const subject = people.room.as(key);
    const speaking = setInterval(() => client.publish(subject, "x"), 5);
    try {
      await eventually(() => people.heard.lastHeardAt(key), {
        ...{ timeoutMs: 60_000, what: "the speaker to be heard" },
      });
      await scene.revoke(key);
      revoked.push({ speaker, acknowledgedAt: performance.now() });
      await eventually(() => client.closed, { timeoutMs: 120_000, what: "the speaker's end" });
    } finally {
      clearInterval(speaking);
    }
  }
  return revoked;
}

/** For how long after the acknowledgement each was heard, in ms. */
function heardAfter({ heard }: People, revoked: readonly Revoked[]): readonly number[] {
  return revoked.map(({ speaker, acknowledgedAt }) =>
    Math.max(0, heard.lastHeardAt(speaker.key) - acknowledgedAt),
  );
}

function closedMs({ speaker, acknowledgedAt }: Revoked): number {
  return Math.max(0, speaker.client.closedAt - acknowledgedAt);
}

function namedSpread(name: string, timesMs: readonly number[]) {
  const { p50Ms, maxMs } = spread(timesMs);
  return { [`${name}P50Ms`]: p50Ms, [`${name}MaxMs`]: maxMs };
}
