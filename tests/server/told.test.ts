import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually } from "../harness/eventually.ts";
import type { RawNats, TestKey } from "../harness/raw-nats.ts";
import { type Scene, startScene } from "../harness/scene.ts";

let scene: Scene;
let alice: TestKey;
let bob: TestKey;

beforeAll(async () => {
  scene = await startScene();
  alice = await scene.addUser();
  bob = await scene.addUser();
});
afterAll(() => scene[Symbol.asyncDispose]());

/** Logs in and listens to what unibus tells this user. */
async function listen(key: TestKey): Promise<RawNats> {
  const client = await scene.login(key);
  client.subscribe(`me.${key.user}.>`, "1");
  await client.drain();
  return client;
}

function told({ messages }: RawNats): readonly object[] {
  return messages.map(({ subject, payload }) => ({ subject, ...JSON.parse(payload) }));
}

test("a user is told of each change of its rooms, and nobody else is", async () => {
  using client = await listen(alice);
  using other = await listen(bob);
  const room = await scene.addRoom();
  const of = (event: string) => ({ subject: `me.${alice.user}.${event}`, event, room: room.id });
  await scene.setRole(room, alice, "reader");
  await scene.setRole(room, alice, "member");
  await eventually(() => client.messages.length >= 2);
  expect(told(client)).toEqual([
    { ...of("room.gained"), role: "reader", entry: expect.any(Number) },
    { ...of("room.changed"), role: "member", entry: expect.any(Number) },
  ]);
  // The number of the entry, by which a client knows what it heard before.
  const [gained = 0, changed = 0] = told(client).map((event) =>
    "entry" in event ? event.entry : 0,
  );
  expect(changed).toBeGreaterThan(Number(gained));
  // More rights disturb nobody.
  expect(await client.drain()).toBe(true);
  expect(other.messages).toEqual([]);
});

test("of a room that is lost a user hears before its connection is closed; others keep theirs", async () => {
  const room = await scene.addRoom([
    [alice, "member"],
    [bob, "member"],
  ]);
  using loser = await listen(alice);
  using other = await listen(bob);
  await scene.removeMember(room, alice);
  await eventually(() => loser.closed, { what: "the connection to be closed" });
  expect(told(loser)).toMatchObject([
    { subject: `me.${alice.user}.room.lost`, event: "room.lost", room: room.id, role: null },
  ]);
  expect(await other.drain()).toBe(true);
  expect(other.messages).toEqual([]);
});

test("of a smaller role a user hears before its connection is closed", async () => {
  const room = await scene.addRoom([[alice, "member"]]);
  using client = await listen(alice);
  await scene.setRole(room, alice, "reader");
  await eventually(() => client.closed, { what: "the connection to be closed" });
  expect(told(client)).toMatchObject([{ event: "room.changed", room: room.id, role: "reader" }]);
});

test("of a deleted room all its members hear", async () => {
  const room = await scene.addRoom([
    [alice, "member"],
    [bob, "writer"],
  ]);
  using first = await listen(alice);
  using second = await listen(bob);
  await scene.unibus.ask("DELETE", `/v1/rooms/${room.id}`);
  await eventually(() => first.closed && second.closed, { what: "both to be closed" });
  for (const client of [first, second]) {
    expect(told(client)).toMatchObject([{ event: "room.lost", room: room.id, role: null }]);
  }
});
