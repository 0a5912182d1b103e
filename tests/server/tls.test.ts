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

/** Every suite of TLS 1.2 that a server with this certificate took, or could have. */
const SUITES = {
  "ECDHE-ECDSA-AES128-GCM-SHA256": "taken",
  "ECDHE-ECDSA-AES256-GCM-SHA384": "taken",
  "ECDHE-ECDSA-CHACHA20-POLY1305": "taken",
  "ECDHE-ECDSA-AES128-SHA": "refused",
  "ECDHE-ECDSA-AES256-SHA": "refused",
  "ECDHE-ECDSA-AES128-SHA256": "refused",
  "ECDHE-ECDSA-AES256-SHA384": "refused",
  "ECDHE-ECDSA-AES128-CCM": "refused",
  "ECDHE-ECDSA-NULL-SHA": "refused",
  "AECDH-AES128-SHA": "refused",
  "ALL:!AESGCM:!CHACHA20:!AESCCM:!ARIAGCM": "refused",
  ALL: "taken",
} as const;
const SUITES_OF_13 = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
] as const;

describe.skipIf(openssl === null)(`of the suites of TLS${noOpenssl}`, () => {
  test.each([
    ["the API", () => httpPort()],
    ["the data plane", () => scene.port],
  ])("%s takes those alone that are AEAD [M-072, M-083]", async (_plane, port) => {
    const found: Record<string, string> = {};
    for (const suite of Object.keys(SUITES)) {
      const chosen = await offerSuite(port(), ["-tls1_2", "-cipher", `${suite}:@SECLEVEL=0`]);
      found[suite] = chosen === null ? "refused" : "taken";
    }
    expect(found).toEqual(SUITES);
    const chosen = await offerSuite(port(), ["-tls1_2", "-cipher", "ALL:@SECLEVEL=0"]);
    expect(chosen).toMatch(/GCM|CHACHA20/);
    for (const suite of SUITES_OF_13) {
      expect(await offerSuite(port(), ["-tls1_3", "-ciphersuites", suite])).toBe(suite);
    }
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

/** Offers suites, and returns the one that the server chose; null when it took none. */
async function offerSuite(port: number, offer: readonly string[]): Promise<string | null> {
  const { stdout, stderr } = await talk(port, offer);
  const chosen = /Cipher is (\S+)/.exec(stdout)?.[1] ?? "(NONE)";
  if (chosen !== "(NONE)") return chosen;
  // It was offered: a list that this openssl does not know would be refused by nobody.
  expect(stderr).toMatch(/alert handshake failure|alert number 40/);
  return null;
}

/** Offers TLS 1.1 alone, which no runtime here still does, and returns what openssl says of it. */
async function offerTls11(port: number): Promise<string> {
  return (await talk(port, ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])).stderr;
}

/** Runs openssl's client, again where it was so slow to speak that nats-server spoke first, in the clear. */
async function talk(
  port: number,
  offer: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  for (let tries = 0; ; tries++) {
    const said = await talkOnce(port, offer);
    if (tries >= 20 || !said.stderr.includes("wrong version number")) return said;
  }
}

async function talkOnce(
  port: number,
  offer: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const child = Bun.spawn(
    [openssl ?? "openssl", "s_client", "-connect", `127.0.0.1:${port}`, ...offer],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.exited;
  return { stdout, stderr };
}
