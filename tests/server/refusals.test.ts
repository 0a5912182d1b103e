import { afterAll, beforeAll, expect, test } from "bun:test";
import { createUser } from "@nats-io/nkeys";
import { count } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { NATS_LOGIN_TIMEOUT_MS } from "../harness/promises.ts";
import { connectLine, openRaw, type TestKey, testKey } from "../harness/raw-nats.ts";
import { repeat, type Scene, startScene } from "../harness/scene.ts";

let scene: Scene;
let alice: TestKey;
let stranger: TestKey;

beforeAll(async () => {
  scene = await startScene();
  alice = await scene.addUser();
  stranger = testKey();
});
afterAll(() => scene[Symbol.asyncDispose]());

test("an admin sees who was refused and why: over the API, on the command line, in the log [M-066, G-03]", async () => {
  await scene.knock((nonce) => connectLine(stranger, nonce));
  using client = await scene.login(alice);
  client.publish("rm.k.0.elsewhere.me.msg", "");
  client.subscribe("rm.>", "1");
  await client.drain();
  const { counts, last } = await eventually(async () => {
    const refusals = await scene.refusals();
    return refusals.last.length >= 3 ? refusals : null;
  });
  const about = { at: expect.any(String), address: "127.0.0.1", admitted: false };
  expect(counts).toEqual({
    "login.key-unknown": 1,
    "publish.no-right": 1,
    "subscribe.no-right": 1,
  });
  expect(last).toEqual([
    { ...about, kind: "login", reason: "key-unknown", user: stranger.user, subject: "" },
    {
      ...about,
      kind: "publish",
      reason: "no-right",
      user: alice.user,
      subject: "rm.k.0.elsewhere.me.msg",
    },
    { ...about, kind: "subscribe", reason: "no-right", user: alice.user, subject: "rm.>" },
  ]);

  const ran = await scene.unibus.cli("refusals");
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
  expect(ran.stdout).toContain("login.key-unknown");
  expect(ran.stdout).toMatch(
    new RegExp(`login +127.0.0.1 +${stranger.user} +no user has this key`),
  );
  expect(ran.stdout).toMatch(new RegExp(`subscribe rm.> +127.0.0.1 +${alice.user} `));

  const logged = scene.unibus.log.filter(({ event }) => /\.refused$/.test(event));
  expect(logged).toMatchObject([
    { level: "warn", event: "login.refused", reason: "key-unknown", user: stranger.user },
    { level: "warn", event: "subject.refused", reason: "no-right", user: alice.user },
    { level: "warn", event: "subject.refused", reason: "no-right", user: alice.user },
  ]);
});

test("without proof of who asks, nobody is told over the network [M-066]", async () => {
  const answer = await fetch(`${scene.unibus.httpUrl}/v1/refusals`);
  expect(answer.status).toBe(401);
  expect(await answer.text()).not.toContain(stranger.user);
});

test("what a client offered beside its key stands nowhere: no password, token, JWT or seed", async () => {
  const seed = new TextDecoder().decode(createUser().getSeed());
  const secrets = { pass: "hunter2-pass", auth_token: "hunter2-token", jwt: "hunter2.jwt.x" };
  const offered: readonly string[] = [
    `CONNECT ${JSON.stringify({ user: "hunter2-user", pass: secrets.pass })}\r\n`,
    `CONNECT ${JSON.stringify({ auth_token: secrets.auth_token })}\r\n`,
    `CONNECT ${JSON.stringify({ jwt: secrets.jwt })}\r\n`,
    `CONNECT ${JSON.stringify({ nkey: seed, sig: "hunter2-sig" })}\r\n`,
    `CONNECT ${JSON.stringify({ nkey: stranger.user, sig: "hunter2-sig", ...secrets })}\r\n`,
    // Words that nats-server cannot read, of which it logs a part.
    `CONNEXT {"pass":"${secrets.pass}"}\r\n`,
    `CONNECT {"pass":"${secrets.pass}"\r\n`,
    `CONNECT {"auth_token":"${secrets.auth_token}","name":"${"x".repeat(5_000)}"}\r\n`,
    `${secrets.pass}\r\n`,
    `C${seed}\r\n`,
  ];
  const knocks = await Promise.all(offered.map((line) => scene.knock(() => line)));
  expect(knocks.map(({ admitted }) => admitted)).toEqual(offered.map(() => false));
  using broken = await scene.login(alice);
  broken.send(`SUB a b c ${secrets.pass}\r\n`);
  broken.send(`${secrets.pass}\r\n`);
  await eventually(() => broken.closed);
  const ran = await scene.unibus.cli("refusals", "--json");
  const everything = JSON.stringify([scene.unibus.log, await scene.refusals(), ran]);
  // The control: what was refused is all there.
  expect(everything).toContain(stranger.user);
  expect(scene.unibus.log.some(({ message }) => message.includes("parser ERROR"))).toBe(true);
  expect(everything).not.toContain("hunter2");
  expect(everything).not.toContain(seed.slice(2, 20));
});

test("a flood of refusals is counted whole, and takes few lines of the log", async () => {
  const lines = (): number =>
    scene.unibus.log.filter(({ event }) => event === "login.refused").length;
  const before = { lines: lines(), counted: await scene.refused("login.signature-wrong") };
  const times = Math.max(count("attacks"), 100);
  const startedAt = Date.now();
  await repeat(times, () => scene.knock((nonce) => connectLine(alice, nonce, { sig: "AAAA" })));
  const seconds = Math.ceil((Date.now() - startedAt) / 1000) + 1;
  expect((await scene.refused("login.signature-wrong")) - before.counted).toBe(times);
  expect(lines() - before.lines).toBeLessThanOrEqual(20 * seconds);
  expect((await scene.refusals()).last.length).toBeLessThanOrEqual(400);
  // The next refusal in a later second tells how many were left out.
  const told = await eventually(
    async () => {
      await scene.knock((nonce) => connectLine(alice, nonce, { sig: "AAAA" }));
      return scene.unibus.log.find(({ event }) => event === "log.shortened");
    },
    { everyMs: 200, timeoutMs: 10_000 },
  );
  expect(told.message).toMatch(/^\d+ more lines about refused logins were left out$/);
}, 30_000);

test("a node that holds back answers to refused logins stops as fast as any [M-100]", async () => {
  await using busy = await startScene();
  for (let at = 0; at < 8; at++) {
    const waiting = await openRaw(busy.port);
    waiting.send(connectLine(stranger, waiting.info.nonce ?? ""));
  }
  await eventually(async () => (await busy.refused("login.key-unknown")) === 8);
  const startedAt = performance.now();
  expect(await busy.unibus.end("SIGTERM")).toBe(0);
  // nats-server waits for the answer to each login; unanswered ones cost its whole time to log in.
  expect(performance.now() - startedAt).toBeLessThan(NATS_LOGIN_TIMEOUT_MS / 2);
});
