import { describe, expect, test } from "bun:test";
import { NATS_LOGIN_TIMEOUT_MS, USER_JWT_JITTER, USER_JWT_LIFE_MS } from "../../src/core/limits.ts";
import type { RoomRole } from "../../src/core/operations.ts";
import type { Membership } from "../../src/core/permissions.ts";
import { openJwt } from "../../src/nats/jwt.ts";
import { aRoom } from "../harness/builders.ts";
import { startTestDataPlane, type TestDataPlane } from "../harness/data-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { fakeServer, requestClaims } from "../harness/login-request.ts";
import { connectLine, loginRaw, openRaw, type TestKey, testKey } from "../harness/raw-nats.ts";

function membership(label: string, role: RoomRole): Membership {
  return { id: aRoom(label), history: "k", shard: "a", role };
}

function addUser(plane: TestDataPlane, memberships: readonly Membership[] = []): TestKey {
  const key = testKey();
  plane.directory.states.set(key.user, "active");
  plane.directory.memberships.set(key.user, memberships);
  return key;
}

function lastReason(plane: TestDataPlane): string | undefined {
  return plane.service.refusals.report().last.at(-1)?.reason;
}

describe("the service that admits", () => {
  test("answers nats-server with no JWT that holds `resp`, in any mode or role [G-01]", async () => {
    for (const mode of ["off", "soft", "enforce"] as const) {
      await using plane = await startTestDataPlane({ mode });
      const roles = ["owner", "member", "reader", "writer"] as const;
      const alice = addUser(
        plane,
        roles.map((role) => membership(role, role)),
      );
      const answers: string[] = [];
      // Answers go over the account of this service alone, so that it can overhear itself.
      const { authorization } = plane.connections;
      authorization.subscribe(">", {
        callback: (_error, message) => void answers.push(message.string()),
      });
      await authorization.flush();
      using _client = await loginRaw(plane.port, alice);
      await authorization.flush();
      const jwts = answers.flatMap((answer) => jwtIn(answer) ?? []);
      expect(jwts).toHaveLength(1);
      const claims = openJwt(jwts[0] ?? "", "account")?.claims;
      expect(claims).toMatchObject({ aud: mode === "off" ? "OPEN" : "APP" });
      expect(JSON.stringify(claims)).not.toMatch(/resp/i);
    }
  });

  test("admits for as long as the JWT says: at its end the connection is closed", async () => {
    // The clock of the service runs late by all but a second of a JWT's life.
    const lifeMs = USER_JWT_LIFE_MS * (1 - USER_JWT_JITTER / 2);
    await using plane = await startTestDataPlane({ now: () => Date.now() - lifeMs + 1_200 });
    using client = await loginRaw(plane.port, addUser(plane));
    expect(client.closed).toBe(false);
    await eventually(() => client.closed, { what: "the end of the JWT" });
    expect(client.errors).toEqual(["'User Authentication Expired'"]);
  });

  test("refuses when it cannot judge, and says so to the admin alone [M-066]", async () => {
    await using plane = await startTestDataPlane();
    const alice = addUser(plane);
    const { get } = plane.directory.states;
    plane.directory.states.get = () => {
      throw new Error("the database is gone");
    };
    const refused = await loginRaw(plane.port, alice);
    expect([refused.closed, refused.errors]).toEqual([true, ["'Authorization Violation'"]]);
    expect(lastReason(plane)).toBe("internal");
    expect(plane.log.map(({ message }) => message)).toContain(
      "A login could not be judged: the database is gone",
    );
    plane.directory.states.get = get;
    using admitted = await loginRaw(plane.port, alice);
    expect(admitted.closed).toBe(false);
  });

  test("counts connections that were admitted and never opened no longer than a login may take", async () => {
    // Behind nats-server's clock at first: ahead of it, what was asked just now would be too late.
    const clock = { at: Date.now() - 2 * NATS_LOGIN_TIMEOUT_MS - 1 };
    await using plane = await startTestDataPlane({ connectionsPerUser: 2, now: () => clock.at });
    const alice = addUser(plane);
    {
      using first = await loginRaw(plane.port, alice);
      const [admitted] = plane.service.registry.ofUser(alice.user);
      if (!admitted) throw new Error("The connection is not in the registry");
      plane.service.registry.add({ ...admitted, connection: 999_999 });
      expect((await loginRaw(plane.port, alice)).closed).toBe(true);
      expect(lastReason(plane)).toBe("connections-full");
      clock.at += 2 * NATS_LOGIN_TIMEOUT_MS + 1;
      using second = await loginRaw(plane.port, alice);
      expect([first.closed, second.closed]).toEqual([false, false]);
    }
    await eventually(() => plane.service.registry.size === 0);
  });

  test("admits a connection once: a second CONNECT ends it, whoever signs [M-066]", async () => {
    await using plane = await startTestDataPlane();
    const alice = addUser(plane, [membership("room", "member")]);
    const bob = addUser(plane);
    using client = await loginRaw(plane.port, alice);
    client.send(connectLine(bob, client.info.nonce ?? "", { user: "" }));
    expect(await client.drain()).toBe(false);
    expect(lastReason(plane)).toBe("login-repeated");
    await eventually(() => plane.service.registry.size === 0);
    expect(plane.service.registry.countOf(alice.user)).toBe(0);
  });
});

describe("a request that anybody can cause", () => {
  /** Asks as nats-server would, but for the signature. */
  async function forge(plane: TestDataPlane, options: object, askedAt = Date.now()) {
    const { authorization } = plane.connections;
    const claims = { ...requestClaims({ options }), iat: Math.floor(askedAt / 1_000) };
    const forged = fakeServer().request({ ...claims, iss: authorization.info?.server_id });
    const question = authorization.request("$SYS.REQ.USER.AUTH", forged, { timeout: 300 });
    return await question.then(({ data }) => data.length).catch(() => "no answer");
  }

  test("is refused by an empty answer without a signature check where no key is offered", async () => {
    await using plane = await startTestDataPlane();
    for (const options of [{}, { pass: "hunter2" }, { nkey: "alice" }, { nkey: testKey().user }]) {
      expect(await forge(plane, options)).toBe(0);
    }
    expect(plane.service.refusals.report().counts).toEqual({
      "login.no-credentials": 1,
      "login.not-a-key": 1,
      "login.key-malformed": 1,
      "login.key-unknown": 1,
    });
  });

  test("is dropped when nats-server waits no more, whatever it offers", async () => {
    await using plane = await startTestDataPlane();
    const longAgo = Date.now() - NATS_LOGIN_TIMEOUT_MS - 1_000;
    expect(await forge(plane, {}, longAgo)).toBe("no answer");
    expect(await forge(plane, { nkey: addUser(plane).user }, longAgo)).toBe("no answer");
    expect(plane.service.refusals.report()).toMatchObject({ counts: { "login.request-late": 2 } });
  });

  test("grants nothing that nats-server did not sign for, even under off [M-066]", async () => {
    for (const mode of ["off", "soft", "enforce"] as const) {
      await using plane = await startTestDataPlane({ mode });
      const alice = addUser(plane);
      const sig = alice.sign("nonce").toString("base64url");
      expect(await forge(plane, { nkey: alice.user, sig })).toBe("no answer");
      expect(plane.service.registry.size).toBe(0);
      expect(plane.log.map(({ event }) => event)).toContain("login.malformed");
    }
  });

  test("without a key waits for nothing while nobody is admitted, and a user's does [M-066]", async () => {
    await using plane = await startTestDataPlane();
    plane.service.admit(false);
    const alice = addUser(plane);
    const waiting = await openRaw(plane.port);
    waiting.send(connectLine(alice, waiting.info.nonce ?? ""));
    using stranger = await openRaw(plane.port);
    stranger.send("CONNECT {}\r\n");
    await eventually(() => stranger.closed, { timeoutMs: 2_000, what: "the stranger's end" });
    expect(waiting.closed).toBe(false);
    plane.service.admit(true);
    expect(await waiting.drain()).toBe(true);
    waiting[Symbol.dispose]();
  });
});

function jwtIn(answer: string): string | null {
  const claims = openJwt(answer, "account")?.claims;
  const [, jwt = null] = /"jwt":"([^"]+)"/.exec(JSON.stringify(claims)) ?? [];
  return jwt;
}

describe("a change of rights", () => {
  const room = membership("room", "member");

  test("that comes while a login is under way finds the connection as soon as it is open [M-013]", async () => {
    await using plane = await startTestDataPlane();
    const alice = addUser(plane, [room]);
    const { get } = plane.directory.memberships;
    let decisions = 0;
    plane.directory.memberships.get = (user) => {
      const before = get.call(plane.directory.memberships, user);
      // The decision is made with what is read now; the change is applied right behind it.
      if (decisions++ === 0) {
        queueMicrotask(() => {
          plane.directory.memberships.set(alice.user, []);
          plane.service.apply([{ kind: "rights.changed", users: [alice.user] }], 1);
        });
      }
      return before;
    };
    using client = await openRaw(plane.port);
    client.send(connectLine(alice, client.info.nonce ?? ""));
    await eventually(() => client.closed, { what: "the connection to be closed" });
    // The control: with the rights that are left, the same user is in.
    using again = await loginRaw(plane.port, alice);
    expect(again.closed).toBe(false);
  });

  test("closes the connections that hold what was lost, and those alone", async () => {
    await using plane = await startTestDataPlane();
    const alice = addUser(plane, [room]);
    const bob = addUser(plane, [room]);
    using holder = await loginRaw(plane.port, alice);
    plane.directory.memberships.set(alice.user, [room, membership("new", "owner")]);
    plane.service.apply([{ kind: "rights.changed", users: [alice.user] }], 1);
    using later = await loginRaw(plane.port, alice);
    using other = await loginRaw(plane.port, bob);
    plane.directory.memberships.set(alice.user, [room]);
    plane.service.apply([{ kind: "rights.changed", users: [alice.user, bob.user] }], 1);
    await eventually(() => later.closed, { what: "the connection to be closed" });
    expect([await holder.drain(), await other.drain()]).toEqual([true, true]);
  });
});

describe("clients that asked while nobody listened", () => {
  test("are let go, so that they come back at once; those that are in are left alone", async () => {
    await using plane = await startTestDataPlane();
    using known = await loginRaw(plane.port, addUser(plane));
    using waiting = await openRaw(plane.port);
    using ofNatsJs = await openRaw(plane.port);
    const rows = [
      { connection: ofNatsJs.info.client_id ?? 0, account: "", library: "nats.js" },
      { connection: known.info.client_id ?? 0, account: "APP", library: "go" },
      { connection: waiting.info.client_id ?? 0, account: "", library: "go" },
    ];
    plane.service.releaseUnanswered(rows, Date.now());
    await eventually(() => waiting.closed, { what: "the connection to be closed" });
    expect(await known.drain()).toBe(true);
    // Closed during its login, nats.js would wait for 20 s.
    expect(ofNatsJs.closed).toBe(false);
  });

  test("so are those whose answer was lost with a connection, but not one that is just answered", async () => {
    await using plane = await startTestDataPlane({ connectionsPerUser: 3 });
    const alice = addUser(plane);
    using _known = await loginRaw(plane.port, alice);
    using lost = await openRaw(plane.port);
    using answered = await openRaw(plane.port);
    const { registry } = plane.service;
    const [admitted] = registry.ofUser(alice.user);
    if (!admitted) throw new Error("The connection is not in the registry");
    const askedAt = Date.now();
    const rows = [lost, answered].map(({ info: { client_id: connection = 0 } }) => ({
      ...{ connection, account: "", library: "go" },
    }));
    registry.add({ ...admitted, connection: rows[0]?.connection ?? 0, admittedAt: askedAt - 1 });
    registry.add({ ...admitted, connection: rows[1]?.connection ?? 0, admittedAt: askedAt });
    plane.service.releaseUnanswered(rows, askedAt);
    await eventually(() => lost.closed, { what: "the connection to be closed" });
    await eventually(() => registry.countOf(alice.user) === 2, { what: "it to be forgotten" });
    expect(answered.closed).toBe(false);
  });
});
