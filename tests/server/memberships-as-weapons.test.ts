import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Callers, openCallers, type SigningCaller } from "../harness/callers.ts";
import { count, recordProof } from "../harness/counts.ts";
import { type RawNats, type TestKey, testKey } from "../harness/raw-nats.ts";
import { type Scene, startScene } from "../harness/scene.ts";

const PENDING_MAX = 50;
const ROOMS_MAX = 500;

let scene: Scene;
let callers: Callers;

beforeAll(async () => {
  scene = await startScene({
    args: [
      "--bus-auth",
      "enforce",
      "--requests-per-user",
      "10000",
      "--requests-per-address",
      "10000",
    ],
  });
  callers = await openCallers(scene.unibus);
});
afterAll(() => scene[Symbol.asyncDispose]());

async function anOwner(): Promise<SigningCaller> {
  const owner = callers.signing();
  await callers.operator.get("POST", "/v1/users", { user: owner.user });
  return owner;
}

/** A room of an owner, as the path of a user's membership in it. */
async function aRoomWith(owner: SigningCaller, victim: TestKey, name = "trap"): Promise<string> {
  const { room } = await owner.get<{ room: string }>("POST", "/v1/rooms", { name });
  return `/v1/rooms/${room}/members/${victim.user}`;
}

async function aVictim(): Promise<{ readonly key: TestKey; readonly client: RawNats }> {
  const key = testKey();
  await callers.operator.get("POST", "/v1/users", { user: key.user });
  return { key, client: await scene.login(key) };
}

describe("an owner", () => {
  test("who adds and removes a user again and again never drops its connection", async () => {
    const { key, client } = await aVictim();
    using _ = client;
    const owner = await anOwner();
    const membership = await aRoomWith(owner, key);
    const rounds = count("adds-and-removes");
    for (let at = 0; at < rounds; at++) {
      const role = ["member", "reader", "owner", "writer"][at % 4];
      expect((await owner.ask("PUT", membership, { body: { role } })).status).toBe(201);
      expect((await owner.ask("DELETE", membership)).status).toBe(204);
    }
    expect(await client.drain()).toBe(true);
    recordProof("an owner adds and removes one user", { rounds, connectionsDropped: 0 });
  });

  test("fills the places of a user that waits up to their number, and the user still connects", async () => {
    const { key, client } = await aVictim();
    using _ = client;
    const owner = await anOwner();
    for (let at = 0; at < PENDING_MAX; at++) {
      const membership = await aRoomWith(owner, key, `trap ${at}`);
      expect((await owner.ask("PUT", membership, { body: {} })).status).toBe(201);
    }
    const refused = await owner.ask("PUT", await aRoomWith(owner, key), { body: {} });
    expect(refused.told).toBe("409 pending-full");
    expect(await client.drain()).toBe(true);
    using again = await scene.login(key);
    expect(await again.drain()).toBe(true);
  });
});

test("a user in as many rooms as a user may be in is added to no more, and still connects", async () => {
  const { key, client } = await aVictim();
  using _ = client;
  const path = async () => {
    const { room } = await callers.operator.get<{ room: string }>("POST", "/v1/rooms", {
      name: "many",
    });
    return `/v1/rooms/${room}/members/${key.user}`;
  };
  for (let at = 0; at < ROOMS_MAX; at++) {
    expect((await callers.operator.ask("PUT", await path(), { body: {} })).status).toBe(201);
  }
  const refused = await callers.operator.ask("PUT", await path(), { body: {} });
  expect(refused.told).toBe("409 rooms-full");
  expect(await client.drain()).toBe(true);
  using again = await scene.login(key);
  expect(await again.drain()).toBe(true);
});
