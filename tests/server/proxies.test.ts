import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Refusals } from "../../src/contract/refusals.ts";
import { eventually } from "../harness/eventually.ts";
import {
  askFrom,
  forwardedFor,
  openProxy,
  type PlainAnswer,
  type ProxyOptions,
  type ReverseProxy,
} from "../harness/proxy.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

const INNER = "127.0.0.10";
const OUTER = "127.0.1.11";
const PER_SECOND = 2;
/** What may come at once, five times the rate. */
const BURST = 10;
const RATE = ["--requests-per-address", `${PER_SECOND}`];

const openForwarding = (options: ProxyOptions) =>
  openProxy({ ...options, headersFor: forwardedFor });

let unibus: RunningUnibus;
let proxy: ReverseProxy;
let chain: ReverseProxy;
beforeAll(async () => {
  unibus = await startUnibus({ args: [...RATE, "--trusted-proxies", `${INNER}, 127.0.1.0/24`] });
  proxy = await openForwarding({ target: unibus.httpUrl, address: INNER });
  chain = await openForwarding({ target: proxy.url, address: OUTER });
});
afterAll(async () => {
  await chain[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await unibus[Symbol.asyncDispose]();
});

let clients = 20;
/** An address that asked for nothing yet. */
const newClient = (): string => `127.0.2.${++clients}`;

type Forged = (at: number) => string;

/** Empties the bucket of one address: all that it holds is answered, and then no more. */
async function empty(client: string, url: string, forged?: Forged): Promise<void> {
  const startedAt = performance.now();
  let answered = 0;
  for (let at = 0; ; at++) {
    const headers: Record<string, string> = forged ? { "x-forwarded-for": forged(at) } : {};
    const { status } = await askFrom(client, `${url}/readyz`, { headers });
    expect([200, 429]).toContain(status);
    if (status === 429) break;
    answered++;
    const trickledIn = ((performance.now() - startedAt) / 1000) * PER_SECOND;
    expect(answered).toBeLessThan(BURST + trickledIn + 1);
  }
  expect(answered).toBeGreaterThanOrEqual(BURST);
}

/** How many of a few requests at once are answered. */
async function answered(client: string, url: string): Promise<number> {
  const asked = Array.from({ length: BURST / 2 }, () => askFrom(client, `${url}/readyz`));
  return (await Promise.all(asked)).filter(({ status }) => status === 200).length;
}

const expectFull = async (client: string, url: string): Promise<void> =>
  expect(await answered(client, url)).toBe(BURST / 2);
const expectEmpty = async (client: string, url: string): Promise<void> =>
  expect(await answered(client, url)).toBeLessThan(BURST / 2);

describe("two clients behind a trusted proxy", () => {
  test("have buckets of their own (the incident of the one global bucket)", async () => {
    const [mallory, alice] = [newClient(), newClient()];
    await empty(mallory, proxy.url);
    await expectFull(alice, proxy.url);
    await expectEmpty(mallory, proxy.url);
  });

  test("have them behind a chain of proxies too", async () => {
    const [mallory, alice] = [newClient(), newClient()];
    await empty(mallory, chain.url);
    await expectFull(alice, chain.url);
    // It is the same client, whichever way it comes.
    await expectEmpty(mallory, proxy.url);
    await expectEmpty(mallory, unibus.httpUrl);
  });

  test("get no new bucket, and empty nobody's, by what they write themselves", async () => {
    for (const url of [proxy.url, chain.url]) {
      const [mallory, alice] = [newClient(), newClient()];
      const forged: Forged = (at) => [alice, `198.51.100.${at}`, INNER, "unknown"][at % 4] ?? "";
      await empty(mallory, url, forged);
      await expectFull(alice, url);
    }
  });
});

describe("X-Forwarded-For of somebody who is no trusted proxy", () => {
  test("changes nothing: neither their own bucket nor another's", async () => {
    const [mallory, alice] = [newClient(), newClient()];
    await empty(mallory, unibus.httpUrl, (at) => (at % 2 ? alice : `198.51.100.${at}`));
    await expectFull(alice, unibus.httpUrl);
  });

  test("leaves a proxy that is not trusted with one bucket for all behind it (the control)", async () => {
    await using stranger = await openForwarding({ target: unibus.httpUrl, address: "127.0.3.1" });
    await using behind = await openForwarding({ target: proxy.url, address: "127.0.3.2" });
    for (const { url } of [stranger, behind]) {
      await empty(newClient(), url);
      await expectEmpty(newClient(), url);
    }
  });
});

describe("a request too many", () => {
  const firstRefused = async (client: string, path: string): Promise<PlainAnswer> =>
    await eventually(
      async () => {
        const answer = await askFrom(client, `${unibus.httpUrl}${path}`);
        return answer.status === 429 ? answer : null;
      },
      { everyMs: 0 },
    );

  test("is told so, and how many seconds to wait, whatever it asks for", async () => {
    for (const path of ["/healthz", "/", "/v1/rooms", "/no/such/route"]) {
      const { headers, text } = await firstRefused(newClient(), path);
      expect(JSON.parse(text)).toMatchObject({ code: "too-many-requests", status: 429 });
      expect(headers["retry-after"]).toBe("1");
    }
  });

  test("goes on after the wait", async () => {
    const client = newClient();
    await firstRefused(client, "/readyz");
    await eventually(async () => (await answered(client, unibus.httpUrl)) > 0);
  });

  test("is no matter at the node's own socket", async () => {
    const answers = await Promise.all(
      Array.from({ length: BURST * 2 }, () => unibus.api("GET", "/readyz")),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});

describe("the log and the refusals", () => {
  test("tell the client's address, not the proxy's", async () => {
    for (const url of [unibus.httpUrl, proxy.url, chain.url]) {
      const client = newClient();
      const headers = { "x-forwarded-for": "198.51.100.99" };
      const asked = async (): Promise<boolean> => {
        expect((await askFrom(client, `${url}/v1/rooms`, { headers })).status).toBe(401);
        return unibus.log.some(({ from }) => from === client);
      };
      // A second has room for so many lines, and those before took it.
      await eventually(asked, { everyMs: 1_000 / PER_SECOND });
      const { last } = await unibus.ask<Refusals>("GET", "/v1/refusals");
      expect(last.map(({ address }) => address)).toContain(client);
    }
    const mallory = newClient();
    const foreign = { "sec-fetch-site": "cross-site" };
    const refused = async (): Promise<boolean> => {
      const { status } = await askFrom(mallory, `${proxy.url}/v1/rooms`, { headers: foreign });
      expect(status).toBe(403);
      return unibus.log.some(({ from }) => from === mallory);
    };
    await eventually(refused, { everyMs: 1_000 / PER_SECOND });
    const seen = new Set(unibus.log.map(({ from }) => from));
    for (const other of [INNER, OUTER, "198.51.100.99"]) expect(seen).not.toContain(other);
  });
});
