import { describe, expect, test } from "bun:test";
import type { NatsConnection } from "@nats-io/transport-node";
import type { RoomRole } from "../../src/core/operations.ts";
import { type Membership, openPermissions } from "../../src/core/permissions.ts";
import { listOpenConnections } from "../../src/nats/connections.ts";
import { followReconnects } from "../../src/nats/reconnects.ts";
import { reconcile } from "../../src/nats/watch.ts";
import { createLog } from "../../src/system/log.ts";
import { aRoom } from "../harness/builders.ts";
import { startTestDataPlane, type TestDataPlane } from "../harness/data-plane.ts";
import { eventually } from "../harness/eventually.ts";
import {
  connectLine,
  loginRaw,
  openRaw,
  type RawNats,
  type TestKey,
  testKey,
} from "../harness/raw-nats.ts";

function membership(label: string, role: RoomRole): Membership {
  return { id: aRoom(label), history: "k", shard: "a", role };
}

function addUser(plane: TestDataPlane, memberships: readonly Membership[] = []): TestKey {
  const key = testKey();
  plane.directory.states.set(key.user, "active");
  plane.directory.memberships.set(key.user, memberships);
  return key;
}

function revoke(plane: TestDataPlane, { user }: TestKey): void {
  plane.directory.states.set(user, "revoked");
  plane.service.apply([{ kind: "rights.changed", users: [user] }], 1);
}

/** Acts while a connection says of the server what nats-core says of it then. */
function whileInfoIs(connection: NatsConnection, info: unknown, act: () => void): void {
  Object.defineProperty(connection, "info", { get: () => info, configurable: true });
  act();
  Reflect.deleteProperty(connection, "info");
}

function numberOf(client: RawNats): number {
  return client.info.client_id ?? 0;
}

describe("while the node's own connection to nats-server is made again", () => {
  test("a change of rights forgets nobody: who is revoked then or later is out, others stay [M-013]", async () => {
    await using plane = await startTestDataPlane();
    const [alice, bob, carol] = [addUser(plane), addUser(plane), addUser(plane)];
    using first = await loginRaw(plane.port, alice);
    using later = await loginRaw(plane.port, bob);
    using other = await loginRaw(plane.port, carol);
    whileInfoIs(plane.connections.authorization, undefined, () => revoke(plane, alice));
    expect(plane.service.registry.countOf(carol.user)).toBe(1);
    await eventually(() => first.closed, { timeoutMs: 1_000 });
    revoke(plane, bob);
    await eventually(() => later.closed, { timeoutMs: 1_000 });
    expect(await other.drain()).toBe(true);
    expect(plane.service.registry.size).toBe(1);
  });

  test("the ceiling of connections holds", async () => {
    await using plane = await startTestDataPlane({ connectionsPerUser: 1 });
    const [alice, bob] = [addUser(plane), addUser(plane)];
    using _open = await loginRaw(plane.port, alice);
    whileInfoIs(plane.connections.authorization, undefined, () => revoke(plane, bob));
    expect((await loginRaw(plane.port, alice)).closed).toBe(true);
  });

  test("another server with another id begins with an empty registry", async () => {
    await using plane = await startTestDataPlane();
    const [alice, bob] = [addUser(plane), addUser(plane)];
    using _open = await loginRaw(plane.port, alice);
    const info = { ...plane.connections.authorization.info, server_id: "ANOTHER" };
    whileInfoIs(plane.connections.authorization, info, () => revoke(plane, bob));
    expect(plane.service.registry.size).toBe(0);
  });
});

describe("once one of the node's own connections is back", () => {
  for (const own of ["authorization", "system", "app"] as const) {
    test(`the registry agrees with nats-server at once (${own})`, async () => {
      await using plane = await startTestDataPlane();
      const alice = addUser(plane);
      using client = await loginRaw(plane.port, alice);
      follow(plane);
      const { registry } = plane.service;
      const [known] = registry.ofUser(alice.user);
      if (!known) throw new Error("The connection is not in the registry");
      await settled(plane);
      // As if the event of one had been missed, and the login of the other forgotten.
      registry.add({ ...known, connection: 999_999 });
      registry.remove(known.connection);
      await plane.connections[own].reconnect();
      await eventually(() => registry.find(numberOf(client)), { timeoutMs: 1_000 });
      await eventually(() => registry.size === 1, { timeoutMs: 1_000 });
      expect(await client.drain()).toBe(true);
    });
  }

  test("kicks that were lost with it are made good [M-013]", async () => {
    await using plane = await startTestDataPlane();
    const [alice, bob] = [addUser(plane), addUser(plane)];
    using client = await loginRaw(plane.port, alice);
    using other = await loginRaw(plane.port, bob);
    follow(plane);
    await settled(plane);
    const { system } = plane.connections;
    // The question goes into a connection that is dead already.
    system.request = () => Promise.withResolvers<never>().promise;
    revoke(plane, alice);
    Reflect.deleteProperty(system, "request");
    expect(await client.drain()).toBe(true);
    await system.reconnect();
    await eventually(() => client.closed, { timeoutMs: 1_000 });
    expect(await other.drain()).toBe(true);
  });

  test("a login under way goes on, unless it was the one by which logins come", async () => {
    await using plane = await startTestDataPlane();
    const [alice, bob] = [addUser(plane), addUser(plane)];
    follow(plane);
    await settled(plane);
    // Logins wait, as they do where a node does not know the latest changes yet.
    plane.service.admit(false);
    using early = await openRaw(plane.port);
    early.send(connectLine(alice, early.info.nonce ?? "", { lang: "go" }));
    await eventually(async () => (await librariesOf(plane)).includes("go"));
    for (const own of ["system", "app"] as const) {
      const { registry } = plane.service;
      const grant = {
        account: "APP",
        user: bob.user,
        memberships: [],
        permissions: openPermissions(),
      } as const;
      // It is forgotten again when the comparison is over.
      registry.add({ connection: 999_999, grant, admittedAt: 0, changesSeen: 0, adopted: false });
      await plane.connections[own].reconnect();
      await eventually(() => registry.size === 0, { timeoutMs: 1_000 });
      await settled(plane);
      expect(early.closed).toBe(false);
    }
    await plane.connections.authorization.reconnect();
    await eventually(() => early.closed, { timeoutMs: 1_000 });
  });

  async function librariesOf({ connections: { system } }: TestDataPlane): Promise<string[]> {
    const open = await listOpenConnections(system, { withSubscriptions: false });
    return open.map(({ library }) => library);
  }

  function follow(plane: TestDataPlane): void {
    followReconnects({
      ...plane.watched,
      connections: Object.values(plane.connections),
      logins: plane.connections.authorization,
      log: createLog({ format: "json", write: () => undefined }),
    });
  }

  /** Waits until the comparison under way is over: it asks over the same connection. */
  async function settled({ connections }: TestDataPlane): Promise<void> {
    for (let times = 0; times < 10; times++) await connections.system.flush();
  }
});

describe("a connection that nats-server lists and the registry does not", () => {
  test("is closed at the next change of its user's rights: what it was granted is not known [M-013]", async () => {
    await using plane = await startTestDataPlane();
    const [alice, bob] = [addUser(plane, [membership("room", "member")]), addUser(plane)];
    using client = await loginRaw(plane.port, alice);
    using other = await loginRaw(plane.port, bob);
    await forgetAndCompare(plane, client, other);
    expect(plane.service.registry.size).toBe(2);
    plane.directory.memberships.set(alice.user, []);
    plane.service.apply([{ kind: "rights.changed", users: [alice.user] }], 1);
    await eventually(() => client.closed, { timeoutMs: 1_000 });
    expect(await other.drain()).toBe(true);
  });

  test("is closed where a right may have been lost since its login, and those that came later stay", async () => {
    await using plane = await startTestDataPlane();
    const room = membership("room", "member");
    const alice = addUser(plane, [room]);
    using before = await loginRaw(plane.port, alice);
    plane.service.registry.remove(numberOf(before));
    plane.directory.memberships.set(alice.user, []);
    plane.service.apply([{ kind: "rights.changed", users: [alice.user] }], 1);
    using after = await loginRaw(plane.port, alice);
    await forgetAndCompare(plane, after);
    await eventually(() => before.closed, { timeoutMs: 1_000 });
    expect(await after.drain()).toBe(true);
    expect(plane.service.registry.find(numberOf(after))).toMatchObject({ adopted: true });
  });

  test("is closed where its user is revoked or has as many as a user may have, and no other is", async () => {
    await using plane = await startTestDataPlane({ connectionsPerUser: 2 });
    const [alice, bob] = [addUser(plane), addUser(plane)];
    using revoked = await loginRaw(plane.port, alice);
    using first = await loginRaw(plane.port, bob);
    using second = await loginRaw(plane.port, bob);
    plane.service.registry.remove(numberOf(revoked));
    plane.service.registry.remove(numberOf(first));
    using third = await loginRaw(plane.port, bob);
    revoke(plane, alice);
    // `third` and `second` are known; `first` would be one too many.
    await reconcile(plane.watched);
    await eventually(() => revoked.closed && first.closed, { timeoutMs: 1_000 });
    expect([await second.drain(), await third.drain()]).toEqual([true, true]);
    await plane.connections.app.flush();
    const lines = plane.log.filter(({ event }) => event === "connection.unknown");
    expect(lines.map(({ connection }) => connection)).toEqual([revoked, first].map(numberOf));
  });

  test("is taken in under soft as well, and closed when its user is revoked", async () => {
    await using plane = await startTestDataPlane({ mode: "soft" });
    const [alice, bob] = [addUser(plane), addUser(plane)];
    using client = await loginRaw(plane.port, alice);
    using other = await loginRaw(plane.port, bob);
    await forgetAndCompare(plane, client, other);
    expect(plane.service.registry.countOf(alice.user)).toBe(1);
    revoke(plane, alice);
    await eventually(() => client.closed, { timeoutMs: 1_000 });
    expect(await other.drain()).toBe(true);
  });

  async function forgetAndCompare(plane: TestDataPlane, ...clients: RawNats[]): Promise<void> {
    for (const client of clients) plane.service.registry.remove(numberOf(client));
    await reconcile(plane.watched);
  }
});
