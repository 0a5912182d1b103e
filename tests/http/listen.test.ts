import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HTTP_REOPEN_TIMEOUT_MS } from "../../src/core/limits.ts";
import { Problem } from "../../src/core/problems.ts";
import { listenSocket, listenTcp } from "../../src/http/listen.ts";
import { type CertificateFiles, writeCertificates } from "../harness/certificates.ts";
import { eventually } from "../harness/eventually.ts";
import { openHttp } from "../harness/raw-http.ts";

const folder = mkdtempSync(join(tmpdir(), "unibus-listen-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const hostname = "127.0.0.1";
const hello = async () => new Response("hello");

async function codeOf(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
  return "none";
}

describe("a port", () => {
  test("answers, tells itself when 0 was asked for, and knows the client's address", async () => {
    const listening = listenTcp({
      hostname,
      port: 0,
      fetch: async (_request, address) => new Response(address),
    });
    expect(listening.port).toBeGreaterThan(0);
    const answer = await fetch(`http://${hostname}:${listening.port}/`);
    expect(await answer.text()).toBe(hostname);
    await listening.stop(100);
    expect(fetch(`http://${hostname}:${listening.port}/`)).rejects.toThrow();
  });

  test("that is taken is refused with its number [M-059]", async () => {
    const first = listenTcp({ hostname, port: 0, fetch: hello });
    try {
      listenTcp({ hostname, port: first.port, fetch: hello });
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      expect(error.code).toBe("start-failed");
      expect(error.detail).toContain(`http server: cannot listen on ${hostname}:${first.port}`);
    }
    await first.stop(0);
  });

  test("is shared with no other process, though Bun would by default [M-059]", async () => {
    const first = listenTcp({ hostname, port: 0, fetch: hello });
    const serve = `{ hostname: "${hostname}", port: ${first.port}, fetch: () => new Response() }`;
    const script = `try { Bun.serve(${serve}); process.exit(1) } catch { process.exit(0) }`;
    expect(await Bun.spawn([process.execPath, "-e", script]).exited).toBe(0);
    await first.stop(0);
  });

  test("answers an error without the page that shows sources", async () => {
    const listening = listenTcp({
      hostname,
      port: 0,
      fetch: () => Promise.reject(new Error("the secret reason")),
    });
    const answer = await fetch(`http://${hostname}:${listening.port}/`);
    expect(answer.status).toBe(500);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await answer.text()).not.toContain("secret");
    await listening.stop(0);
  });
});

describe("a certificate that is renewed", () => {
  test("is served from the next connection on, while a request under way ends with the one before [M-083]", async () => {
    const one = await writeCertificates(join(folder, "one"));
    const other = await writeCertificates(join(folder, "other"));
    const pem = ({ cert, key }: CertificateFiles) => ({
      cert: readFileSync(cert, "utf8"),
      key: readFileSync(key, "utf8"),
    });
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let asked = 0;
    const listening = listenTcp({
      hostname,
      port: 0,
      tls: pem(one),
      fetch: async (request) => {
        asked++;
        if (request.url.endsWith("/slow")) await released;
        return new Response("hello");
      },
    });
    const ask = async (path: string, ca: string) => {
      const tls = { ca: readFileSync(ca, "utf8") };
      return (await fetch(`https://${hostname}:${listening.port}${path}`, { tls })).text();
    };
    const slow = ask("/slow", one.ca);
    await eventually(() => asked === 1);
    await listening.renewTls(pem(other));
    expect(await ask("/", other.ca)).toBe("hello");
    expect(ask("/", one.ca)).rejects.toThrow(/certificate/);
    release();
    expect(await slow).toBe("hello");
    for (let times = 0; times < 20; times++) {
      await listening.renewTls(pem(times % 2 === 0 ? one : other));
    }
    expect(await ask("/", other.ca)).toBe("hello");
    await listening.stop(100);
    expect(ask("/", other.ca)).rejects.toThrow();
  });

  test("that cannot be served is tried for a while, and told then", async () => {
    const listening = listenTcp({ hostname, port: 0, fetch: hello });
    const startedAt = performance.now();
    const none = { cert: "no certificate", key: "" };
    expect(await codeOf(() => listening.renewTls(none))).toBe("start-failed");
    expect(performance.now() - startedAt).toBeGreaterThan(HTTP_REOPEN_TIMEOUT_MS);
    await listening.stop(0);
  });
});

describe("a stop", () => {
  test("lets a request under way end, closes idle connections, and takes no more [M-100]", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let asked = 0;
    const listening = listenTcp({
      hostname,
      port: 0,
      fetch: async (request) => {
        asked++;
        if (request.url.endsWith("/slow")) await released;
        return new Response(`${"x".repeat(1_000_000)}done`);
      },
    });
    const idle = await openHttp(listening.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const slow = await openHttp(listening.port, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    await eventually(() => asked === 2 && idle.received.endsWith("done"));
    const stopped = listening.stop(5_000);
    await eventually(() => idle.closed);
    expect(slow.closed).toBe(false);
    release();
    await stopped;
    await eventually(() => slow.closed);
    expect(slow.received).toEndWith("xdone");
    expect(slow.received.length).toBeGreaterThan(1_000_000);
    expect(fetch(`http://${hostname}:${listening.port}/`)).rejects.toThrow();
  });

  test("closes a request whose body trickles in after the grace [M-100]", async () => {
    let started = false;
    const listening = listenTcp({
      hostname,
      port: 0,
      fetch: async (request) => {
        started = true;
        await request.text().catch(() => undefined);
        return new Response("late");
      },
    });
    const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
    const trickle = await openHttp(listening.port, head);
    const timer = setInterval(() => trickle.socket.write("x"), 20);
    await eventually(() => started);
    const startedAt = performance.now();
    await listening.stop(200);
    const tookMs = performance.now() - startedAt;
    await eventually(() => trickle.closed);
    clearInterval(timer);
    expect(tookMs).toBeGreaterThan(150);
    expect(tookMs).toBeLessThan(2_000);
  });
});

describe("the node's own socket", () => {
  test("is its owner's alone, also while it is made, and gone after the stop", async () => {
    const path = join(folder, "own.sock");
    const before = process.umask(0);
    const listening = await listenSocket({ path, fetch: hello });
    expect(process.umask(before)).toBe(0);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    const answer = await fetch("http://localhost/", { unix: path });
    expect(await answer.text()).toBe("hello");
    await listening.stop(100);
    expect(existsSync(path)).toBe(false);
  });

  test("replaces one left by a process that died", async () => {
    const path = join(folder, "stale.sock");
    const script = `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response() }); process.kill(process.pid, "SIGKILL")`;
    await Bun.spawn([process.execPath, "-e", script]).exited;
    expect(lstatSync(path).isSocket()).toBe(true);
    const listening = await listenSocket({ path, fetch: hello });
    expect(await (await fetch("http://localhost/", { unix: path })).text()).toBe("hello");
    await listening.stop(0);
  });

  test("is not taken from a process that answers there", async () => {
    const path = join(folder, "live.sock");
    const first = await listenSocket({ path, fetch: hello });
    expect(await codeOf(() => listenSocket({ path, fetch: hello }))).toBe("folder-in-use");
    expect(await (await fetch("http://localhost/", { unix: path })).text()).toBe("hello");
    await first.stop(0);
  });

  test("does not remove a file that is no socket", async () => {
    const path = join(folder, "file.sock");
    writeFileSync(path, "precious");
    expect(await codeOf(() => listenSocket({ path, fetch: hello }))).toBe("start-failed");
    expect(await Bun.file(path).text()).toBe("precious");
  });

  test("may have a path longer than a socket address can hold", async () => {
    const deep = join(folder, "d".repeat(120));
    mkdirSync(deep);
    const path = join(deep, "unibus.sock");
    const listening = await listenSocket({ path, fetch: hello });
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(await (await fetch("http://localhost/", { unix: path })).text()).toBe("hello");
    expect(await codeOf(() => listenSocket({ path, fetch: hello }))).toBe("folder-in-use");
    await listening.stop(0);
    expect(existsSync(path)).toBe(false);
  });
});
