import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { connectLine, openRaw, type RawNats, type TestKey } from "../harness/raw-nats.ts";
import { type Scene, type SceneRoom, settle, startScene } from "../harness/scene.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene[Symbol.asyncDispose]());

async function loginMany(key: TestKey, connections: number): Promise<readonly RawNats[]> {
  return await Promise.all(Array.from({ length: connections }, () => scene.login(key)));
}

/** Says whether a connection hears what is said in a room. */
async function hears(client: RawNats, room: SceneRoom, speaker: RawNats, as: TestKey) {
  const before = client.messages.length;
  client.subscribe(`${room.subject}.>`, "probe");
  await client.drain();
  speaker.publish(room.as(as), "anybody there?");
  await settle(speaker, client);
  return client.messages.length > before;
}

describe("a member who is removed", () => {
  test("loses the room on every device, hears nothing more, and costs nobody else a connection", async () => {
    const [leaver, stayer] = [await scene.addUser(), await scene.addUser()];
    const room = await scene.addRoom([
      [leaver, "member"],
      [stayer, "member"],
    ]);
    const devices = await loginMany(leaver, 5);
    const others = await loginMany(stayer, 5);
    for (const client of [...devices, ...others]) client.subscribe(`${room.subject}.>`, "1");
    await settle(...devices, ...others);
    const [speaker] = others;
    if (!speaker) throw new Error("Somebody has to speak");

    // Somebody speaks all the time: what is on its way at that moment counts as well.
    let said = 0;
    const speaking = setInterval(() => speaker.publish(room.as(stayer), `${++said}`), 1);
    await eventually(() => said > 20);
    await scene.removeMember(room, leaver);
    await eventually(() => devices.every(({ closed }) => closed), { timeoutMs: 2_000 });
    const heard = devices.map(({ messages }) => messages.length);
    const saidThen = said;
    await eventually(() => said > saidThen + 50);
    clearInterval(speaking);
    await settle(...others);

    expect(devices.map(({ messages }) => messages.length)).toEqual(heard);
    expect(Math.min(...heard)).toBeGreaterThan(0);
    expect(others.map(({ closed, messages }) => [closed, messages.length])).toEqual(
      others.map(() => [false, said]),
    );
    using back = await scene.login(leaver);
    expect(await hears(back, room, speaker, stayer)).toBe(false);
    expect(back.errors.join()).toContain("Permissions Violation");
    for (const client of others) client[Symbol.dispose]();
  });

  test("while logging in is not left with the room, whichever comes first", async () => {
    const races = count("racing-revocations");
    const speaker = await scene.addUser();
    const tally = { races, closed: 0, without: 0, left: 0 };
    using speaking = await scene.login(speaker);
    for (let turn = 0; turn < races; turn++) {
      const user = await scene.addUser();
      const room = await scene.addRoom([[user, "member"]]);
      using client = await openRaw(scene.port);
      const removing = turn % 2 === 0 ? scene.removeMember(room, user) : null;
      for (let tick = 0; tick < turn % 20; tick++) await nextTurn();
      client.send(connectLine(user, client.info.nonce ?? ""));
      for (let tick = 0; tick < turn % 7; tick++) await nextTurn();
      await (removing ?? scene.removeMember(room, user));
      // A later change has gone the whole way: whoever was to be closed by the first one is closed.
      await expectKicksDone();
      client.subscribe(`${room.subject}.>`, "1");
      const open = await client.drain();
      const denied = client.errors.some((error) => error.includes("Permissions Violation"));
      if (!open) tally.closed++;
      else if (denied) tally.without++;
      else tally.left++;
    }
    expect(await speaking.drain()).toBe(true);
    expect(tally).toMatchObject({ left: 0 });
    recordProof("removals racing a login", tally);
  }, 120_000);
});

/** Waits until a revocation that was asked for now has closed its connection. */
async function expectKicksDone(): Promise<void> {
  const control = await scene.addUser();
  using client = await scene.login(control);
  await scene.revoke(control);
  await eventually(() => client.closed, { what: "the control to be closed" });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("a room gained", () => {
  test("is there for the next connection, and the open ones stay as they were", async () => {
    const [alice, bob] = [await scene.addUser(), await scene.addUser()];
    using open = await scene.login(alice);
    const room = await scene.addRoom([
      [alice, "member"],
      [bob, "member"],
    ]);
    using speaker = await scene.login(bob);
    expect(await hears(open, room, speaker, bob)).toBe(false);
    expect(open.closed).toBe(false);
    using next = await scene.login(alice);
    expect(await hears(next, room, speaker, bob)).toBe(true);
  });
});

describe("a demotion from member to reader", () => {
  test("closes the connection; the next one listens and does not speak", async () => {
    const [alice, bob] = [await scene.addUser(), await scene.addUser()];
    const room = await scene.addRoom([
      [alice, "member"],
      [bob, "member"],
    ]);
    using before = await scene.login(alice);
    using speaker = await scene.login(bob);
    await scene.setRole(room, alice, "reader");
    await eventually(() => before.closed, { timeoutMs: 2_000 });
    using after = await scene.login(alice);
    expect(await hears(after, room, speaker, bob)).toBe(true);
    after.publish(room.as(alice), "not any more");
    await settle(after);
    expect(after.errors.join()).toContain("Permissions Violation for Publish");
    await scene.setRole(room, alice, "member");
    await expectKicksDone();
    expect(await after.drain()).toBe(true);
  });
});
