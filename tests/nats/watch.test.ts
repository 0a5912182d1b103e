import { describe, expect, test } from "bun:test";
import type { UserId } from "../../src/core/ids.ts";
import type { RoomRole } from "../../src/core/operations.ts";
import type { Membership } from "../../src/core/permissions.ts";
import { roomPrefix, senderPrefix } from "../../src/core/subjects.ts";
import { reconcile, watchPublishes } from "../../src/nats/watch.ts";
import { aRoom } from "../harness/builders.ts";
import { startTestDataPlane, type TestDataPlane } from "../harness/data-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { connectLine, loginRaw, openRaw, testKey } from "../harness/raw-nats.ts";
import { settle } from "../harness/scene.ts";

function membership(label: string, role: RoomRole): Membership {
  return { id: aRoom(label), history: "k", shard: "a", role };
}

/** A user of the directory, with its memberships. */
function addUser(plane: TestDataPlane, memberships: readonly Membership[] = []) {
  const key = testKey();
  plane.directory.states.set(key.user, "active");
  plane.directory.memberships.set(key.user, memberships);
  return key;
}

describe("the reconciliation with nats-server", () => {
  test("under soft counts each live subscription that enforce would not grant [G-03]", async () => {
    await using plane = await startTestDataPlane({ mode: "soft" });
    const own = membership("own", "member");
    const read = membership("read", "reader");
    const written = membership("written", "writer");
    const alice = addUser(plane, [own, read, written]);
    using client = await loginRaw(plane.port, alice);
    using anonymous = await openRaw(plane.port);
    anonymous.send("CONNECT {}\r\n");
    const granted: readonly (readonly [string, string])[] = [
      [`${roomPrefix(own)}.>`, ""],
      [`${roomPrefix(own)}.*.jobs`, "workers"],
      [`${roomPrefix(read)}.>`, ""],
      [`_INBOX.${alice.user}.x`, "any"],
      [`me.${alice.user}.>`, ""],
    ];
    const refused: readonly (readonly [string, string])[] = [
      ["rm.>", ""],
      [`rm.*.a.${own.id}.>`, ""],
      [`${roomPrefix(written)}.>`, ""],
      [`${roomPrefix(read)}.*.jobs`, "workers"],
      [`_INBOX.${testKey().user}.>`, ""],
    ];
    for (const [at, [subject, queue]] of [...granted, ...refused].entries()) {
      client.subscribe(subject, `${at}`, queue);
      anonymous.subscribe(subject.replace("me.", "_INBOX.x."), `${at}`, queue);
    }
    await settle(client, anonymous);
    expect(client.errors).toEqual([]);
    await reconcile(plane.watched);
    const { counts, last } = plane.service.refusals.report();
    expect(counts).toEqual({
      "soft.login.no-credentials": 1,
      "soft.subscribe.no-right": refused.length,
    });
    const told = last.filter(({ kind }) => kind === "subscribe");
    expect(told.map(({ subject }) => subject).toSorted()).toEqual(
      refused.map(([subject]) => subject).toSorted(),
    );
    expect(new Set(told.map(({ user }) => user))).toEqual(new Set<string>([alice.user]));
    expect(told.every(({ admitted }) => admitted)).toBe(true);
  });

  test("under enforce takes in a connection of an active user that it did not know, and says so [M-066]", async () => {
    await using plane = await startTestDataPlane();
    const alice = addUser(plane);
    using known = await loginRaw(plane.port, alice);
    using unknown = await loginRaw(plane.port, alice);
    plane.service.registry.remove(unknown.info.client_id ?? 0);
    await reconcile(plane.watched);
    expect(plane.service.registry.countOf(alice.user)).toBe(2);
    expect([await known.drain(), await unknown.drain()]).toEqual([true, true]);
    const lines = plane.log.filter(({ event }) => event === "connection.adopted");
    expect(lines).toMatchObject([{ level: "warn", connection: unknown.info.client_id }]);
  });

  test("closes what holds a right that its user lost unheard [M-013]", async () => {
    await using plane = await startTestDataPlane();
    const alice = addUser(plane, [membership("room", "member")]);
    const bob = addUser(plane, [membership("room", "member")]);
    const carol = addUser(plane);
    using loser = await loginRaw(plane.port, alice);
    using other = await loginRaw(plane.port, bob);
    using revoked = await loginRaw(plane.port, carol);
    plane.directory.memberships.set(alice.user, []);
    plane.directory.states.set(carol.user, "revoked");
    await reconcile(plane.watched);
    await eventually(() => loser.closed && revoked.closed, { what: "both to be closed" });
    expect(await other.drain()).toBe(true);
  });

  test("forgets what is gone, but not what a list in pages left out, nor what is just opening", async () => {
    await using plane = await startTestDataPlane();
    const alice = addUser(plane);
    using opening = await openRaw(plane.port);
    using open = await loginRaw(plane.port, alice);
    const { registry } = plane.service;
    const [admitted] = registry.ofUser(alice.user);
    if (!admitted) throw new Error("The connection is not in the registry");
    registry.add({ ...admitted, connection: 999_999 });
    // nats-server knows its number before it says a word to it.
    registry.add({ ...admitted, connection: opening.info.client_id ?? 0 });
    const { system } = plane.connections;
    const forgetful = {
      ...(system.info ? { info: system.info } : {}),
      // The list leaves everything out; asked for one connection, the server answers as ever.
      request: ((subject, payload, options) =>
        system.request(
          subject,
          String(payload).includes("limit") ? '{"offset":999,"limit":1}' : payload,
          options,
        )) satisfies typeof system.request,
    };
    await reconcile({ ...plane.watched, system: forgetful });
    const left = registry.ofUser(alice.user).map(({ connection }) => connection);
    expect(left).toEqual([admitted.connection, opening.info.client_id ?? 0]);
    expect(await open.drain()).toBe(true);
  });
});

describe("under soft a publish that enforce would refuse", () => {
  /** Publishes as anybody, and answers which subjects were counted. */
  async function countedOf(plane: TestDataPlane, subjects: readonly string[]): Promise<string[]> {
    using speaker = await openRaw(plane.port);
    speaker.send(connectLine(testKey(), speaker.info.nonce ?? ""));
    for (const subject of subjects) speaker.publish(subject, "");
    await settle(speaker);
    await plane.connections.app.flush();
    const { last } = plane.service.refusals.report();
    return last.filter(({ kind }) => kind === "publish").map(({ subject }) => subject);
  }

  test("is counted once until the next reconciliation, by its subject and the sender named there [G-03]", async () => {
    await using plane = await startTestDataPlane({ mode: "soft" });
    const room = membership("room", "member");
    const member = addUser(plane, [room]);
    const stranger: UserId = addUser(plane).user;
    const forget = watchPublishes(plane.watched);
    await plane.connections.app.flush();
    const granted = `${senderPrefix(room, member.user)}.msg`;
    const refused = `${senderPrefix(room, stranger)}.msg`;
    expect(await countedOf(plane, [granted, refused, refused])).toEqual([refused]);
    expect(await countedOf(plane, [refused])).toEqual([refused]);
    forget();
    expect(await countedOf(plane, [granted, refused])).toEqual([refused, refused]);
  });
});
