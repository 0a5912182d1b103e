import { describe, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { NATS_SERVER_VERSION, obtainNatsServer } from "../../scripts/nats-server.ts";
import { natsServerPlatform } from "../../src/nats/find-server.ts";
import { aMachine, errorOf, serveRelease } from "../harness/bare-machine.ts";
import { fakeServer } from "../harness/fake-programs.ts";

const NAME = `nats-server-v${NATS_SERVER_VERSION}-${natsServerPlatform()}`;
const MIB = 1024 * 1024;

async function anArchive(version = NATS_SERVER_VERSION): Promise<Uint8Array<ArrayBuffer>> {
  const files = {
    [`${NAME}/LICENSE`]: "a license",
    [`${NAME}/nats-server`]: `#!/bin/sh\n${fakeServer(version)}\n`,
  };
  return await new Bun.Archive(files, { compress: "gzip" }).bytes();
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

describe("the official archive", () => {
  test("with the right bytes is unpacked into the cache, once", async () => {
    using machine = aMachine();
    const bytes = await anArchive();
    await using release = serveRelease(() => new Response(bytes));
    const options = {
      ...machine,
      roads: ["archive"],
      archive: { baseUrl: release.baseUrl, sha256: sha256(bytes) },
    } as const;
    const first = await obtainNatsServer(options);
    const second = await obtainNatsServer(options);
    expect(first).toEqual({
      path: join(machine.cacheFolder, "nats-server"),
      version: NATS_SERVER_VERSION,
      source: "archive",
    });
    expect(second).toEqual({ ...first, source: "cache" });
    expect(release.paths).toEqual([`/releases/v${NATS_SERVER_VERSION}/${NAME}.tar.gz`]);
    expect(readdirSync(machine.cacheFolder).sort()).toEqual(["nats-server", "nats-server.sha256"]);
    expect(statSync(machine.cacheFolder).mode & 0o777).toBe(0o700);
    expect(statSync(first.path).mode & 0o777).toBe(0o700);
    expect(machine.cached()).toHaveLength(1);
  });

  test("is followed through a redirect", async () => {
    using machine = aMachine();
    const bytes = await anArchive();
    await using release = serveRelease((request) =>
      request.url.endsWith("/elsewhere")
        ? new Response(bytes)
        : Response.redirect(new URL("/elsewhere", request.url).href, 302),
    );
    const archive = { baseUrl: release.baseUrl, sha256: sha256(bytes) };
    const server = await obtainNatsServer({ ...machine, roads: ["archive"], archive });
    expect(server.source).toBe("archive");
  });

  const endless = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
      }),
    );
  const dripping = () => {
    let timer: Timer | undefined;
    return new Response(
      new ReadableStream({
        start(controller) {
          timer = setInterval(() => controller.enqueue(new Uint8Array(1)), 10);
        },
        cancel: () => clearInterval(timer),
      }),
    );
  };
  const never = () => new Promise<Response>(() => undefined);
  test.each([
    ["wrong bytes", (good: Uint8Array) => new Response(good.toReversed()), "instead of"],
    ["short bytes", (good: Uint8Array) => new Response(good.slice(0, -1)), "instead of"],
    ["no bytes", () => new Response(""), "instead of"],
    ["endless bytes", endless, `sends more than ${MIB} bytes`],
    ["bytes that drip", dripping, "did not end within 600 ms"],
    ["no answer", never, "did not answer within 300 ms"],
    ["404", () => new Response("no", { status: 404 }), "answered 404"],
    ["500", () => new Response("no", { status: 500 }), "answered 500"],
    ["no content", () => new Response(null, { status: 204 }), "answered 204"],
    ["a loop", (_: Uint8Array, url: string) => Response.redirect(url, 302), "leads on more than 5"],
    ["a way out", () => Response.redirect("ftp://127.0.0.1/", 302), "leads to ftp://127.0.0.1"],
  ])("with %s fails, and leaves nothing", async (_, answer, reason) => {
    using machine = aMachine();
    const good = await anArchive();
    await using release = serveRelease((request) => answer(good, request.url));
    const archive = {
      baseUrl: release.baseUrl,
      sha256: sha256(good),
      limits: { sizeBytes: MIB, answerMs: 300, totalMs: 600 },
    };
    const error = await errorOf(obtainNatsServer({ ...machine, roads: ["archive"], archive }));
    expect(error).toContain(`archive: ${release.baseUrl}`);
    expect(error).toContain(reason);
    expect(machine.cached()).toEqual([]);
  });

  test("from a server that hangs up early, or is not there, fails", async () => {
    using machine = aMachine();
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket) {
          socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort");
        },
      },
    });
    const archive = { baseUrl: `http://127.0.0.1:${listener.port}`, sha256: "00" };
    const options = { ...machine, roads: ["archive"], archive } as const;
    expect(await errorOf(obtainNatsServer(options))).toContain(`archive: ${archive.baseUrl}`);
    listener.stop(true);
    expect(await errorOf(obtainNatsServer(options))).toContain(`archive: ${archive.baseUrl}`);
    expect(machine.cached()).toEqual([]);
  });

  test("with a server of another version fails", async () => {
    using machine = aMachine();
    const bytes = await anArchive("2.14.3");
    await using release = serveRelease(() => new Response(bytes));
    const archive = { baseUrl: release.baseUrl, sha256: sha256(bytes) };
    const error = await errorOf(obtainNatsServer({ ...machine, roads: ["archive"], archive }));
    expect(error).toContain("what came is version 2.14.3 instead of");
    expect(machine.cached()).toEqual([]);
  });

  test("without the server in it fails", async () => {
    using machine = aMachine();
    const bytes = await new Bun.Archive({ "other/nats-server": "x" }, { compress: "gzip" }).bytes();
    await using release = serveRelease(() => new Response(bytes));
    const archive = { baseUrl: release.baseUrl, sha256: sha256(bytes) };
    const error = await errorOf(obtainNatsServer({ ...machine, roads: ["archive"], archive }));
    expect(error).toContain(`the archive has no ${NAME}/nats-server`);
    expect(machine.cached()).toEqual([]);
  });
});
