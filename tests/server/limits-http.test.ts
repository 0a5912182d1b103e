import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { Refusals } from "../../src/contract/refusals.ts";
import { type CertificateFiles, writeCertificates } from "../harness/certificates.ts";
import { eventually } from "../harness/eventually.ts";
import { residentBytes } from "../harness/machine.ts";
import { type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const hostname = "127.0.0.1";
const SLOW_MS_MAX = 15_000;
const folder = temporaryFolder();
let files: CertificateFiles;
let plain: RunningUnibus;
let secure: RunningUnibus;

beforeAll(async () => {
  files = await writeCertificates(join(folder.path, "tls"));
  const tls = ["--tls-cert", files.cert, "--tls-key", files.key];
  [plain, secure] = await Promise.all([startUnibus(), startUnibus({ args: tls })]);
});
afterAll(async () => {
  await Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]);
  folder[Symbol.dispose]();
});

function portOf({ httpUrl }: RunningUnibus): number {
  return Number(new URL(httpUrl).port);
}

/** What a connection has received, and when it was closed. */
function follow(socket: Socket) {
  const state = { received: "", closedAt: 0 };
  socket.on("data", (data) => {
    state.received += data;
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    state.closedAt = performance.now();
  });
  return state;
}

describe("health", () => {
  test("answers anybody, over HTTP and over HTTPS [M-080]", async () => {
    const ca = readFileSync(files.ca, "utf8");
    for (const path of ["/healthz", "/readyz"]) {
      expect((await fetch(`${plain.httpUrl}${path}`)).status).toBe(200);
      expect((await fetch(`${secure.httpUrl}${path}`, { tls: { ca } })).status).toBe(200);
    }
  });
});

describe("an unsigned request over the network", () => {
  const ROUTES = [
    "GET /v1/users",
    "POST /v1/users",
    "POST /v1/users/seed",
    "GET /v1/users/U",
    "POST /v1/users/U/revoke",
    "POST /v1/users/U/restore",
    "GET /v1/rooms",
    "POST /v1/rooms",
    "GET /v1/rooms/R",
    "DELETE /v1/rooms/R",
    "GET /v1/rooms/R/members",
    "PUT /v1/rooms/R/members/U",
    "DELETE /v1/rooms/R/members/U",
    "GET /v1/bus",
    "GET /v1/refusals",
    "GET /no/such/route",
  ];

  test("is refused with 401 under enforce, whatever it asks for, and counted [M-014, M-065, M-069]", async () => {
    for (const route of ROUTES) {
      const [method = "", path = ""] = route.split(" ");
      const body = method === "GET" ? {} : { body: JSON.stringify({ name: "x" }) };
      const headers = { "content-type": "application/json" };
      const answer = await fetch(`${plain.httpUrl}${path}`, { method, headers, ...body });
      expect([route, answer.status]).toEqual([route, 401]);
    }
    const { counts } = await plain.ask<Refusals>("GET", "/v1/refusals");
    expect(counts["request.unauthenticated"]).toBe(ROUTES.length);
    expect(await plain.ask<unknown>("GET", "/v1/rooms")).toMatchObject({ rooms: [] });
  });

  test.each([
    ["off", false],
    ["soft", true],
  ] as const)(
    "is accepted under %s, and counted and logged as such: %p [M-065, M-069]",
    async (mode, counted) => {
      await using unibus = await startUnibus({ args: ["--bus-auth", mode] });
      const answer = await fetch(`${unibus.httpUrl}/v1/rooms`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: "lobby" }),
      });
      expect(answer.status).toBe(201);
      const { counts } = await unibus.ask<Refusals>("GET", "/v1/refusals");
      expect(counts).toEqual(counted ? { "soft.request.unauthenticated": 1 } : {});
      const logged = unibus.log.find(({ message }) => message.startsWith("POST /v1/rooms"));
      expect(logged?.wouldRefuse ?? null).toBe(counted ? "unauthenticated" : null);
    },
  );
});

describe("headers of two megabytes", () => {
  test("are refused or cut off, and the node does not grow [M-081]", async () => {
    const long = `GET /healthz HTTP/1.1\r\nHost: ${hostname}\r\nX-Long: ${"x".repeat(2 * 1024 * 1024)}`;
    const attack = async (): Promise<string> => {
      const socket = connect(portOf(plain), hostname);
      const state = follow(socket);
      socket.write(long);
      await eventually(() => state.closedAt > 0 || state.received !== "");
      socket.destroy();
      return /^HTTP\/1\.1 (\d{3})/.exec(state.received)?.[1] ?? "closed";
    };
    // The first ones warm up what a node keeps anyway.
    await Promise.all([attack(), attack(), attack(), attack()]);
    const before = residentBytes(plain.pid);
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all([attack(), attack(), attack(), attack()]);
      expect(answers.filter((answer) => answer !== "431" && answer !== "closed")).toEqual([]);
    }
    const grownBytes = residentBytes(plain.pid) - before;
    expect(grownBytes).toBeLessThan(32 * 1024 * 1024);
    expect((await fetch(`${plain.httpUrl}/healthz`)).status).toBe(200);
  });
});

describe("a client that keeps the node waiting is closed within 15 s", () => {
  const openPlain = (): Socket => connect(portOf(plain), hostname);
  const openSecure = (): Socket =>
    connectTls({ port: portOf(secure), host: hostname, ca: readFileSync(files.ca) });
  const head = (unibus: RunningUnibus) =>
    `GET /healthz HTTP/1.1\r\nHost: ${new URL(unibus.httpUrl).host}\r\nX: `;

  /** Sends what is due each second until the connection is closed; expects that it is. */
  async function expectClosed(
    socket: Socket,
    words: { readonly first: string; readonly eachSecond: string },
  ) {
    const startedAt = performance.now();
    const state = follow(socket);
    if (words.first !== "") socket.write(words.first);
    const timer = setInterval(
      () => words.eachSecond !== "" && socket.write(words.eachSecond),
      1_000,
    );
    try {
      await eventually(() => state.closedAt > 0, { timeoutMs: SLOW_MS_MAX + 2_000, everyMs: 50 });
    } finally {
      clearInterval(timer);
      socket.destroy();
    }
    expect(state.closedAt - startedAt).toBeLessThan(SLOW_MS_MAX);
    expect(state.received).not.toMatch(/^HTTP\/1\.1 200/);
  }

  test.concurrent("with a header that comes a byte a second [M-082]", async () => {
    await expectClosed(openPlain(), { first: head(plain), eachSecond: "x" });
  });

  test.concurrent("with a header that comes a byte a second over TLS [M-082]", async () => {
    await expectClosed(openSecure(), { first: head(secure), eachSecond: "x" });
  });

  test.concurrent("with a connection that says nothing [M-082]", async () => {
    await expectClosed(openPlain(), { first: "", eachSecond: "" });
  });

  test.concurrent("with a connection that never begins TLS [M-082]", async () => {
    await expectClosed(connect(portOf(secure), hostname), { first: "", eachSecond: "" });
  });

  test.concurrent("with a beginning of TLS that comes a byte a second [M-082]", async () => {
    await expectClosed(connect(portOf(secure), hostname), {
      first: "\x16\x03\x01",
      eachSecond: "\x02",
    });
  });
});
