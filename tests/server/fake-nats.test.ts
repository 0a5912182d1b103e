import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPublicKey, verify } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Callers, openCallers, type SigningCaller } from "../harness/callers.ts";
import { recordProof } from "../harness/counts.ts";
import { openFakeNats } from "../harness/fake-nats.ts";
import { fetchNatsPy } from "../harness/nats-py.ts";
import { encodeSeed } from "../harness/nkey.ts";
import { runProcess } from "../harness/run-process.ts";
import { type Handed, stolenSignatures } from "../harness/stolen-signatures.ts";
import { type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

// A NATS client signs whatever text its server sends as nonce. Here a server sends what would be worth
// something, to clients of others; ours log in to no NATS server with a user's key.

const STOCK = join(import.meta.dir, "../stock");
const folder = temporaryFolder();
const natsPy = await fetchNatsPy(join(folder.path, "nats-py"));
let unibus: RunningUnibus;
let callers: Callers;
let user: SigningCaller;
let keyFile: string;

beforeAll(async () => {
  unibus = await startUnibus();
  callers = await openCallers(unibus);
  user = callers.signing();
  await unibus.ask("POST", "/v1/users", { user: user.user, name: "ada" });
  keyFile = join(folder.path, "ada.nk");
  writeFileSync(keyFile, encodeSeed(user.signer.key.seed), { mode: 0o600 });
});
afterAll(async () => {
  await unibus?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Whether a signature in base64url is the user's over some bytes. */
function isOver(bytes: Buffer, signature: string): boolean {
  const x = user.signer.key.publicKey.toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return verify(null, bytes, key, Buffer.from(signature, "base64url"));
}

/** Lets a client log in to a false server, and shows to the node whatever it signed there. */
async function steal(
  client: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<readonly (Handed & { readonly signature: string; readonly told: string })[]> {
  const { secret } = await unibus.ask<{ readonly secret: string }>("POST", "/v1/invites", {});
  const url = `${unibus.httpUrl}/v1/me`;
  const handed = stolenSignatures(callers, user, { url, inviteText: secret });
  await using fake = await openFakeNats(handed.map(({ line }) => line));
  const words = [...client, `${fake.port}`, keyFile, `${handed.length}`];
  const ran = await runProcess(words, { env: { PATH: process.env.PATH ?? "", ...env } });
  // What the library says of the lines that it cannot read goes to stderr.
  expect(ran.stdout.trimEnd().split("\n")).toHaveLength(handed.length);
  const stolen = [];
  for (const [at, one] of handed.entries()) {
    const signature = fake.signatures[at] ?? null;
    if (signature === null) continue;
    stolen.push({ ...one, signature, told: await one.present(signature) });
  }
  return stolen;
}

function expectWorthless(stolen: Awaited<ReturnType<typeof steal>>, client: string): void {
  expect(stolen.map(({ what, told }) => [what, told])).toEqual(
    stolen.map(({ what, code }) => [what, code]),
  );
  // The clients do sign what they are handed, so the node's refusals were put to the test.
  const requests = stolen.filter(({ what }) => what.startsWith("a request"));
  expect(requests.map(({ wanted, signature }) => isOver(wanted, signature))).toEqual(
    Array(3).fill(true),
  );
  const others = stolen.filter(({ what }) => !what.startsWith("a request"));
  expect(others.length).toBeGreaterThan(12);
  expect(others.filter(({ wanted, signature }) => isOver(wanted, signature))).toEqual([]);
  recordProof("nonces", { client, handedAndSigned: stolen.length, worthSomething: 0 });
}

describe("a false NATS server that hands out what it wants signed", () => {
  test("gets nothing that a node takes from nats.js under Node", async () => {
    const stolen = await steal(["node", join(STOCK, "login.mjs")], {});
    expectWorthless(stolen, "nats.js");
  }, 30_000);

  const how = natsPy ? test : test.skip;
  how(
    `gets nothing that a node takes from nats-py${natsPy ? "" : " (no PyPI)"}`,
    async () => {
      const stolen = await steal(["python3", join(STOCK, "login.py")], natsPy ?? {});
      expectWorthless(stolen, "nats-py");
    },
    30_000,
  );

  test("would get something if it could have bytes signed: the same doors open to the right ones", async () => {
    const body = { name: "board", content: "encrypted", genesis: user.signer.genesis() };
    expect((await user.ask("POST", "/v1/rooms", { body })).told).toBe("201");
    expect((await user.ask("GET", "/v1/me")).told).toBe("200");
    const { secret } = await unibus.ask<{ readonly secret: string }>("POST", "/v1/invites", {});
    const newcomer = callers.signing();
    const { invite, proof } = newcomer.signer.proveInvite(secret);
    const path = `/v1/invites/${invite}/redeem`;
    expect((await newcomer.ask("POST", path, { body: { proof } })).told).toBe("201");
  });
});
