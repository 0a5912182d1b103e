import { describe, expect, test } from "bun:test";
import { ANSWER_BYTES_MAX, CLOCK_CORRECTION_MS_MAX } from "../../src/core/limits.ts";
import { PROBLEMS, Problem, type ProblemCode } from "../../src/core/problems.ts";
import { createClient } from "../../src/sdk/client.ts";
import type { RequestToSign } from "../../src/sdk/sign-request.ts";
import type { TransportOptions } from "../../src/sdk/transport.ts";

const baseUrl = "https://bus.example.org";
const BUS = "b".repeat(32);
const NOW = 1_700_000_000_000;

/** A node that gives its answers one after the other, then empty ones, and a client of it. */
function sceneOf(answers: readonly Response[], as: Partial<TransportOptions> = { busId: BUS }) {
  const sent: Request[] = [];
  const signed: (RequestToSign & { readonly busId: string })[] = [];
  const left = [...answers];
  const signRequest: NonNullable<TransportOptions["identity"]>["signRequest"] = async (request) => {
    signed.push(request);
    return { signature: `number ${signed.length}` };
  };
  const client = createClient({
    baseUrl,
    now: () => NOW,
    ...(as.token === undefined ? { identity: { signRequest } } : {}),
    ...as,
    async fetch(url, init) {
      sent.push(new Request(url, init));
      return left.shift() ?? Response.json({});
    },
  });
  const headers = (name: string) => sent.map((request) => request.headers.get(name));
  const paths = () => sent.map(({ url }) => new URL(url).pathname);
  return { client, sent, signed, headers, paths };
}

function refused(code: ProblemCode, headers: Record<string, string> = {}): Response {
  const { status } = PROBLEMS[code];
  return Response.json({ code, detail: `Cannot do it: ${code}` }, { status, headers });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "done";
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}

describe("a request", () => {
  test("is signed with all that it says", async () => {
    const { client, signed, headers } = sceneOf([]);
    await client.rooms.update("r", { name: "x" }, { ifMatch: "v1", idempotencyKey: "k1" });
    expect(signed).toEqual([
      {
        method: "PATCH",
        url: `${baseUrl}/v1/rooms/r`,
        body: '{"name":"x"}',
        headers: { "idempotency-key": "k1", "if-match": '"v1"' },
        busId: BUS,
        now: NOW,
      },
    ]);
    expect(headers("signature")).toEqual(["number 1"]);
    expect([headers("if-match"), headers("idempotency-key")]).toEqual([['"v1"'], ["k1"]]);
  });

  test("carries the token, where that is what one has", async () => {
    const { client, signed, headers } = sceneOf([], { token: "ubt_x" });
    await client.me.show();
    expect([headers("authorization"), signed]).toEqual([["Bearer ubt_x"], []]);
  });

  test("for health is asked as nobody: it tells which bus this is before a secret is used", async () => {
    const [byKey, byToken] = [sceneOf([]), sceneOf([], { token: "ubt_x" })];
    await byKey.client.health();
    await byToken.client.health();
    expect([byKey.signed, byToken.headers("authorization")]).toEqual([[], [null]]);
  });

  test("that changes something has an Idempotency-Key of its own, and a question has none", async () => {
    const { client, headers } = sceneOf([]);
    await client.users.revoke("u");
    await client.users.revoke("u");
    await client.users.list();
    const [first, second, question] = headers("idempotency-key");
    expect([first, second]).toEqual(Array(2).fill(expect.stringMatching(/^[0-9a-f]{32}$/)));
    expect(first).not.toBe(second ?? null);
    expect(question).toBeNull();
  });

  test("is for this node alone: it follows no redirect", async () => {
    const elsewhere = new Response(null, {
      status: 307,
      headers: { location: "https://evil.test" },
    });
    const { client, sent } = sceneOf([elsewhere]);
    expect(await codeOf(client.me.show())).toBe("node-unreachable");
    expect(sent.map(({ redirect }) => redirect)).toEqual(["manual"]);
  });
});

describe("without a bus id", () => {
  const health = () => Response.json({ bus: BUS });

  test("the node is asked for it, once", async () => {
    const { client, signed, paths } = sceneOf([health()], {});
    await Promise.all([client.me.show(), client.bus()]);
    expect(signed.map(({ busId }) => busId)).toEqual([BUS, BUS]);
    expect(paths()).toEqual(["/healthz", "/v1/me", "/v1/bus"]);
  });

  test("nothing is signed for a node that does not tell it, and the next request asks again", async () => {
    const { client, signed, paths } = sceneOf([Response.json({}), health()], {});
    expect(await codeOf(client.me.show())).toBe("node-unreachable");
    expect(signed).toEqual([]);
    expect(await codeOf(client.me.show())).toBe("done");
    expect(paths()).toEqual(["/healthz", "/healthz", "/v1/me"]);
  });
});

describe("a signature that is refused for its time", () => {
  test.each(["signature-expired", "signature-future"] as const)(
    "is made anew by the node's clock, and so are the next ones: %s",
    async (code) => {
      const { client, signed } = sceneOf([refused(code, { "unibus-skew-ms": "-90000" })]);
      await client.me.show();
      await client.me.show();
      expect(signed.map(({ now }) => now - NOW)).toEqual([0, -90_000, -90_000]);
    },
  );

  test("is corrected by the answer's date where it tells no more", async () => {
    const date = new Date(NOW + 7_000).toUTCString();
    const { client, signed } = sceneOf([refused("signature-before-start", { date })]);
    expect(await codeOf(client.me.show())).toBe("done");
    expect(signed.map(({ now }) => now - NOW)).toEqual([0, 7_000]);
  });

  test("keeps the clock as it is when the answer tells nonsense", async () => {
    const headers = { "unibus-skew-ms": "soon", date: "yesterday" };
    const { client, signed } = sceneOf([refused("signature-expired", headers)]);
    await client.me.show();
    expect(signed.map(({ now }) => now)).toEqual([NOW, NOW]);
  });

  test("follows no node to another day, where it could use what was signed for then", async () => {
    const day = CLOCK_CORRECTION_MS_MAX;
    for (const skew of [day + 1, -day - 1, 10 ** 14]) {
      const answers = [refused("signature-expired", { "unibus-skew-ms": `${skew}` })];
      const { client, signed } = sceneOf(answers);
      expect(await codeOf(client.me.show())).toBe("signature-expired");
      expect(signed.map(({ now }) => now)).toEqual([NOW]);
    }
    const step = { "unibus-skew-ms": `${day}` };
    const { client, signed } = sceneOf([
      refused("signature-expired", step),
      refused("signature-expired", step),
      refused("signature-expired", step),
    ]);
    await codeOf(client.me.show());
    await codeOf(client.me.show());
    expect(Math.max(...signed.map(({ now }) => now - NOW))).toBe(day);
  });

  test("is tried twice, not more", async () => {
    const twice = [refused("signature-future"), refused("signature-future")];
    const { client, sent } = sceneOf(twice);
    expect(await codeOf(client.me.show())).toBe("signature-future");
    expect(sent).toHaveLength(2);
  });
});

describe("a request that is sent again", () => {
  test.each(["signature-before-start", "signature-repeated"] as const)(
    "has the same Idempotency-Key and another signature: %s",
    async (code) => {
      const { client, headers } = sceneOf([refused(code)]);
      await client.users.revoke("u");
      const [first, again] = headers("idempotency-key");
      expect(again).toBe(first ?? "");
      expect(headers("signature")).toEqual(["number 1", "number 2"]);
    },
  );

  test.each(["identity-revoked", "signature-wrong", "too-many-requests", "forbidden"] as const)(
    "is none where another signature would not help: %s",
    async (code) => {
      const { client, sent } = sceneOf([refused(code)]);
      expect(await codeOf(client.users.revoke("u"))).toBe(code);
      expect(sent).toHaveLength(1);
    },
  );

  test("is none of a token, which has no time of its own", async () => {
    const { client, sent } = sceneOf([refused("signature-expired")], { token: "ubt_x" });
    expect(await codeOf(client.me.show())).toBe("signature-expired");
    expect(sent).toHaveLength(1);
  });
});

describe("a node that does not enforce", () => {
  const asAnybody = (code: string, status = 200) =>
    Response.json({ kind: "anonymous" }, { status, headers: { "unibus-would-refuse": code } });

  test("that takes one for anybody is not believed to have done it as oneself", async () => {
    const { client, sent } = sceneOf([asAnybody("identity-revoked"), asAnybody("user-unknown")]);
    expect(await codeOf(client.me.show())).toBe("identity-revoked");
    expect(await codeOf(client.rooms.create({ name: "x" }))).toBe("user-unknown");
    expect(sent).toHaveLength(2);
  });

  test("is asked anew by its clock, but a change is not made a second time", async () => {
    const { client, sent, signed } = sceneOf([asAnybody("signature-expired")]);
    expect(await codeOf(client.me.show())).toBe("done");
    expect(signed).toHaveLength(2);
    const change = sceneOf([asAnybody("signature-expired")]);
    expect(await codeOf(change.client.rooms.create({ name: "x" }))).toBe("signature-expired");
    expect([sent.length, change.sent.length]).toEqual([2, 1]);
    const undone = sceneOf([asAnybody("signature-expired", 403)]);
    expect(await codeOf(undone.client.rooms.create({ name: "x" }))).toBe("done");
    expect(undone.sent).toHaveLength(2);
  });
});

test("an answer without end is given up: what is there is no node", async () => {
  const block = new Uint8Array(1024 * 1024);
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += block.length;
      controller.enqueue(block);
    },
  });
  const { client } = sceneOf([new Response(endless)]);
  expect(await codeOf(client.me.show())).toBe("node-unreachable");
  expect(pulled).toBeLessThan(ANSWER_BYTES_MAX + 4 * block.length);
});
