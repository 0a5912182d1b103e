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
  const subject = (event: string): string => `me.${alice.user}.${event}`;
  await scene.setRole(room, alice, "reader");
  await scene.setRole(room, alice, "member");
  await eventually(() => client.messages.length >= 2);
  expect(told(client)).toEqual([
    { subject: subject("room.gained"), event: "room.gained", room: room.id, role: "reader" },
    { subject: subject("room.changed"), event: "room.changed", room: room.id, role: "member" },
  ]);
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
  expect(told(loser)).toEqual([
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
