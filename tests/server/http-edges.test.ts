import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { JSON_BODY_BYTES_MAX } from "../../src/core/limits.ts";
import { listenSocket, listenTcp } from "../../src/http/listen.ts";
import { openTestApi } from "../harness/api.ts";
import { eventually } from "../harness/eventually.ts";
import { openHttp, type RawHttp } from "../harness/raw-http.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const hostname = "127.0.0.1";
let own = "";
const api = openTestApi({ mode: "off", ownHosts: () => [own] });
const listening = listenTcp({
  hostname,
  port: 0,
  fetch: (request, address) => api.app.fetch(request, { kind: "tcp", address }),
});
own = `${hostname}:${listening.port}`;
afterAll(async () => {
  await listening.stop(0);
  api[Symbol.dispose]();
});

const HOST = () => `Host: ${own}\r\n`;
const JSON_TYPE = "Content-Type: application/json\r\n";

const open = (text: string) => openHttp(listening.port, text);

/** The status of the first answer; 0 without one. */
const statusIn = (connection: RawHttp): number => connection.statuses()[0] ?? 0;

async function statusOf(text: string): Promise<number> {
  const connection = await open(text);
  await eventually(() => connection.received.includes("\r\n\r\n") || connection.closed);
  connection.socket.destroy();
  return statusIn(connection);
}

describe("a request over a raw connection", () => {
  test("is answered when it is whole (the control of this file)", async () => {
    expect(await statusOf(`GET /healthz HTTP/1.1\r\n${HOST()}\r\n`)).toBe(200);
  });

  test("with two Host headers, none, or an empty one is refused", async () => {
    const two = [
      `${HOST()}Host: evil.example\r\n`,
      `Host: evil.example\r\n${HOST()}`,
      HOST() + HOST(),
    ];
    for (const hosts of [...two, "Host:\r\n"]) {
      expect(await statusOf(`GET /healthz HTTP/1.1\r\n${hosts}\r\n`)).toBe(421);
    }
    expect(await statusOf("GET /healthz HTTP/1.1\r\n\r\n")).toBe(400);
    expect(await statusOf("GET /healthz HTTP/1.0\r\n\r\n")).toBe(421);
  });

  test("with a target that is no path finds no route", async () => {
    expect(await statusOf(`CONNECT evil.example:1 HTTP/1.1\r\n${HOST()}\r\n`)).toBeGreaterThan(399);
    expect(await statusOf(`GET //evil.example/healthz HTTP/1.1\r\n${HOST()}\r\n`)).toBe(404);
    expect(await statusOf(`OPTIONS * HTTP/1.1\r\n${HOST()}\r\n`)).toBe(400);
  });

  test("with two lengths, or a length and chunks, is refused [M-084]", async () => {
    const head = `POST /v1/rooms HTTP/1.1\r\n${HOST()}${JSON_TYPE}`;
    const lengths = [
      "Content-Length: 2\r\nContent-Length: 3\r\n",
      "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    ];
    for (const length of lengths) expect(await statusOf(`${head}${length}\r\n{}`)).toBe(400);
  });

  test("with two Idempotency-Keys is refused", async () => {
    const keys = "Idempotency-Key: a\r\nIdempotency-Key: b\r\n";
    const text = `POST /v1/rooms HTTP/1.1\r\n${HOST()}${JSON_TYPE}${keys}Content-Length: 2\r\n\r\n{}`;
    expect(await statusOf(text)).toBe(400);
  });

  test("with two megabytes of headers is refused or cut off [M-081]", async () => {
    const connection = await open(`GET /healthz HTTP/1.1\r\n${HOST()}X-Long: `);
    connection.socket.write("x".repeat(2 * 1024 * 1024));
    await eventually(() => connection.closed || statusIn(connection) > 0);
    expect([0, 431]).toContain(statusIn(connection));
    connection.socket.destroy();
  });

  test("whose header never ends is closed within 15 s [M-082]", async () => {
    const connection = await open(`GET /healthz HTTP/1.1\r\n${HOST()}X-Slow: `);
    const startedAt = performance.now();
    const timer = setInterval(() => connection.socket.write("x"), 1_000);
    await eventually(() => connection.closed, { timeoutMs: 17_000, everyMs: 100 });
    clearInterval(timer);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(statusIn(connection)).not.toBe(200);
  }, 20_000);
});

describe("a body that is too large", () => {
  const head = () => `POST /v1/rooms HTTP/1.1\r\n${HOST()}${JSON_TYPE}`;

  test("by its announced length is refused with a problem, and the connection closed [M-084]", async () => {
    for (const length of [JSON_BODY_BYTES_MAX + 1, 10_000_000_000]) {
      const connection = await open(`${head()}Content-Length: ${length}\r\n\r\n`);
      await eventually(() => connection.closed);
      expect(statusIn(connection)).toBe(413);
      if (length < 1_000_000) expect(connection.received).toContain("request-too-large");
    }
  });

  test("and sent whole is refused with a problem that arrives [M-084]", async () => {
    const body = "x".repeat(300_000);
    const connection = await open(`${head()}Content-Length: ${body.length}\r\n\r\n${body}`);
    await eventually(() => connection.closed);
    expect(statusIn(connection)).toBe(413);
    expect(connection.received).toContain("request-too-large");
  });

  test("in chunks without an end is cut off while it comes in [M-084]", async () => {
    const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
    for (const path of ["/v1/rooms", "/no/such/route", "/v1/users"]) {
      const start = `POST ${path} HTTP/1.1\r\n${HOST()}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n`;
      const connection = await open(start);
      let sentBytes = 0;
      const timer = setInterval(() => {
        connection.socket.write(chunk);
        sentBytes += chunk.length;
      }, 1);
      await eventually(() => connection.closed);
      clearInterval(timer);
      expect(sentBytes).toBeLessThan(20_000_000);
      expect([0, 413, 404]).toContain(statusIn(connection));
    }
    expect((await api.atSocket("GET", "/v1/rooms")).json.rooms).toEqual([]);
  });

  test("never makes what follows it a request of its own", async () => {
    const smuggled = `DELETE /v1/rooms/x HTTP/1.1\r\n${HOST()}\r\n`;
    const before = api.log.length;
    const connection = await open(
      `${head()}Content-Length: 70000\r\n\r\n${"x".repeat(70_000)}${smuggled}`,
    );
    await eventually(() => connection.closed);
    expect(api.log.slice(before).map(({ fields }) => fields.status)).toEqual([413]);
  });
});

test("an answer that takes longer than a client may be silent is waited for when its request is there", async () => {
  const slow = Promise.withResolvers<void>();
  const patient = listenTcp({
    ...{ hostname, port: 0, silenceMs: 4_000 },
    fetch: async (request, _address, bearWith) => {
      if ((await request.text()) !== "") bearWith();
      await slow.promise;
      return new Response("done at last");
    },
  });
  const url = `http://${hostname}:${patient.port}/`;
  const ask = (body: string) =>
    fetch(url, { method: "POST", body }).then(
      (answer) => answer.text(),
      () => "cut off",
    );
  using folder = temporaryFolder();
  const path = join(folder.path, "unibus.sock");
  const begunAt = performance.now();
  // Longer than Bun waits at a socket, if nobody says otherwise.
  const longEnough = () => performance.now() > begunAt + 13_000;
  const atSocket = eventually(longEnough, { timeoutMs: 20_000, everyMs: 100 });
  const answerLate = () => atSocket.then(() => new Response("late"));
  const socket = await listenSocket({ path, fetch: answerLate });
  const waiting = fetch("http://localhost/", { unix: path, method: "POST" });
  const asked = ask("all of it");
  // Who is not borne with is cut off, and so it has been that long.
  expect(await ask("")).toBe("cut off");
  slow.resolve();
  expect(await asked).toBe("done at last");
  expect(await (await waiting).text()).toBe("late");
  await Promise.all([patient.stop(0), socket.stop(0)]);
}, 30_000);
