import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { connectLine, loginRaw, openRaw, type RawNats, type TestKey } from "../harness/raw-nats.ts";
import { type Scene, settle, startScene } from "../harness/scene.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await startScene({ args: ["--connections-per-user", "2000"] });
});

afterAll(() => scene[Symbol.asyncDispose]());

describe("a revoked user", () => {
  test("who is connected is closed, hears nothing more, and is refused afterwards [M-013, M-067]", async () => {
    const [speaker, revoked, witness] = [
      await scene.addUser(),
      await scene.addUser(),
      await scene.addUser(),
    ];
    const room = await scene.addRoom([
      [speaker, "owner"],
      [revoked, "member"],
      [witness, "member"],
    ]);
    using speaking = await scene.login(speaker);
    using listening = await scene.login(revoked);
    using witnessing = await scene.login(witness);
    for (const client of [listening, witnessing]) client.subscribe(`${room.subject}.>`, "1");
    await settle(listening, witnessing);
    speaking.publish(room.as(speaker), "before");
    await settle(speaking, listening, witnessing);
    expect(listening.messages.map(({ payload }) => payload)).toEqual(["before"]);

    await scene.revoke(revoked);
    await eventually(() => listening.closed, { what: "the revoked client to be closed" });
    for (let message = 0; message < 100; message++) speaking.publish(room.as(speaker), "after");
    await settle(speaking, witnessing);
    expect(witnessing.messages).toHaveLength(101);
    expect(listening.messages).toHaveLength(1);
    using again = await loginRaw(scene.port, revoked);
    expect(again.closed).toBe(true);
    expect(again.errors).toEqual(["'Authorization Violation'"]);
  });

  test("who is restored is let in again, with the rooms it had, without a restart [M-067]", async () => {
    const user = await scene.addUser();
    const room = await scene.addRoom([[user, "member"]]);
    await scene.revoke(user);
    await scene.unibus.ask("POST", `/v1/users/${user.user}/restore`);
    using client = await scene.login(user);
    client.subscribe(`${room.subject}.>`, "1");
    client.publish(room.as(user), "back");
    await settle(client);
    expect(client.errors).toEqual([]);
    expect(client.messages).toHaveLength(1);
  });

  test("loses every connection, however many", async () => {
    const connections = count("connections-of-one-user");
    const user = await scene.addUser();
    const other = await scene.addUser();
    using control = await scene.login(other);
    const clients = await openMany(user, connections);
    const sentAt = performance.now();
    await scene.revoke(user);
    await eventually(() => clients.every((client) => client.closed), {
      timeoutMs: 20_000,
      what: "all connections to be closed",
    });
    const lastMs = Math.max(...clients.map((client) => client.closedAt)) - sentAt;
    expect(await control.drain()).toBe(true);
    recordProof("revoke: one user's connections", { connections, lastMs: Math.round(lastMs) });
  }, 120_000);

  test("is out within moments, with many others connected, who notice nothing", async () => {
    const others = await openOthers(count("other-clients"));
    const times: number[] = [];
    for (let turn = 0; turn < count("revocations"); turn++) {
      const user = await scene.addUser();
      using client = await scene.login(user);
      const sentAt = performance.now();
      await scene.revoke(user);
      await eventually(() => client.closed, { everyMs: 1, what: "the client to be closed" });
      times.push(client.closedAt - sentAt);
    }
    expect(others.filter((client) => client.closed)).toEqual([]);
    recordProof("revoke: command sent to socket closed", {
      revocations: times.length,
      otherClients: others.length,
      p50Ms: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
      maxMs: percentile(times, 1),
    });
    for (const client of others) client[Symbol.dispose]();
  }, 300_000);

  test("who connects at that very moment is not left connected", async () => {
    const races = count("racing-revocations");
    const left: string[] = [];
    for (let turn = 0; turn < races; turn++) {
      const user = await scene.addUser();
      // The command goes out before, with or after the proof of the key, by the turn.
      const client = await openRaw(scene.port);
      const revoked = turn % 3 === 0 ? scene.revoke(user) : null;
      for (let tick = 0; tick < turn % 16; tick++) await nextTurn();
      client.send(connectLine(user, client.info.nonce ?? ""));
      for (let tick = 0; tick < turn % 5; tick++) await nextTurn();
      await (revoked ?? scene.revoke(user));
      await eventually(() => client.closed, { what: "the racer to be closed" });
      using again = await loginRaw(scene.port, user);
      if (!again.closed) left.push(user.user);
    }
    expect(left).toEqual([]);
    recordProof("revoke: races with a login", { races, leftConnected: left.length });
  }, 300_000);
});

describe("a user who is admitted", () => {
  test("connects at once, without a restart [M-067]", async () => {
    using client = await scene.login(await scene.addUser());
    expect(await client.drain()).toBe(true);
  });
});

describe("a membership that ends", () => {
  test("costs that member the room, and nobody a connection that lost nothing", async () => {
    const [leaver, stayer, stranger] = [
      await scene.addUser(),
      await scene.addUser(),
      await scene.addUser(),
    ];
    const room = await scene.addRoom([
      [leaver, "member"],
      [stayer, "owner"],
    ]);
    const other = await scene.addRoom([[leaver, "member"]]);
    using leaving = await scene.login(leaver);
    using staying = await scene.login(stayer);
    using standing = await scene.login(stranger);

    await scene.removeMember(room, leaver);
    await eventually(() => leaving.closed, { what: "the former member to be closed" });
    expect(await staying.drain()).toBe(true);
    expect(await standing.drain()).toBe(true);

    using back = await scene.login(leaver);
    back.subscribe(`${room.subject}.>`, "1");
    back.subscribe(`${other.subject}.>`, "2");
    back.publish(room.as(leaver), "lost");
    back.publish(other.as(leaver), "kept");
    await settle(back);
    expect(back.errors).toHaveLength(2);
    expect(back.messages.map(({ payload }) => payload)).toEqual(["kept"]);
  });

  test("by the deletion of its room closes whoever had rights in it", async () => {
    const [member, stranger] = [await scene.addUser(), await scene.addUser()];
    const room = await scene.addRoom([[member, "member"]]);
    using inside = await scene.login(member);
    using outside = await scene.login(stranger);
    await scene.unibus.ask("DELETE", `/v1/rooms/${room.id}`);
    await eventually(() => inside.closed, { what: "the member to be closed" });
    expect(await outside.drain()).toBe(true);
  });
});

describe("a role that changes", () => {
  test.each([
    ["member", "reader", "loses"],
    ["member", "writer", "loses"],
    ["reader", "writer", "loses"],
    ["reader", "member", "loses nothing"],
    ["writer", "owner", "loses nothing"],
    ["member", "owner", "loses nothing"],
    ["owner", "member", "loses nothing"],
  ] as const)("from %s to %s %s", async (before, after, effect) => {
    const user = await scene.addUser();
    // Another owner stays, without whom the last one could not step down.
    const room = await scene.addRoom([
      [user, before],
      [await scene.addUser(), "owner"],
    ]);
    using client = await scene.login(user);
    await scene.setRole(room, user, after);
    if (effect === "loses") await eventually(() => client.closed, { what: "the client's end" });
    else expect(await staysOpen(client)).toBe(true);
  });

  test("by a room gained disturbs nobody", async () => {
    const user = await scene.addUser();
    using client = await scene.login(user);
    await scene.addRoom([[user, "owner"]]);
    expect(await staysOpen(client)).toBe(true);
  });
});

/** Lets everything that is due in the event loop happen once. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Says whether a client is still open after another user's revocation went the whole way. */
async function staysOpen(client: RawNats): Promise<boolean> {
  const other = await scene.addUser();
  using control = await scene.login(other);
  await scene.revoke(other);
  await eventually(() => control.closed, { what: "the control to be closed" });
  return await client.drain();
}

/** Opens connections of one user, some at a time. */
async function openMany(user: TestKey, connections: number): Promise<readonly RawNats[]> {
  const clients: RawNats[] = [];
  while (clients.length < connections) {
    const batch = Math.min(50, connections - clients.length);
    const opened = Array.from({ length: batch }, () => loginRaw(scene.port, user));
    clients.push(...(await Promise.all(opened)));
  }
  expect(clients.filter((client) => client.closed)).toEqual([]);
  return clients;
}

async function openOthers(clients: number): Promise<readonly RawNats[]> {
  const user = await scene.addUser();
  return await openMany(user, clients);
}

/** The value below which a part of the values lies, to a hundredth. */
function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  const at = Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1);
  return Math.round((sorted[Math.max(at, 0)] ?? 0) * 100) / 100;
}
