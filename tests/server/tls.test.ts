import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { openRaw } from "../harness/raw-nats.ts";
import { type Scene, startScene } from "../harness/scene.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

const openssl = Bun.which("openssl");
const noOpenssl = openssl === null ? " (openssl is missing)" : "";
const folder = temporaryFolder();
const tls = join(folder.path, "deploy/tls");
let scene: Scene;

beforeAll(async () => {
  mkdirSync(folder.path, { recursive: true });
  const made = await run(["cert", "dev"], { cwd: folder.path });
  expect(made.code).toBe(0);
  scene = await startScene({
    args: ["--tls-cert", join(tls, "server.crt"), "--tls-key", join(tls, "server.key")],
  });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("the certificates of `unibus cert dev`", () => {
  test("lie where the help of the TLS flags says, and serve both planes [M-039, M-028, M-083]", async () => {
    const help = await run(["serve", "--help"]);
    for (const name of ["server.crt", "server.key", "ca.crt"]) {
      expect(help.stdout).toContain(`deploy/tls/${name}`);
      expect(readFileSync(join(tls, name), "utf8")).toContain("BEGIN");
    }
    const logged = scene.unibus.log.map(({ message }) => message);
    expect(logged).toContain(`NATS TLS: ON (${join(tls, "server.crt")})`);
    expect(logged).toContain(`control-plane TLS: ON (${join(tls, "server.crt")})`);
    expect(scene.unibus.httpUrl).toStartWith("https://");
  });
});

describe("with TLS, the API", () => {
  test("answers a client that trusts the CA, and nobody in the clear [M-083, M-080]", async () => {
    const answer = await fetch(`${scene.unibus.httpUrl}/healthz`, {
      tls: { ca: readFileSync(join(tls, "ca.crt"), "utf8") },
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ posture: { mode: "enforce", tls: true } });
    const plain = scene.unibus.httpUrl.replace("https:", "http:");
    await expect(fetch(`${plain}/healthz`)).rejects.toThrow();
    await expect(fetch(`${scene.unibus.httpUrl}/healthz`)).rejects.toThrow(/certificate/);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("speaks %s [M-083]", async (version) => {
    expect(await shakesHands(httpPort(), version)).toBe(true);
  });

  test.skipIf(openssl === null)(`refuses TLS 1.1 by its version [M-083]${noOpenssl}`, async () => {
    expect(await offerTls11(httpPort())).toMatch(/alert protocol version|alert number 70/);
  });
});

describe("with TLS, the data plane", () => {
  test.each([
    ["asks for TLS first", { handshakeFirst: true }],
    ["waits for the server's first words", {}],
  ])("takes a stock client that trusts the CA and %s [M-072]", async (_what, more) => {
    const user = await scene.addUser();
    const nats: NatsConnection = await connect({
      servers: `127.0.0.1:${scene.port}`,
      authenticator: (nonce) => ({
        nkey: user.user,
        sig: user.sign(nonce ?? "").toString("base64url"),
      }),
      tls: { caFile: join(tls, "ca.crt"), ...more },
      reconnect: false,
    });
    expect(nats.info?.tls_required).toBe(true);
    await nats.close();
  });

  test("refuses a client that trusts another CA", async () => {
    await expect(
      connect({ servers: `127.0.0.1:${scene.port}`, tls: {}, reconnect: false }),
    ).rejects.toThrow();
  });

  test("refuses a client that stays in the clear [M-072]", async () => {
    using client = await openRaw(scene.port);
    client.send('CONNECT {"verbose":false}\r\n');
    expect(await client.drain()).toBe(false);
    expect(await scene.refused("login.no-credentials")).toBe(0);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("speaks %s [M-072]", async (version) => {
    expect(await shakesHands(scene.port, version)).toBe(true);
  });

  test.skipIf(openssl === null)(`refuses TLS 1.1 by its version [M-072]${noOpenssl}`, async () => {
    expect(await offerTls11(scene.port)).toMatch(/alert protocol version|alert number 70/);
  });
});

function httpPort(): number {
  return Number(new URL(scene.unibus.httpUrl).port);
}

/** Tries a handshake in one version alone. */
async function shakesHands(port: number, version: "TLSv1.2" | "TLSv1.3"): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket: TLSSocket = connectTls({
    host: "127.0.0.1",
    port,
    ca: readFileSync(join(tls, "ca.crt")),
    minVersion: version,
    maxVersion: version,
  });
  socket.once("secureConnect", () => resolve(socket.getProtocol() === version));
  socket.once("error", () => resolve(false));
  socket.once("close", () => resolve(false));
  const shaken = await promise;
  socket.destroy();
  return shaken;
}

/** Offers TLS 1.1 alone, which no runtime here still does, and returns what openssl says of it. */
async function offerTls11(port: number): Promise<string> {
  const child = Bun.spawn(
    [
      openssl ?? "openssl",
      "s_client",
      "-connect",
      `127.0.0.1:${port}`,
      "-tls1_1",
      "-cipher",
      "ALL:@SECLEVEL=0",
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const said = await new Response(child.stderr).text();
  await child.exited;
  return said;
}
