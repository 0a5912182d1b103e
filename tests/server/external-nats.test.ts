import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../../src/contract/bus.ts";
import type { Health } from "../../src/contract/health.ts";
import { writeCertificates } from "../harness/certificates.ts";
import { eventually } from "../harness/eventually.ts";
import { makeCredentials, startExternalServer } from "../harness/external-nats.ts";
import { childrenOf, holdPort, listeningPorts } from "../harness/machine.ts";
import { EXIT, WITHDRAWN_PROMISES } from "../harness/promises.ts";
import { testKey } from "../harness/raw-nats.ts";
import { type RunningUnibus, run, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const PASSWORD = { authorization: { user: "unibus", password: "hunter2hunter2" } };
const TRUSTED = ["--bus-auth", "enforce", "--external-nats-trusted"];

async function dataPlaneOf(unibus: RunningUnibus) {
  const { parts } = await unibus.ask<Health>("GET", "/healthz");
  const { ready, detail } = parts.find(({ part }) => part === "data-plane") ?? {};
  return `${ready} ${detail}`;
}

function messages(unibus: RunningUnibus): readonly string[] {
  return unibus.log.map(({ message }) => message);
}

/** Starts a node that is refused, and expects that it left nothing. */
async function refused(name: string, ...args: readonly string[]) {
  const dataDir = join(folder.path, name);
  const ports = ["--http-port", "0", "--data-dir", dataDir];
  const ran = await run(["serve", ...ports, ...args]);
  expect(existsSync(dataDir)).toBe(false);
  return ran;
}

describe("with an external NATS server", () => {
  test("no server of the node's own runs, nothing listens but the API, and the log says which is used [M-021, M-068]", async () => {
    await using server = await startExternalServer();
    await using held = await holdPort();
    // The port of an own server would be taken.
    const args = ["--nats-port", `${held.port}`, "--bus-auth", "off", "--nats-url", server.url];
    await using unibus = await startUnibus({ args });
    expect(childrenOf(unibus.pid)).toEqual([]);
    expect(listeningPorts(unibus.pid)).toEqual([Number(new URL(unibus.httpUrl).port)]);
    expect(readdirSync(unibus.dataDir)).not.toContain("jetstream");
    const said = messages(unibus);
    expect(said).toContain(`using external NATS: ${server.url}`);
    expect(said.join("\n")).not.toContain("embedded");
    await eventually(async () => (await dataPlaneOf(unibus)).startsWith("true"));
    expect(await dataPlaneOf(unibus)).toBe("true the external NATS server answers");
  });

  test("the log and /healthz say in words which promises are withdrawn [M-068, G-06]", async () => {
    await using server = await startExternalServer(PASSWORD);
    await using unibus = await startUnibus({ args: [...TRUSTED, "--nats-url", server.url] });
    const said = messages(unibus);
    expect(said).toContain(
      "the external NATS server does its own authentication and TLS; unibus changes nothing there",
    );
    for (const words of WITHDRAWN_PROMISES)
      expect(said.filter((one) => one === words)).toEqual([words]);
    const health = await unibus.ask<Health>("GET", "/healthz");
    expect(health.warnings).toEqual([...WITHDRAWN_PROMISES]);
    expect(health.posture).toMatchObject({ mode: "enforce", dataPlane: "external", rights: null });
    const words = WITHDRAWN_PROMISES.join("\n");
    for (const promise of ["only admitted keys", "revocation closes", "messages"]) {
      expect(words).toContain(promise);
    }
  });

  test("the directory works, and the bus tells the server's URL and no limits of clients [M-021]", async () => {
    await using server = await startExternalServer();
    await using unibus = await startUnibus({
      args: ["--bus-auth", "soft", "--nats-url", server.url],
    });
    const { user } = testKey();
    await unibus.ask("POST", "/v1/users", { user, name: "alice" });
    await unibus.ask("POST", "/v1/rooms", { name: "ops", owner: user });
    await unibus.ask("POST", `/v1/users/${user}/revoke`);
    await unibus.ask("POST", `/v1/users/${user}/restore`);
    const revoked = await unibus.cli("user", "revoke", "alice");
    expect(revoked.stdout).toContain("closes no connection");
    expect((await unibus.cli("user", "restore", "alice")).code).toBe(0);
    const bus = await eventually(async () => {
      const told = await unibus.ask<Bus>("GET", "/v1/bus");
      return told.natsVersion === null ? null : told;
    });
    expect(bus).toMatchObject({
      dataPlane: "external",
      clientUrls: [server.url],
      tls: false,
      natsVersion: expect.stringMatching(/^2\./),
      limits: {
        payloadBytesMax: null,
        connectionsPerUserMax: null,
        subscriptionsPerConnectionMax: null,
        roomsPerUserMax: 500,
      },
    });
    const shown = await unibus.cli("room", "show", "ops", "--as", "alice");
    expect([shown.code, shown.stderr]).toEqual([0, ""]);
    expect(shown.stdout).toContain(`nats --server ${server.url} --inbox-prefix`);
    expect(shown.stdout).not.toContain("--nkey");
    expect(shown.stdout).toContain("how to log in is for its administrator to say");
    expect((await unibus.cli("refusals")).code).toBe(0);
  });

  test("the node notices when it stops to answer, and when it is back", async () => {
    await using server = await startExternalServer(PASSWORD);
    const url = `nats://unibus:hunter2hunter2@127.0.0.1:${server.port}`;
    await using unibus = await startUnibus({ args: TRUSTED, env: { UNIBUS_NATS_URL: url } });
    await eventually(async () => (await dataPlaneOf(unibus)).startsWith("true"));
    await server.end();
    await eventually(async () => (await dataPlaneOf(unibus)).startsWith("false"));
    expect(await dataPlaneOf(unibus)).toBe("false the external NATS server does not answer");
    expect((await unibus.api("GET", "/readyz")).status).toBe(503);
    await unibus.ask("POST", "/v1/rooms", { name: "made meanwhile" });
    await server.startAgain();
    await eventually(async () => (await unibus.api("GET", "/readyz")).ok, { timeoutMs: 8_000 });
    // Opened to everybody meanwhile, it is what enforce does not accept.
    await server.startAgain({});
    await eventually(async () => (await dataPlaneOf(unibus)).includes("no credentials"), {
      timeoutMs: 8_000,
    });
    expect(await unibus.end()).toBe(EXIT.done);
    const said = messages(unibus).join("\n");
    expect(said).toContain("the external NATS server does not answer");
    expect(said).toContain("lets in who offers no credentials: close it");
  });
});

describe("under enforce", () => {
  test("a server that lets anonymous clients in is refused, and nothing is left [G-06]", async () => {
    await using server = await startExternalServer();
    const { code, stderr } = await refused("open", ...TRUSTED, "--nats-url", server.url);
    expect([code, stderr]).toEqual([
      EXIT.refused,
      expect.stringContaining(`${server.url} lets in who offers no credentials`),
    ]);
  });

  test("so is one that takes clients without a login for a user of its own [G-06]", async () => {
    const users = [{ user: "guest", password: "guest", permissions: { publish: { deny: ">" } } }];
    await using server = await startExternalServer({
      authorization: { users },
      no_auth_user: "guest",
    });
    const { code } = await refused("guest", ...TRUSTED, "--nats-url", server.url);
    expect(code).toBe(EXIT.refused);
  });

  test("a server that does not answer fails the start: nobody knows whether it is open [G-06]", async () => {
    const held = await holdPort();
    await held[Symbol.asyncDispose]();
    const url = `nats://127.0.0.1:${held.port}`;
    const { code, stderr } = await refused("away", ...TRUSTED, "--nats-url", url);
    expect([code, stderr]).toEqual([EXIT.failed, expect.stringContaining("does not answer")]);
    expect(stderr).toContain("nobody knows whether it lets anonymous clients in");
  });

  test("the quick start says that the API alone is guarded [M-021, G-06]", async () => {
    await using server = await startExternalServer(PASSWORD);
    const args = ["--external-nats-trusted", "--nats-url", server.url];
    await using unibus = await startUnibus({ command: "up", args });
    expect(unibus.log.find(({ event }) => event === "node.ready")?.natsUrl).toBe(server.url);
    await eventually(() => existsSync(join(unibus.dataDir, "keys/admin.nk")));
  });
});

describe("TLS of an external server", () => {
  test("is demanded by tls://, and its certificate has to be one that the machine trusts", async () => {
    const { ca, cert, key } = await writeCertificates(join(folder.path, "tls"));
    await using secured = await startExternalServer({
      ...PASSWORD,
      tls: { cert_file: cert, key_file: key },
    });
    await using plain = await startExternalServer(PASSWORD);
    const [url, plainUrl] = [secured, plain].map((one) => one.url.replace("nats:", "tls:"));
    const trusting = { NODE_EXTRA_CA_CERTS: ca };
    await using unibus = await startUnibus({
      args: [...TRUSTED, "--nats-url", url ?? ""],
      env: trusting,
    });
    expect(await unibus.ask<Bus>("GET", "/v1/bus")).toMatchObject({ tls: true, clientUrls: [url] });
    const distrusted = await refused("distrusted", ...TRUSTED, "--nats-url", url ?? "");
    expect([distrusted.code, distrusted.stderr]).toEqual([
      EXIT.failed,
      expect.stringContaining("certificate"),
    ]);
    const downgraded = await refused("plain", ...TRUSTED, "--nats-url", plainUrl ?? "");
    expect([downgraded.code, downgraded.stderr]).toEqual([
      EXIT.failed,
      expect.stringContaining("does not support 'tls'"),
    ]);
  });
});

describe("credentials", () => {
  test("of a file log the node in, and are printed nowhere [M-021]", async () => {
    const { config, file, secrets } = makeCredentials(folder.path);
    await using server = await startExternalServer(config);
    const args = [...TRUSTED, "--nats-url", server.url, "--nats-creds", file];
    await using unibus = await startUnibus({ args });
    await eventually(async () => (await dataPlaneOf(unibus)).startsWith("true"));
    expect(await dataPlaneOf(unibus)).toBe("true the external NATS server answers");
    const shown = JSON.stringify([unibus.log, await unibus.ask("GET", "/v1/bus")]);
    for (const secret of secrets) expect(shown).not.toContain(secret);
  });

  test("of another server are refused by the server, which fails the start", async () => {
    const { file } = makeCredentials(folder.path);
    await using server = await startExternalServer(PASSWORD);
    const args = [...TRUSTED, "--nats-url", server.url, "--nats-creds", file];
    const { code, stderr } = await refused("others", ...args);
    expect([code, stderr]).toEqual([
      EXIT.failed,
      expect.stringContaining("refuses the login that it was given"),
    ]);
  });

  test("in the URL are shown nowhere [G-04]", async () => {
    await using server = await startExternalServer(PASSWORD);
    const url = `nats://unibus:hunter2hunter2@127.0.0.1:${server.port}`;
    await using unibus = await startUnibus({ args: [...TRUSTED, "--nats-url", url] });
    const bus = await unibus.ask<Bus>("GET", "/v1/bus");
    expect(bus.clientUrls).toEqual([server.url]);
    expect(JSON.stringify([unibus.log, bus])).not.toContain("hunter2");
    expect(messages(unibus)).toContain(
      "--nats-url puts a secret where every user of this machine can see it; use the variable or a file instead",
    );
  });
});
