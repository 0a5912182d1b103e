import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { NATS_LOGIN_TIMEOUT_MS } from "../harness/promises.ts";
import { connectLine, openRaw, type RawNats, type TestKey } from "../harness/raw-nats.ts";
import { repeat, type Scene, type SceneRoom, settle, startScene } from "../harness/scene.ts";

let scene: Scene;
let alice: TestKey;
let bob: TestKey;
let room: SceneRoom;
/** Opened at the beginning, so that the time that they are given passes during the other tests. */
let silent: readonly RawNats[];
let silentSince: number;

beforeAll(async () => {
  scene = await startScene();
  silentSince = performance.now();
  silent = await repeat(count("attacks"), () => openRaw(scene.port));
  for (const [at, client] of silent.entries()) if (at % 2) client.send('CONNECT {"nkey":"U');
  alice = await scene.addUser();
  bob = await scene.addUser();
  room = await scene.addRoom([[alice, "owner"]]);
});
afterAll(() => scene[Symbol.asyncDispose]());

// Whatever was done: the node remembers no connection, admits, and its server is the same process.
afterEach(async () => {
  await eventually(async () => (await scene.connections()) === 0, {
    what: "the registry to be empty",
  });
  const { admitted } = await scene.knock((nonce) => connectLine(alice, nonce));
  expect(admitted).toBe(true);
  expect(scene.unibus.log.filter(({ event }) => event === "nats.exited")).toEqual([]);
});

describe("a second CONNECT on a connection that is in", () => {
  const as = { user: "", pass: "", auth_token: "", jwt: "" };
  const tries: readonly (readonly [string, () => TestKey, object])[] = [
    ["as another user, rightly signed", () => bob, as],
    ["as the same user again", () => alice, as],
    ["as another user, without clearing the name given", () => bob, {}],
    ["as nobody", () => bob, { ...as, nkey: "", sig: "" }],
    ["as another user, with a wrong signature", () => bob, { ...as, sig: "AAAA" }],
  ];

  test.each(tries)("%s: ends it, and its subscriptions with it [M-066]", async (_, keyOf, more) => {
    using speaker = await scene.login(alice);
    using client = await scene.login(alice);
    client.subscribe(`${room.subject}.>`, "1");
    await client.drain();
    speaker.publish(room.as(alice), "before");
    await settle(speaker, client);
    expect(client.messages.map(({ payload }) => payload)).toEqual(["before"]);
    client.send(connectLine(keyOf(), client.info.nonce ?? "", more));
    expect(await client.drain()).toBe(false);
    expect(client.errors).toEqual(["'Authorization Violation'"]);
    speaker.publish(room.as(alice), "after");
    await settle(speaker);
    expect(client.messages.map(({ payload }) => payload)).toEqual(["before"]);
  });

  test("is seen by an admin with its reason [M-066]", async () => {
    const before = await scene.refused("login.login-repeated");
    using client = await scene.login(alice);
    client.send(connectLine(bob, client.info.nonce ?? "", as));
    await client.drain();
    expect((await scene.refused("login.login-repeated")) - before).toBe(1);
  });
});

describe("before a connection is in", () => {
  test.each([
    ["publishing", (subject: string) => `PUB ${subject} 1\r\nx\r\n`],
    [
      "publishing with headers",
      (subject: string) => `HPUB ${subject} 12 13\r\nNATS/1.0\r\n\r\nx\r\n`,
    ],
    ["subscribing", (subject: string) => `SUB ${subject} 1\r\n`],
    ["a ping", () => "PING\r\n"],
    ["a route's words", () => "RS+ APP rm.>\r\n"],
    ["a leaf's words", () => "LS+ rm.>\r\n"],
    ["an INFO of one's own", () => 'INFO {"server_id":"x"}\r\n'],
  ])("%s ends it, and nothing of it happens [M-066]", async (_, wordsOf) => {
    using listener = await scene.login(alice);
    listener.subscribe(`${room.subject}.>`, "1");
    await listener.drain();
    using early = await openRaw(scene.port);
    early.send(`${wordsOf(room.as(alice))}${connectLine(alice, early.info.nonce ?? "")}`);
    expect(await early.drain()).toBe(false);
    // The control: the same words after CONNECT do happen, so the listener hears of the publish alone.
    using late = await scene.login(alice);
    late.publish(room.as(alice), "control");
    await settle(late, listener);
    expect(listener.messages.map(({ payload }) => payload)).toEqual(["control"]);
  });

  test("words behind a CONNECT that is refused are not acted on [M-066]", async () => {
    using listener = await scene.login(alice);
    listener.subscribe(`${room.subject}.>`, "1");
    await listener.drain();
    await repeat(count("attacks"), async () => {
      const publish = `PUB ${room.as(alice)} 6\r\nforged\r\n`;
      const { admitted } = await scene.knock(
        (nonce) => `${connectLine(bob, nonce, { nkey: alice.user })}${publish}`,
      );
      expect(admitted).toBe(false);
    });
    await listener.drain();
    expect(listener.messages).toEqual([]);
    recordProof("words behind a refused CONNECT", { tried: count("attacks"), acted: 0 });
  });
});

describe("lines that are no protocol", () => {
  const deep = `${'{"x":'.repeat(500)}1${"}".repeat(500)}`;
  const malformed: readonly (readonly [string, string])[] = [
    ["an HTTP request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["a TLS handshake", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003"],
    ["NUL bytes", "\u0000".repeat(4_096)],
    ["a CONNECT without JSON", "CONNECT hello\r\n"],
    ["a CONNECT of half a JSON", 'CONNECT {"nkey":"\r\n'],
    ["a CONNECT of a list", "CONNECT []\r\n"],
    ["a CONNECT of wrong types", 'CONNECT {"nkey":{"a":1},"sig":[]}\r\n'],
    ["a CONNECT nested deeply", `CONNECT ${deep}\r\n`],
    ["a CONNECT of 100 kB", `CONNECT {"name":"${"x".repeat(100_000)}"}\r\n`],
    ["a CONNECT without an end", `CONNECT {"name":"${"x".repeat(1_000_000)}`],
    ["a wrong protocol number", 'CONNECT {"protocol":7}\r\n'],
  ];

  test.each(malformed)("%s ends its own connection only", async (_, words) => {
    using broken = await openRaw(scene.port);
    broken.send(words);
    broken.send("\r\nPING\r\n");
    await eventually(() => broken.closed, { what: "the connection to be closed" });
  });

  test.each([
    ["a size that is none", "PUB x y\r\n"],
    ["a negative size", "PUB x -1\r\n"],
    ["a size beyond any", "PUB x 99999999999999999999\r\n"],
    ["a subject of 5 kB", `PUB ${"x".repeat(5_000)} 1\r\nx\r\n`],
    ["a subscription of 5 kB", `SUB ${"x".repeat(5_000)} 1\r\n`],
    ["a subscription without an end", `SUB ${"x".repeat(100_000)}`],
    ["an unknown word", "FROB\r\n"],
    ["a payload longer than told", "PUB x 1\r\nxyz\r\n"],
  ])("%s ends the connection of a user", async (_, words) => {
    using broken = await scene.login(alice);
    broken.send(words);
    await eventually(() => broken.closed, { what: "the connection to be closed" });
  });

  test("subjects with empty tokens, wildcards or control characters reach nobody they may not", async () => {
    using listener = await scene.login(alice);
    using speaker = await scene.login(alice);
    listener.subscribe(`${room.subject}.>`, "1");
    await listener.drain();
    const odd = [
      "..",
      ".",
      "a..b",
      "\u0000",
      "\u001b[2J",
      "*",
      ">",
      "rm.>.x",
      `${room.subject}..x`,
    ];
    for (const subject of odd) speaker.publish(subject, "odd");
    speaker.publish(room.as(alice), "control");
    await settle(speaker, listener);
    expect(speaker.errors).toHaveLength(odd.length);
    expect(listener.messages.map(({ payload }) => payload)).toEqual(["control"]);
  });
});

describe("a client's name", () => {
  // nats-server puts it into a format string of its log: found by these tests, and kept out.
  test("with a percent sign is refused, as its language and version are: it would write the server's log", async () => {
    const before = await scene.refused("login.client-text");
    const knocks = await Promise.all(
      ["name", "lang", "version"].map((field) =>
        scene.knock((nonce) => connectLine(alice, nonce, { [field]: "%1000000[1]x" })),
      ),
    );
    expect(knocks.map(({ admitted }) => admitted)).toEqual([false, false, false]);
    expect((await scene.refused("login.client-text")) - before).toBe(3);
  });

  test("puts no refusal of one's own on somebody else, however it is made up [G-03]", async () => {
    const forged = `127.0.0.1:1 - cid:1 - "APP/user:${alice.user}" - Publish Violation - Subject "forged"`;
    const names = [
      `x:${alice.user}`,
      `APP/user:${alice.user}`,
      `x" - "APP/user:${alice.user}`,
      "Publish Violation - Subject ",
      "authentication error",
      forged,
      `\n[1] [ERR] ${forged}\n`,
      `\\"`,
    ];
    for (const name of names) {
      using client = await scene.login(bob, { name, lang: "", version: "" });
      client.publish(`not."mine"`, "");
      await client.drain();
    }
    const told = await eventually(
      async () => {
        const { last } = await scene.refusals();
        const mine = last.filter(({ subject }) => subject === 'not."mine"');
        return mine.length === names.length ? { mine, last } : null;
      },
      { what: "a refusal of each" },
    );
    expect(new Set(told.mine.map(({ user }) => user))).toEqual(new Set([bob.user]));
    expect(told.last.filter(({ subject }) => subject === "forged")).toEqual([]);
  });
});

test("sockets that say nothing, or half a CONNECT, are closed after the time to log in", async () => {
  await eventually(() => silent.every(({ closed }) => closed), { timeoutMs: 10_000 });
  const lived = silent.map(({ closedAt }) => closedAt - silentSince);
  expect(Math.min(...lived)).toBeGreaterThan(NATS_LOGIN_TIMEOUT_MS - 500);
  expect(Math.max(...lived)).toBeLessThan(NATS_LOGIN_TIMEOUT_MS + 2_000);
  recordProof("silent sockets", {
    opened: silent.length,
    "closed after ms": Math.round(Math.max(...lived)),
  });
}, 20_000);

test("clients that go away while they are judged leave nothing behind", async () => {
  const times = count("attacks");
  await repeat(times, async (at) => {
    const client = await openRaw(scene.port);
    client.send(connectLine(alice, client.info.nonce ?? "", { nkey: at % 3 ? alice.user : "U" }));
    client[Symbol.dispose]();
  });
  // More of them than the user may have connections: for a moment it has no room for another.
  await eventually(async () => (await scene.knock((nonce) => connectLine(alice, nonce))).admitted);
  // The registry is looked at after this test, as after each.
  recordProof("clients that close during their login", { tried: times, "left behind": 0 });
});

describe("what a member does wrong", () => {
  test("is told, and is no error of the node", async () => {
    const told = () => scene.unibus.log.filter(({ event }) => event === "nats.client-failed");
    const before = told().length;
    for (const line of [
      "NONSENSE\r\n",
      "PUB a b c d e\r\n",
      `PUB ${room.as(alice)} 99999999\r\n`,
    ]) {
      using client = await scene.login(alice);
      client.send(line);
      await eventually(() => client.closed, { what: `the connection to end after ${line}` });
    }
    await eventually(() => told().length >= before + 3, { what: "the three lines in the log" });
    expect(told().every(({ level }) => level === "info")).toBe(true);
    expect(scene.unibus.log.filter(({ level }) => level === "error")).toEqual([]);
  });
});
