import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { residentBytes } from "../harness/machine.ts";
import { JSON_BODY_BYTES_MAX } from "../harness/promises.ts";
import { answersTo, openHttp, type RawHttp } from "../harness/raw-http.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

// In off everything but the shape of a request lets an attacker through.
let unibus: RunningUnibus;
let host = "";
let port = 0;
beforeAll(async () => {
  unibus = await startUnibus({ args: ["--bus-auth", "off", "--requests-per-address", "1000000"] });
  host = new URL(unibus.httpUrl).host;
  port = Number(new URL(unibus.httpUrl).port);
});
afterAll(() => unibus[Symbol.asyncDispose]());

const BODY = '{"name":"x"}';
/** What would be done if somebody took the end of one request for the beginning of another. */
const smuggled = (): string =>
  `POST /v1/rooms HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{"name":"smuggled!"}`;
const post = (headers: string, body: string): string =>
  `POST /v1/rooms HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${headers}\r\n${body}`;
const chunked = (head: string, rest = "\r\n0\r\n\r\n"): string =>
  post("Transfer-Encoding: chunked\r\n", `${head}${BODY}${rest}`);

async function roomNames(): Promise<readonly string[]> {
  const { rooms } = await unibus.ask<{ rooms: { name: string }[] }>("GET", "/v1/rooms?limit=1000");
  return rooms.map(({ name }) => name);
}

describe("the end of a request", () => {
  test("is where its one length or its last chunk says, and the next one follows (the control)", async () => {
    const whole = post(`Content-Length: ${BODY.length}\r\n`, BODY);
    expect(await answersTo(port, whole + chunked("c\r\n") + whole, host)).toEqual([201, 201, 201]);
    expect(await answersTo(port, chunked("C;a=b\r\n"), host)).toEqual([201]);
  });

  const length = `Content-Length: ${BODY.length}\r\n`;
  const ambiguous: readonly (readonly [string, () => string])[] = [
    [
      "a length and chunks",
      () => post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ],
    [
      "chunks and a length",
      () => post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
    ],
    ["two lengths", () => post(`Content-Length: 0\r\n${length}`, BODY)],
    ["one length twice", () => post(length + length, BODY)],
    ["a list of lengths", () => post("Content-Length: 12, 12\r\n", BODY)],
    ["a length with a sign", () => post("Content-Length: +12\r\n", BODY)],
    ["a length below zero", () => post("Content-Length: -1\r\n", BODY)],
    ["a length in another base", () => post("Content-Length: 0xc\r\n", BODY)],
    ["a length that overflows", () => post("Content-Length: 18446744073709551628\r\n", BODY)],
    ["a length with a space before its colon", () => post("Content-Length : 12\r\n", BODY)],
    ["an encoding that is not known", () => post("Transfer-Encoding: xchunked\r\n", BODY)],
    ["chunks inside another encoding", () => post("Transfer-Encoding: gzip, chunked\r\n", BODY)],
    ["chunks twice", () => post("Transfer-Encoding: chunked, chunked\r\n", BODY)],
    ["chunks behind a vertical tab", () => post("Transfer-Encoding: \vchunked\r\n", BODY)],
    ["chunks on a folded line", () => post("Transfer-Encoding:\r\n chunked\r\n", BODY)],
    ["a folded line", () => post(`X-A: b\r\n c\r\n${length}`, BODY)],
    ["a line without its return", () => post(`X-A: b\n${length}`, BODY)],
    ["a return without its line", () => post(`X-A: b\rX-B: c\r\n${length}`, BODY)],
    ["a zero byte", () => post(`X-A: b\0\r\n${length}`, BODY)],
    ["a header without a name", () => post(`: b\r\n${length}`, BODY)],
    ["a chunk's size with a sign", () => chunked("+c\r\n")],
    ["a chunk's size in C's spelling", () => chunked("0xc\r\n")],
    ["a chunk's size that overflows", () => chunked("1000000000000000c\r\n")],
    ["a line feed in a chunk's extension", () => chunked("c;a\nb\r\n")],
    ["a chunk that is longer than it says", () => chunked("5\r\n")],
    ["chunks that end in line feeds alone", () => chunked("c\n", "\n0\n\n")],
    [
      "headers behind the last chunk",
      () => chunked("c\r\n", "\r\n0\r\nContent-Length: 99\r\n\r\n"),
    ],
    ["a version of tomorrow", () => `GET /v1/rooms HTTP/1.2\r\nHost: ${host}\r\n\r\n`],
    ["a version of yesterday", () => "GET /v1/rooms\r\n"],
  ];
  test.each(ambiguous)("cannot be told two ways: %s [M-084]", async (_what, text) => {
    const statuses = await answersTo(port, text() + smuggled(), host);
    // One answer at most, after which the connection is over; a body that came whole may count.
    expect(statuses.filter((status) => status === 201).length).toBeLessThanOrEqual(
      statuses.length > 1 ? 1 : 0,
    );
    for (const status of statuses.slice(-1)) expect([400, 413, 505]).toContain(status);
    expect(await roomNames()).not.toContain("smuggled!");
  });
});

describe("a body", () => {
  const ask = (body: string | Uint8Array<ArrayBuffer>) =>
    fetch(`${unibus.httpUrl}/v1/rooms`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });

  test.each([
    ["ten thousand arrays", "[".repeat(10_000) + "]".repeat(10_000), 413],
    ["as many arrays as fit", "[".repeat(8_000) + "]".repeat(8_000), 400],
    ["as many objects as fit", `${'{"a":'.repeat(2_500)}1${"}".repeat(2_500)}`, 400],
    ["arrays without end", "[".repeat(16_000), 400],
    ["nothing but quotes", '"'.repeat(16_000), 400],
    ["nothing but backslashes", `"${"\\".repeat(16_000)}`, 400],
    ["thousands of members", `{${Array.from({ length: 1_500 }, (_, at) => `"${at}":1`)}}`, 422],
    ["a prototype", '{"name":"x","__proto__":{"admin":true}}', 422],
    ["nothing but a prototype", '{"__proto__":{"name":"x"}}', 422],
    ["a constructor", '{"name":"x","constructor":{"prototype":{}}}', 422],
    ["a name that cannot be shown", '{"name":{"toString":1,"valueOf":1}}', 422],
    ["a name that shows itself", '{"name":{"toJSON":1}}', 422],
    ["a lone surrogate", '{"name":"\\ud800"}', 422],
    ["a zero character", '{"name":"a\\u0000b"}', 422],
    [
      "bytes that are not UTF-8",
      new Uint8Array([...Buffer.from('{"name":"'), 0xff, 0x22, 0x7d]),
      400,
    ],
    [
      "bytes that are too long for UTF-8",
      new Uint8Array([...Buffer.from('{"name":"'), 0xc0, 0xaf, 0x22, 0x7d]),
      400,
    ],
    ["a mark of order first", '\ufeff{"name":"x"}', 400],
    ["white space", "   ", 400],
    ["no object", "[]", 422],
  ] as const)(
    "is refused in good time, and the node meets no error: %s",
    async (_what, body, status) => {
      const before = unibus.log.length;
      const startedAt = performance.now();
      const answer = await ask(body);
      expect(answer.status).toBe(status);
      expect(performance.now() - startedAt).toBeLessThan(1_000);
      expect(await answer.json()).toMatchObject({ status });
      expect(unibus.log.slice(before).filter(({ level }) => level === "error")).toEqual([]);
      // What it might have changed for good would be seen by the next one.
      expect((await ask(BODY)).status).toBe(201);
    },
  );

  test("has one ceiling, however often its length is told [M-084]", async () => {
    const body = `{"name":"${"x".repeat(JSON_BODY_BYTES_MAX)}"}`;
    const length = `Content-Length: ${body.length}\r\n`;
    expect(await answersTo(port, post(length, body), host)).toEqual([413]);
    expect(await answersTo(port, post(length + length, body), host)).toEqual([400]);
  });

  test("is not unpacked: a small one cannot become a large one", async () => {
    for (const encoding of ["gzip", "deflate", "br", "zstd", "identity"]) {
      const headers = { "content-type": "application/json", "content-encoding": encoding };
      const body = Bun.gzipSync(Buffer.alloc(50_000_000));
      const answer = await fetch(`${unibus.httpUrl}/v1/rooms`, { method: "POST", headers, body });
      expect([encoding, answer.status]).toEqual([encoding, 415]);
    }
  });
});

test("what names another route, method or host in a header is not heard", async () => {
  const names = await roomNames();
  for (const header of [
    "X-HTTP-Method-Override: DELETE",
    "X-Original-URL: /v1/users",
    "X-Forwarded-Host: evil.example",
    "Forwarded: host=evil.example",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGVzdA==\r\nSec-WebSocket-Version: 13",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk",
  ]) {
    const text = `GET /v1/rooms HTTP/1.1\r\nHost: ${host}\r\n${header}\r\n\r\n`;
    expect([header, await answersTo(port, text, host)]).toEqual([header, [200]]);
  }
  expect(await roomNames()).toEqual(names);
});

test("no answer allows a page of another origin anything", async () => {
  for (const method of ["OPTIONS", "GET", "POST"]) {
    for (const origin of ["http://evil.example", "null", unibus.httpUrl]) {
      const headers = { origin, "access-control-request-method": "POST" };
      const answer = await fetch(`${unibus.httpUrl}/v1/rooms`, { method, headers });
      const allowed = [...answer.headers.keys()].filter((name) =>
        name.startsWith("access-control"),
      );
      expect(allowed).toEqual([]);
      expect(answer.status).toBeGreaterThanOrEqual(
        method === "GET" && origin === unibus.httpUrl ? 200 : 400,
      );
    }
  }
});

test("requests in their thousands do not fill the log, and what is left out is counted", async () => {
  const before = unibus.log.length;
  const startedAt = Date.now();
  const requests = count("requests-in-a-flood");
  let asked = 0;
  const one = async (): Promise<void> => {
    while (asked++ < requests) await (await fetch(`${unibus.httpUrl}/no/such/route`)).text();
  };
  await Promise.all([one(), one(), one(), one()]);
  const seconds = Math.ceil((Date.now() - startedAt) / 1_000) + 1;
  const lines = unibus.log.slice(before);
  expect(lines.length).toBeLessThanOrEqual(101 * seconds);
  await eventually(async () => {
    await fetch(`${unibus.httpUrl}/no/such/route`);
    return unibus.log.slice(before).some(({ event }) => event === "log.shortened");
  });
  recordProof("lines of the log after a flood of requests", { requests, lines: lines.length });
});

test("clients that send as slowly as they may do not slow the others, and are closed [M-082]", async () => {
  const sockets = count("slow-sockets");
  const slow = [
    `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `,
    post("Content-Length: 16000\r\n", "{"),
    "",
  ];
  const before = residentBytes(unibus.pid);
  const open: RawHttp[] = [];
  for (let at = 0; at < sockets; at++) open.push(await openHttp(port, slow[at % slow.length]));
  const startedAt = performance.now();
  const timer = setInterval(() => {
    for (const { socket, closed } of open) if (!closed) socket.write("x");
  }, 1_000);
  const times: number[] = [];
  const allClosed = async (): Promise<boolean> => {
    const askedAt = performance.now();
    expect((await fetch(`${unibus.httpUrl}/healthz`)).status).toBe(200);
    times.push(performance.now() - askedAt);
    return open.every(({ closed }) => closed);
  };
  await eventually(allClosed, { timeoutMs: 16_000, everyMs: 20, what: "all to be closed" });
  clearInterval(timer);
  const grownBytes = residentBytes(unibus.pid) - before;
  times.sort((one, other) => one - other);
  const p99Ms = times[Math.floor(times.length * 0.99)] ?? 0;
  const lastMs = Math.max(...open.map(({ closedAt }) => closedAt - startedAt));
  expect(lastMs).toBeLessThan(15_000);
  expect(p99Ms).toBeLessThan(200);
  expect(grownBytes).toBeLessThan(64 * 1024 * 1024);
  recordProof("health while slow clients hold connections", {
    ...{ sockets, healthP99Ms: Math.round(p99Ms), closedAfterMs: Math.round(lastMs) },
    grownMiB: Math.round(grownBytes / 1024 / 1024),
  });
}, 30_000);
