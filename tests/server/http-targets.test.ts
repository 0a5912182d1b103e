import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openCallers, type SigningCaller } from "../harness/callers.ts";
import { eventually } from "../harness/eventually.ts";
import { openHttp } from "../harness/raw-http.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

const EVIL = "evil.example";
let unibus: RunningUnibus;
let user: SigningCaller;
let host = "";
let port = 0;
beforeAll(async () => {
  unibus = await startUnibus({ args: ["--requests-per-address", "100000"] });
  user = (await openCallers(unibus)).signing();
  await unibus.ask("POST", "/v1/users", { user: user.user });
  ({ host } = new URL(unibus.httpUrl));
  port = Number(new URL(unibus.httpUrl).port);
});
afterAll(() => unibus[Symbol.asyncDispose]());

interface Raw {
  readonly method?: string;
  readonly target: string;
  readonly hosts?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Says a request word by word. Returns the first answer: its status, head and body. */
async function say({ method = "GET", target, hosts = [host], headers = {}, body }: Raw) {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...hosts.map((name) => `Host: ${name}`),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
  ];
  using connection = await openHttp(port, `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`);
  const isWhole = (): boolean => {
    const [head, rest] = split(connection.received);
    const length = /^content-length: (\d+)$/im.exec(head)?.[1] ?? "0";
    return head !== "" && (method === "HEAD" || rest.length >= Number(length));
  };
  await eventually(() => connection.closed || isWhole());
  const [head, text] = split(connection.received);
  // No answer of the API is a page, and none shows sources.
  expect(text).not.toMatch(/<html|\.ts:\d+|at \w+ \(/i);
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, text };
}

/** Head and body of what was received, but for the word to go on. */
function split(received: string): readonly [string, string] {
  const answer = received.replace(/^HTTP\/1\.1 100 [^\r]*\r\n\r\n/, "");
  const end = answer.indexOf("\r\n\r\n");
  return end === -1 ? ["", ""] : [answer.slice(0, end), answer.slice(end + 4)];
}

const codeOf = (text: string): string => JSON.parse(text).code;

/** The headers that sign a request of the user's for an address. */
function signed(url: string, method = "GET", body: string | null = null): Record<string, string> {
  return user.signer.sign({ method, url, body, headers: {} });
}

describe("the Host says whom a request is for", () => {
  test("and nothing else: a whole URL as the target is read for its path alone", async () => {
    for (const target of [
      `http://${host}/v1/me`,
      `http://${EVIL}/v1/me`,
      `https://${EVIL}:1/v1/me`,
    ]) {
      const headers = signed(`http://${host}/v1/me`);
      expect([target, (await say({ target, headers })).status]).toEqual([target, 200]);
      const { status, text } = await say({ target, hosts: [EVIL], headers });
      expect([target, status, codeOf(text)]).toEqual([target, 421, "host-unknown"]);
    }
  });

  test("a signature for another authority is refused, also when the target names that one", async () => {
    for (const other of [EVIL, `localhost:${port}`, `127.0.0.1:${port + 1}`, "127.0.0.1"]) {
      const headers = signed(`http://${other}/v1/me`);
      for (const target of ["/v1/me", `http://${other}/v1/me`]) {
        const { status, text } = await say({ target, headers });
        expect([other, status, codeOf(text)]).toEqual([other, 401, "signature-wrong"]);
      }
    }
  });

  test("under each of its own names, in any case", async () => {
    const headers = signed(`http://localhost:${port}/v1/me`);
    const hosts = [`LocalHost:${port}`];
    expect((await say({ target: "/v1/me", hosts, headers })).status).toBe(200);
  });

  test.each([
    ["two, the own one first", () => [host, EVIL]],
    ["two, the own one last", () => [EVIL, host]],
    ["the own one twice", () => [host, host]],
    ["one of a single letter", () => ["x"]],
    ["one that is empty", () => [""]],
    ["the own one behind a user", () => [`user@${host}`]],
    ["the own one with a path", () => [`${host}/v1`]],
    ["the own one with a query", () => [`${host}?`]],
    ["the own one with a dot", () => [`127.0.0.1.:${port}`]],
    ["the own address in another spelling", () => [`127.1:${port}`, `2130706433:${port}`]],
    ["a name that points here", () => [`127.0.0.1.nip.io:${port}`]],
  ])("and %s is refused, for what is open too", async (_what, hostsOf) => {
    for (const target of ["/healthz", "/", "/v1/me"]) {
      const { status, text } = await say({ target, hosts: hostsOf() });
      expect([status, codeOf(text)]).toEqual([421, "host-unknown"]);
    }
  });
});

describe("a path", () => {
  test.each([
    "/healthz/../v1/rooms",
    "/healthz/%2e%2e/v1/rooms",
    "/healthz/.%2E/v1/rooms",
    "/healthz\\..\\v1\\rooms",
    "/healthz/..;/v1/rooms",
    "/healthz%2f..%2fv1/rooms",
    "/healthz/",
    "/healthz/x",
    "/HEALTHZ",
    "//healthz",
    "/healthz%00",
    "/healthz;x",
    "/swagger/..%2f..%2fv1/rooms",
  ])("%s is not open because an open one stands in it", async (target) => {
    const { status, text } = await say({ target });
    expect([status, codeOf(text)]).toEqual([401, "unauthenticated"]);
  });

  test.each([
    ["/v1/../healthz", 200],
    ["/v1/rooms/../../healthz", 200],
    ["/../../healthz", 200],
    ["/healthz#part", 200],
  ])("%s is what a browser would make of it: %d", async (target, status) => {
    expect((await say({ target })).status).toBe(status);
  });

  test.each([
    "/v1//rooms",
    "//v1/rooms",
    "/v1/rooms/",
    "/V1/rooms",
    "/v1/rooms%2f",
    "/v1%2frooms",
    "/v1/rooms%00",
    "/v1/r%6f%6fms/",
    "/v1/rooms;x=1",
    "/v1/rooms/x/..%2fmembers/..%2f..",
    "/v1/rooms/%2e%2e%2f%2e%2e%2fhealthz",
    "/v1/rooms/x%2fmembers",
    "/v1/rooms/%ff%fe",
    "/v1/rooms/%zz",
    "/v1/rooms/%",
    "/v1/rooms/x\\members",
  ])("%s of a signed request leads to nothing, and is no error", async (target) => {
    const headers = signed(new URL(`http://${host}${target}`).href);
    const { status, text } = await say({ target, headers });
    expect([400, 404]).toContain(status);
    expect(["request-malformed", "route-not-found", "room-not-found"]).toContain(codeOf(text));
  });

  test("has one spelling for the signature: that of the URL standard", async () => {
    const url = `http://${host}/v1/me`;
    const headers = signed(url);
    expect((await say({ target: "/v1/x/../me", headers })).status).toBe(200);
    const { text } = await say({ target: "/v1/%6d%65", headers: signed(url) });
    expect(["signature-wrong", "route-not-found"]).toContain(codeOf(text));
  });

  test("that is none is refused", async () => {
    for (const target of ["*", "healthz", "", "http:healthz", "ftp://x/healthz", "?x"]) {
      const { status } = await say({ target });
      expect([target, [0, 400, 401, 404, 505].includes(status)]).toEqual([target, true]);
    }
  });
});

describe("a method", () => {
  test("TRACE repeats nothing of what was sent", async () => {
    for (const target of ["/healthz", "/v1/rooms", "/"]) {
      const { status, text } = await say({
        method: "TRACE",
        target,
        headers: { cookie: "secret" },
      });
      expect([401, 405]).toContain(status);
      expect(text).not.toContain("secret");
    }
  });

  test("CONNECT opens nothing", async () => {
    for (const target of [`${EVIL}:443`, host, "/healthz"]) {
      const { status } = await say({ method: "CONNECT", target });
      expect([400, 405]).toContain(status);
    }
  });

  test("OPTIONS allows nobody anything", async () => {
    for (const target of ["/healthz", "/v1/rooms"]) {
      const { status, head } = await say({ method: "OPTIONS", target });
      expect([401, 405]).toContain(status);
      expect(head.toLowerCase()).not.toContain("access-control");
    }
  });

  test.each(["FROB", "get", "PRI", "G", "GET\t", "M-SEARCH", "PROPFIND", "QUERY", "LINK", "PURGE"])(
    "%s is refused or cut off",
    async (method) => {
      for (const target of ["/healthz", "/v1/rooms"]) {
        const { status } = await say({ method, target });
        expect([0, 400, 401, 405, 501, 505]).toContain(status);
      }
    },
  );

  test("HEAD is answered as GET is, without a body", async () => {
    for (const [target, headers] of [
      ["/healthz", {}],
      ["/v1/me", signed(`http://${host}/v1/me`, "HEAD")],
      ["/v1/me", {}],
    ] as const) {
      const { status, text } = await say({ method: "HEAD", target, headers });
      const get = Object.keys(headers).length > 0 ? signed(`http://${host}/v1/me`) : {};
      expect([target, status]).toEqual([target, (await say({ target, headers: get })).status]);
      expect(text).toBe("");
    }
  });
});

describe("a body that waits for the word to go on", () => {
  const body = '{"name":"asked first"}';
  const JSON_TYPE = { "Content-Type": "application/json", Expect: "100-continue" };
  const ask = (headers: Record<string, string>) =>
    say({ method: "POST", target: "/v1/rooms", headers: { ...JSON_TYPE, ...headers }, body });

  test("is taken from a user, once", async () => {
    const { status } = await ask(signed(`http://${host}/v1/rooms`, "POST", body));
    expect(status).toBe(201);
  });

  test("does not help somebody who proves nothing", async () => {
    const { status, text } = await ask({});
    expect([status, codeOf(text)]).toEqual([401, "unauthenticated"]);
    const { rooms } = await unibus.ask<{ rooms: unknown[] }>("GET", "/v1/rooms");
    expect(rooms.length).toBeLessThan(2);
  });
});

test("a member that is none of the body's is refused, and named, not dropped", async () => {
  for (const body of ['{"name":"x","roel":"admin"}', '{"name":"x","Name":"y"}']) {
    const headers = {
      "Content-Type": "application/json",
      ...signed(`http://${host}/v1/rooms`, "POST", body),
    };
    const { status, text } = await say({ method: "POST", target: "/v1/rooms", headers, body });
    expect([status, codeOf(text)]).toEqual([422, "request-invalid"]);
  }
});
