import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { count, recordProof } from "../harness/counts.ts";
import { encodeNkey, userKeyOf } from "../harness/nkey.ts";
import {
  connectLine,
  loginRaw,
  openRaw,
  type RawNats,
  type TestKey,
  testKey,
} from "../harness/raw-nats.ts";
import { repeat, runningNatsConfig, type Scene, startScene } from "../harness/scene.ts";
import {
  FORGED_SMALL_ORDER_SIGNATURE,
  malleated,
  SMALL_ORDER_KEYS,
} from "../harness/small-order.ts";

const VIOLATION = "'Authorization Violation'";
let scene: Scene;
let alice: TestKey;
let revoked: TestKey;

beforeAll(async () => {
  scene = await startScene();
  alice = await scene.addUser();
  revoked = await scene.addUser();
  await scene.revoke(revoked);
});
afterAll(() => scene[Symbol.asyncDispose]());

/** The control: the same words with the right signature are let in, now. */
async function expectHonestLogin(): Promise<void> {
  const { admitted, errors } = await scene.knock((nonce) => connectLine(alice, nonce));
  expect(errors).toEqual([]);
  expect(admitted).toBe(true);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

describe("no signature but the key's own over this connection's nonce lets anybody in [M-066]", () => {
  /** A connection whose nonce is used up, and one that waits with its nonce. */
  let spent: RawNats;
  let older: RawNats;

  beforeAll(async () => {
    spent = await loginRaw(scene.port, alice);
    older = await openRaw(scene.port);
  });
  afterAll(() => {
    spent[Symbol.dispose]();
    older[Symbol.dispose]();
  });

  const attacks: readonly (readonly [string, (nonce: string) => Uint8Array | null, string])[] = [
    ["another key's", (nonce) => testKey().sign(nonce), "signature-wrong"],
    ["random bytes", () => randomBytes(64), "signature-wrong"],
    ["none", () => null, "signature-missing"],
    ["an older connection's nonce", () => alice.sign(older.info.nonce ?? ""), "signature-wrong"],
    ["a replay of a good login", () => alice.sign(spent.info.nonce ?? ""), "signature-wrong"],
    ["S + L instead of S", (nonce) => malleated(alice.sign(nonce)), "signature-wrong"],
    [
      "a byte too many",
      (nonce) => Buffer.concat([alice.sign(nonce), Buffer.alloc(1)]),
      "signature-wrong",
    ],
  ];

  test.concurrent.each(attacks)("%s", async (name, signatureOf) => {
    const times = count("attacks");
    const knocks = await repeat(times, () =>
      scene.knock((nonce) => {
        const signature = signatureOf(nonce);
        return connectLine(alice, nonce, { sig: signature ? base64url(signature) : "" });
      }),
    );
    expect(knocks.filter(({ admitted }) => admitted)).toEqual([]);
    expect(new Set(knocks.flatMap(({ errors }) => errors))).toEqual(new Set([VIOLATION]));
    await expectHonestLogin();
    recordProof(`login with a wrong signature: ${name}`, { tried: times, admitted: 0 });
  });

  test("and each of them is counted", async () => {
    for (const reason of ["signature-wrong", "signature-missing"]) {
      const kinds = attacks.filter(([, , expected]) => expected === reason).length;
      expect(await scene.refused(`login.${reason}`)).toBe(kinds * count("attacks"));
    }
  });
});

test("a stranger, and whoever offers something else than a key, is refused with its reason [M-066]", async () => {
  const stranger = testKey();
  const sign = (key: TestKey, nonce: string) => base64url(key.sign(nonce));
  const jwt = [
    { typ: "JWT", alg: "ed25519-nkey" },
    { sub: alice.user, nats: { type: "user" } },
  ]
    .map((part) => base64url(Buffer.from(JSON.stringify(part))))
    .concat("c2ln")
    .join(".");
  const account = encodeNkey("account", randomBytes(32));
  const tries: readonly (readonly [string | null, (nonce: string) => object])[] = [
    ["no-credentials", () => ({})],
    ["no-credentials", () => ({ jwt })],
    ["no-credentials", (nonce) => ({ jwt, sig: sign(alice, nonce) })],
    ["no-credentials", (nonce) => ({ sig: sign(alice, nonce) })],
    ["not-a-key", () => ({ user: "alice", pass: "hunter2" })],
    ["not-a-key", () => ({ user: alice.user, pass: "" })],
    ["not-a-key", () => ({ auth_token: "hunter2" })],
    ["not-a-key", (nonce) => ({ nkey: alice.user, sig: sign(alice, nonce), user: "alice" })],
    ["not-a-key", (nonce) => ({ nkey: alice.user, sig: sign(alice, nonce), auth_token: "t" })],
    ["key-unknown", (nonce) => ({ nkey: stranger.user, sig: sign(stranger, nonce) })],
    ["key-unknown", (nonce) => ({ nkey: stranger.user, sig: sign(alice, nonce) })],
    ["user-revoked", (nonce) => ({ nkey: revoked.user, sig: sign(revoked, nonce) })],
    ["key-malformed", (nonce) => ({ nkey: alice.user.toLowerCase(), sig: sign(alice, nonce) })],
    ["key-malformed", (nonce) => ({ nkey: `${alice.user}\u0000`, sig: sign(alice, nonce) })],
    ["key-malformed", (nonce) => ({ nkey: ` ${alice.user}`, sig: sign(alice, nonce) })],
    ["key-malformed", (nonce) => ({ nkey: `${alice.user}\n`, sig: sign(alice, nonce) })],
    ["key-malformed", (nonce) => ({ nkey: account, sig: sign(alice, nonce) })],
    ["key-malformed", (nonce) => ({ nkey: alice.user.slice(0, -1), sig: sign(alice, nonce) })],
    ["signature-wrong", (nonce) => ({ nkey: alice.user, sig: sign(alice, `${nonce}\n`) })],
    ["signature-wrong", (nonce) => ({ nkey: alice.user, sig: `${sign(alice, nonce)}AAAA` })],
    // nats-server itself refuses to let a client choose its account.
    [null, (nonce) => ({ nkey: alice.user, sig: sign(alice, nonce), account: "SYS" })],
    [null, (nonce) => ({ nkey: alice.user, sig: sign(alice, nonce), new_account: true })],
  ];
  const { counts: before } = await scene.refusals();
  const knocks = await Promise.all(
    tries.map(([, optionsOf]) =>
      scene.knock(
        (nonce) => `CONNECT ${JSON.stringify({ verbose: false, ...optionsOf(nonce) })}\r\n`,
      ),
    ),
  );
  for (const [at, { admitted, errors }] of knocks.entries()) {
    expect([tries[at]?.[0], admitted, errors]).toEqual([tries[at]?.[0], false, [VIOLATION]]);
  }
  const { counts: after } = await scene.refusals();
  const reasons = tries.flatMap(([reason]) => reason ?? []);
  for (const reason of new Set(reasons)) {
    const what = `login.${reason}`;
    const counted = (after[what] ?? 0) - (before[what] ?? 0);
    expect([reason, counted]).toEqual([reason, reasons.filter((one) => one === reason).length]);
  }
  // nats-server drops a JWT before anybody sees it: beside a good signature it changes nothing.
  const beside = await scene.knock((nonce) => connectLine(alice, nonce, { jwt }));
  expect(beside).toEqual({ admitted: true, errors: [] });
  await expectHonestLogin();
});

test("the node's own keys cannot be borrowed: they sign for themselves alone [M-066]", async () => {
  const text = JSON.stringify(await runningNatsConfig(scene.unibus));
  const own = [...new Set(text.match(/\b[UA][A-Z2-7]{55}\b/g))];
  expect(own).toHaveLength(4);
  const tries = own.flatMap((nkey) => [
    (nonce: string) => ({ nkey, sig: base64url(alice.sign(nonce)) }),
    () => ({ nkey, sig: base64url(FORGED_SMALL_ORDER_SIGNATURE) }),
    () => ({ nkey }),
    () => ({ user: nkey }),
    (nonce: string) => ({ user: nkey, nkey: alice.user, sig: base64url(alice.sign(nonce)) }),
  ]);
  const times = count("attacks");
  const knocks = await repeat(times, (at) =>
    scene.knock((nonce) => `CONNECT ${JSON.stringify(tries[at % tries.length]?.(nonce))}\r\n`),
  );
  expect(knocks.filter(({ admitted }) => admitted)).toEqual([]);
  await expectHonestLogin();
  recordProof("login with a key of the node itself", { tried: times, admitted: 0 });
});

describe("a key of small order, for which anybody can sign, becomes nobody's [M-066]", () => {
  const keys = SMALL_ORDER_KEYS.map((hex) => userKeyOf(Buffer.from(hex, "hex")));

  test("at enrolment, over the API and on the command line", async () => {
    for (const user of keys) {
      const answer = await scene.unibus.api("POST", "/v1/users", { user });
      expect([answer.status, await answer.json()]).toMatchObject([422, { code: "key-invalid" }]);
    }
    const [some = ""] = keys;
    const ran = await scene.unibus.cli("user", "add", some, "--json");
    expect([ran.code, JSON.parse(ran.stderr)]).toMatchObject([3, { code: "key-invalid" }]);
    expect(ran.stdout).toBe("");
  });

  test("at connect, with the signature that verifies for everybody", async () => {
    const times = Math.max(count("attacks"), keys.length);
    const sig = base64url(FORGED_SMALL_ORDER_SIGNATURE);
    const before = await scene.refused("login.key-malformed");
    const knocks = await repeat(times, (at) =>
      scene.knock(() => `CONNECT ${JSON.stringify({ nkey: keys[at % keys.length], sig })}\r\n`),
    );
    expect(knocks.filter(({ admitted }) => admitted)).toEqual([]);
    expect((await scene.refused("login.key-malformed")) - before).toBe(times);
    await expectHonestLogin();
    recordProof("login with a key of small order", { tried: times, admitted: 0 });
  });
});

test("who is admitted or revoked while the node runs is so at the next connect [M-067, M-013]", async () => {
  const carol = testKey();
  const knock = async (): Promise<boolean> =>
    (await scene.knock((nonce) => connectLine(carol, nonce))).admitted;
  expect(await knock()).toBe(false);
  await scene.unibus.ask("POST", "/v1/users", { user: carol.user });
  expect(await knock()).toBe(true);
  await scene.revoke(carol);
  expect(await knock()).toBe(false);
  await scene.unibus.ask("POST", `/v1/users/${carol.user}/restore`);
  expect(await knock()).toBe(true);
});
