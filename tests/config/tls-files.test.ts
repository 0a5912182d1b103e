import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRouteTls, readTlsPair } from "../../src/config/tls-files.ts";
import { Problem } from "../../src/core/problems.ts";
import { type CertificateFiles, writeCertificates } from "../harness/certificates.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const DAY_MS = 24 * 3_600_000;
const folder = temporaryFolder();
let good: CertificateFiles;
let other: CertificateFiles;
const now = Date.now();

beforeAll(async () => {
  good = await writeCertificates(join(folder.path, "good"));
  other = await writeCertificates(join(folder.path, "other"));
});
afterAll(() => folder[Symbol.dispose]());

function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function faultOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof Problem && error.code === "tls-unusable") return error.detail;
    throw error;
  }
  throw new Error("nothing was refused");
}

const pairFault = (files: { cert?: string; key?: string }, at = now) =>
  faultOf(() => readTlsPair({ cert: good.cert, key: good.key, ...files, what: "NATS TLS" }, at));
const routeFault = (files: { cert?: string; key?: string; ca?: string }, at = now) =>
  faultOf(() => readRouteTls({ ...good, ...files }, at));

test("a good pair is read, with its names and its end", () => {
  const pair = readTlsPair({ ...good, what: "NATS TLS" }, now);
  expect(pair.certPem).toBe(readFileSync(good.cert, "utf8"));
  expect(pair.keyPem).toBe(readFileSync(good.key, "utf8"));
  expect(pair.names).toEqual(["localhost", "127.0.0.1", "::1"]);
  expect(Math.abs(pair.notAfter - now - DAY_MS)).toBeLessThan(60_000);
});

test("a chain behind the certificate is kept and counts for the end", () => {
  const chain = file("chain.crt", readFileSync(good.cert, "utf8") + readFileSync(good.ca, "utf8"));
  const pair = readTlsPair({ cert: chain, key: good.key, what: "NATS TLS" }, now);
  expect(pair.certPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
});

describe("a certificate or key that cannot be used is refused with its path [M-050]", () => {
  test("a missing file", () => {
    const path = join(folder.path, "none");
    const words = `Cannot load NATS TLS: the file "${path}" does not exist`;
    expect(pairFault({ cert: path })).toBe(words);
    expect(pairFault({ key: path })).toBe(words);
  });

  test("a folder in its place", () =>
    expect(pairFault({ cert: folder.path })).toContain(`"${folder.path}" is not a file`));

  test("a file that is no PEM", () => {
    expect(pairFault({ cert: file("text.crt", "hello") })).toContain("no certificate in PEM form");
    expect(pairFault({ key: file("text.key", "hello") })).toContain("no key in PEM form");
    expect(pairFault({ cert: good.key })).toContain("no certificate in PEM form");
    expect(pairFault({ key: file("cert.key", readFileSync(good.cert, "utf8")) })).toContain(
      "no private key that can be read",
    );
  });

  test("a damaged certificate or key", () => {
    const damage = (path: string) => readFileSync(path, "utf8").replace(/\n.{20}/, "\nAAAA");
    expect(pairFault({ cert: file("damaged.crt", damage(good.cert)) })).toContain("cannot be read");
    expect(pairFault({ key: file("damaged.key", damage(good.key)) })).toContain(
      "no private key that can be read",
    );
  });

  test("an encrypted key", () => {
    const text =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    expect(pairFault({ key: file("encrypted.key", text) })).toContain("encrypted key");
  });

  test("the key of another certificate", () =>
    expect(pairFault({ key: other.key })).toBe(
      `Cannot load NATS TLS: the file "${other.key}" is not the key of the certificate "${good.cert}"`,
    ));

  test.each([0o640, 0o604, 0o644, 0o660])("a key of mode %o, which others can open", (mode) => {
    const key = file("open.key", readFileSync(good.key, "utf8"), mode);
    expect(pairFault({ key })).toContain("can be read by others");
  });

  test("a certificate that has expired, or is not valid yet", () => {
    expect(pairFault({}, now + 2 * DAY_MS)).toContain(`"${good.cert}" has expired`);
    expect(pairFault({}, now - 2 * DAY_MS)).toContain(`"${good.cert}" is not valid before`);
  });

  test("a chain of which a part has expired", async () => {
    const old = await writeCertificates(join(folder.path, "old"), {
      from: now - 3 * DAY_MS,
      to: now - DAY_MS,
    });
    const text = readFileSync(good.cert, "utf8") + readFileSync(old.ca, "utf8");
    expect(pairFault({ cert: file("old-chain.crt", text) })).toContain("has expired");
  });

  test("no text of a key is ever shown", () => {
    const secret = readFileSync(other.key, "utf8").split("\n")[1] ?? "";
    expect(secret.length).toBeGreaterThan(20);
    expect(pairFault({ key: other.key })).not.toContain(secret);
  });
});

describe("route TLS is judged with its CA [M-050]", () => {
  test("a node's certificate, key and CA are read", () => {
    const tls = readRouteTls(good, now);
    expect(tls.caPem).toBe(readFileSync(good.ca, "utf8"));
    expect(tls.names).toContain("localhost");
  });

  test("faults speak of route TLS", () => {
    const path = join(folder.path, "none");
    for (const which of ["cert", "key", "ca"] as const) {
      expect(routeFault({ [which]: path })).toBe(
        `Cannot load route TLS: the file "${path}" does not exist`,
      );
    }
  });

  test("a certificate of another CA is refused", () =>
    expect(routeFault({ ca: other.ca })).toBe(
      `Cannot load route TLS: the file "${good.cert}" is not signed by the CA "${other.ca}"`,
    ));

  test("one CA of a bundle is enough", () => {
    const ca = file("bundle.crt", readFileSync(other.ca, "utf8") + readFileSync(good.ca, "utf8"));
    expect(readRouteTls({ ...good, ca }, now).caPem).toContain("BEGIN CERTIFICATE");
  });

  test("a server's certificate is no CA", () =>
    expect(routeFault({ ca: other.cert })).toContain("not a CA's"));

  test.skipIf(Bun.which("openssl") === null).each([
    ["extendedKeyUsage=serverAuth", "subjectAltName=DNS:n1", "both server and client"],
    ["extendedKeyUsage=clientAuth", "subjectAltName=DNS:n1", "both server and client"],
    ["extendedKeyUsage=serverAuth,clientAuth", "", "names no host"],
    ["", "subjectAltName=DNS:n1", null],
    ["extendedKeyUsage=serverAuth,clientAuth", "subjectAltName=IP:10.0.0.1", null],
  ])("a certificate with %j and %j: %j [M-036]", (usage, names, says) => {
    const at = (name: string): string => join(folder.path, name);
    const openssl = (...words: readonly string[]) =>
      expect(Bun.spawnSync(["openssl", ...words], { stderr: "ignore" }).exitCode).toBe(0);
    const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
    const more = [usage, names].filter((one) => one !== "").flatMap((one) => ["-addext", one]);
    const ca = ["-keyout", at("x-ca.key"), "-out", at("x-ca.crt"), "-subj", "/CN=x"];
    openssl("req", "-x509", ...fresh, ...ca);
    const signed = ["-CA", at("x-ca.crt"), "-CAkey", at("x-ca.key")];
    const node = ["-keyout", at("x.key"), "-out", at("x.crt"), "-subj", "/CN=n1"];
    const end = ["-addext", "basicConstraints=critical,CA:FALSE"];
    openssl("req", "-x509", ...fresh, ...signed, ...end, ...more, ...node);
    chmodSync(at("x.key"), 0o600);
    const files = { cert: at("x.crt"), key: at("x.key"), ca: at("x-ca.crt") };
    const soon = Date.now() + 60_000;
    if (says === null) expect(readRouteTls(files, soon).caPem).toContain("BEGIN CERTIFICATE");
    else expect(routeFault(files, soon)).toContain(says);
  });
});
