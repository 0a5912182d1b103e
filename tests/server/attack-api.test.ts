import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Health } from "../../src/contract/health.ts";
import { type Callers, openCallers } from "../harness/callers.ts";
import { eventually } from "../harness/eventually.ts";
import { connectStock } from "../harness/stock-client.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

let unibus: RunningUnibus;
let callers: Callers;
beforeAll(async () => {
  unibus = await startUnibus({ args: ["--requests-per-address", "100000"] });
  callers = await openCallers(unibus);
});
afterAll(() => unibus[Symbol.asyncDispose]());

test("a stranger is not told when somebody comes online, and the operator is", async () => {
  const alice = callers.signing();
  await unibus.ask("POST", "/v1/users", { user: alice.user });
  const asStranger = await callers.unsigned.get<Health>("GET", "/healthz");
  const client = await connectStock(unibus.natsPort, alice.signer.key);
  await eventually(async () => (await healthText()).includes("1 clients connected"));
  expect(await callers.unsigned.get<Health>("GET", "/healthz")).toEqual(asStranger);
  expect((await alice.ask("GET", "/healthz")).text).not.toContain("clients connected");
  await client.close();
});

async function healthText(): Promise<string> {
  return (await unibus.api("GET", "/healthz")).text();
}

describe("a key that anybody can make", () => {
  const REDEEM = `/v1/invites/${"a".repeat(26)}/redeem`;

  test("keeps nobody waiting by what it sends as JSON", async () => {
    const url = `${unibus.httpUrl}${REDEEM}`;
    const headers = { "content-type": "application/json" };
    const body = '\\"'.repeat(8_192);
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { signer } = callers.signing();
        const proof = signer.sign({ method: "POST", url, body, headers });
        const answer = await fetch(url, {
          method: "POST",
          headers: { ...headers, ...proof },
          body,
        });
        expect(answer.status).toBe(400);
      }),
    );
    // Ten of them took five seconds, and nobody else was answered meanwhile.
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test("writes nothing into the journal by an invite that somebody used", async () => {
    const made = await callers.operator.get<{ secret: string }>("POST", "/v1/invites", {});
    const redeem = async () => {
      const newcomer = callers.signing();
      const { invite, proof } = newcomer.signer.proveInvite(made.secret);
      return newcomer.ask("POST", `/v1/invites/${invite}/redeem`, { body: { proof } });
    };
    const lastSeq = async () =>
      Number((await unibus.api("POST", "/v1/rooms", { name: "probe" })).headers.get("unibus-seq"));
    const together = await Promise.all(Array.from({ length: 20 }, redeem));
    expect(together.filter(({ status }) => status === 201)).toHaveLength(1);
    const before = await lastSeq();
    for (let times = 0; times < 5; times++)
      expect((await redeem()).told).toBe("410 invite-redeemed");
    expect(await lastSeq()).toBe(before + 1);
  });
});

test("a change that does not compare versions is not done in spite of If-Match", async () => {
  const { room } = await unibus.ask<{ room: string }>("POST", "/v1/rooms", { name: "precious" });
  const headers = { "if-match": '"of-another-time"' };
  const { told } = await callers.operator.ask("DELETE", `/v1/rooms/${room}`, { headers });
  expect(told).toBe("400 request-malformed");
  expect((await unibus.api("GET", `/v1/rooms/${room}`)).status).toBe(200);
});
