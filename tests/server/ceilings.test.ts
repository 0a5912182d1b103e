import { afterAll, beforeAll, expect, test } from "bun:test";
import { recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import {
  CONNECTIONS_PER_USER_MAX,
  PAYLOAD_BYTES_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
} from "../harness/promises.ts";
import { loginRaw } from "../harness/raw-nats.ts";
import { type Scene, settle, startScene } from "../harness/scene.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene[Symbol.asyncDispose]());

test("a user has so many connections and no more, however many come at once; others have theirs", async () => {
  const alice = await scene.addUser();
  const bob = await scene.addUser();
  const surplus = 30;
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS_PER_USER_MAX + surplus }, () => loginRaw(scene.port, alice)),
  );
  const open = clients.filter(({ closed }) => !closed);
  expect(open).toHaveLength(CONNECTIONS_PER_USER_MAX);
  expect(await scene.refused("login.connections-full")).toBe(surplus);
  using _other = await scene.login(bob);
  // One that goes makes room for one.
  open[0]?.[Symbol.dispose]();
  const late = await eventually(async () => {
    const client = await loginRaw(scene.port, alice);
    return client.closed ? null : client;
  });
  expect((await loginRaw(scene.port, alice)).closed).toBe(true);
  for (const client of [...open, late]) client[Symbol.dispose]();
  recordProof("connections of one user", { tried: clients.length, open: open.length });
});

test("a connection has so many subscriptions; one too many is refused, and the others go on", async () => {
  const alice = await scene.addUser();
  const room = await scene.addRoom([[alice, "owner"]]);
  using client = await scene.login(alice);
  for (let at = 0; at < SUBSCRIPTIONS_PER_CONNECTION_MAX; at++) {
    client.subscribe(room.as(alice, `t${at}`), `${at}`);
  }
  await client.drain();
  expect(client.errors).toEqual([]);
  client.subscribe(room.as(alice, "more"), "more");
  client.publish(room.as(alice, "more"), "");
  client.publish(room.as(alice, "t0"), "");
  await settle(client);
  expect(client.errors).toEqual(["'maximum subscriptions exceeded'"]);
  expect(client.messages.map(({ sid }) => sid)).toEqual(["0"]);
});

test("a message is so large and no larger: one byte more ends the connection, and arrives nowhere", async () => {
  const alice = await scene.addUser();
  const room = await scene.addRoom([[alice, "owner"]]);
  using listener = await scene.login(alice);
  using sender = await scene.login(alice);
  listener.subscribe(`${room.subject}.>`, "1");
  await listener.drain();
  sender.publish(room.as(alice), "x".repeat(PAYLOAD_BYTES_MAX));
  await settle(sender, listener);
  sender.publish(room.as(alice), "x".repeat(PAYLOAD_BYTES_MAX + 1));
  await eventually(() => sender.closed, { what: "the connection to be closed" });
  await listener.drain();
  expect(sender.errors).toEqual(["'Maximum Payload Violation'"]);
  expect(listener.messages.map(({ payload }) => payload.length)).toEqual([PAYLOAD_BYTES_MAX]);
});
