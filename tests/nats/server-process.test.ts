import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { natsConfig } from "../../src/core/nats-config.ts";
import { findNatsServer } from "../../src/nats/find-server.ts";
import { startNatsServer } from "../../src/nats/server-process.ts";
import { NATS_TLS_FILES, type NatsTls } from "../../src/nats/tls-memory.ts";
import { ensurePrivateFolder } from "../../src/system/files.ts";
import { createLog } from "../../src/system/log.ts";
import { writeCertificates } from "../harness/certificates.ts";
import { eventually } from "../harness/eventually.ts";
import { GOLDEN_SETTINGS } from "../harness/nats-config.ts";
import { serialAt } from "../harness/tls-place.ts";
import { type LogLine, temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
let first: NatsTls & { readonly serial: string };
let second: NatsTls & { readonly serial: string };

beforeAll(async () => {
  const make = async (name: string) => {
    const { cert, key } = await writeCertificates(join(folder.path, name));
    const certPem = readFileSync(cert, "utf8");
    const { serialNumber: serial } = new X509Certificate(certPem);
    return { certPem, keyPem: readFileSync(key, "utf8"), serial };
  };
  first = await make("first");
  second = await make("second");
});

/** A real nats-server whose certificate is given to it. */
async function start(tls: NatsTls | null) {
  const place = temporaryFolder();
  const jetStreamFolder = join(place.path, "jetstream");
  ensurePrivateFolder(jetStreamFolder);
  const lines: LogLine[] = [];
  const { path } = await findNatsServer({ env: process.env });
  const server = await startNatsServer({
    path,
    port: -1,
    jetStreamFolder,
    tls,
    routeTls: null,
    log: createLog({ format: "json", write: (line) => void lines.push(JSON.parse(line)) }),
    random: Math.random,
    onViolation: () => undefined,
    configForPort: (port) =>
      natsConfig({ ...GOLDEN_SETTINGS, port, jetStreamFolder, tls: tls ? NATS_TLS_FILES : null }),
  });
  return {
    server,
    lines,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      place[Symbol.dispose]();
    },
  };
}

describe("the certificate of nats-server", () => {
  test("is what it was given, in memory that only its owner reads, and in no file [M-072]", async () => {
    await using node = await start(first);
    const { pid, port } = node.server;
    expect(await serialAt(port)).toBe(first.serial);
    const path = `/proc/${pid}/fd/3`;
    expect(readFileSync(path, "utf8")).toBe(`${first.certPem.trim()}\n${first.keyPem}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("can be replaced while it runs; one that is started anew has the new one too", async () => {
    await using node = await start(first);
    const { server, lines } = node;
    expect(await server.renewTls(second)).toEqual({ kind: "loaded" });
    expect(await serialAt(server.port)).toBe(second.serial);
    const before = server.pid;
    process.kill(before, "SIGKILL");
    await eventually(() => lines.some(({ event }) => event === "nats.restarted"));
    expect(server.pid).not.toBe(before);
    expect(await serialAt(server.port)).toBe(second.serial);
  });

  test("stays when it refuses the new one, which it says why", async () => {
    await using node = await start(first);
    const { server } = node;
    const mixed = { certPem: second.certPem, keyPem: first.keyPem };
    expect(await server.renewTls(mixed)).toEqual({
      kind: "refused",
      why: expect.stringContaining("private key does not match public key"),
    });
    expect(await serialAt(server.port)).toBe(first.serial);
    expect(readFileSync(`/proc/${server.pid}/fd/3`, "utf8")).toStartWith(first.certPem.trim());
    expect(await server.renewTls(second)).toEqual({ kind: "loaded" });
    expect(await serialAt(server.port)).toBe(second.serial);
  });

  test("is not replaced in one that was told to end, and not in one without TLS", async () => {
    await using without = await start(null);
    expect(await without.server.renewTls(second)).toEqual({ kind: "unanswered" });
    await using node = await start(first);
    process.kill(node.server.pid, "SIGKILL");
    expect(await node.server.renewTls(second)).toEqual({ kind: "unanswered" });
  });
});
