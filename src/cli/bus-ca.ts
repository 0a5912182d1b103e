import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { orProblem, readConfiguredFile } from "../config/private-file.ts";
import { certificateNames } from "../config/tls-files.ts";
import { ageOf, type CertificateAge } from "../core/certificate-life.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { ensureFolder, writeFileAtomically, writeNewFile } from "../system/files.ts";
import type { MadeCertificate } from "./certificates.ts";
import { decryptKey, encryptKey } from "./encrypted-key.ts";

/** Where the bus CA and what it signed lie: apart from the certificate that clients see. */
export const ROUTE_TLS_FOLDER = "deploy/tls/routes";
export const CA = "ca";
const DAY_MS = 24 * 3_600_000;
const CA_DAYS = 3_650;
const NODE_DAYS = 365;
/** A machine whose clock is a little behind may use the certificate at once. */
const CLOCK_SKEW_MS = 3_600_000;

/** A certificate in the folder, as it is shown. */
export interface ListedCertificate {
  readonly name: string;
  readonly file: string;
  /** The hosts that it is for; none for the CA. */
  readonly hosts: readonly string[];
  readonly notAfter: string;
  readonly age: CertificateAge;
}

/** Makes the CA of a bus. Throws "file-exists" where there is one, "file-unusable" where none can be. */
export async function makeBusCa(options: {
  readonly dir: string;
  readonly passphrase: string;
  readonly at: number;
}): Promise<{ readonly cert: string; readonly key: string; readonly notAfter: number }> {
  const { dir, passphrase, at } = options;
  const files = filesOf(dir, CA);
  refuseExisting([files.cert, files.key]);
  const { made, notAfter } = await newAuthority(at);
  write(dir, () => {
    writeNewFile(files.key, encryptKey(made.key, passphrase), { mode: 0o600 });
    writeNewFile(files.cert, made.cert, { mode: 0o644 });
  });
  return { ...files, notAfter };
}

/** Makes a CA for a bus, in memory. */
export async function newAuthority(
  at: number,
): Promise<{ readonly made: MadeCertificate; readonly notAfter: number }> {
  const notAfter = at + CA_DAYS * DAY_MS;
  const { createAuthority } = await library();
  const span = { from: at - CLOCK_SKEW_MS, to: notAfter };
  return { made: await createAuthority({ ...span, name: "unibus bus CA" }), notAfter };
}

interface Signing {
  readonly dir: string;
  readonly node: string;
  readonly passphrase: string;
  readonly at: number;
}

/** What was made for a node; `key` is null where the node keeps it itself. */
export interface NodeFiles {
  readonly cert: string;
  readonly key: string | null;
  readonly ca: string;
  readonly hosts: readonly string[];
  readonly notAfter: number;
}

/** Makes a node's key and certificate. Throws "file-exists"; nothing is overwritten. */
export async function makeNode(
  options: Signing & { readonly hosts: readonly string[] },
): Promise<NodeFiles> {
  const { dir, node, hosts } = options;
  const files = filesOf(dir, node);
  refuseExisting([files.cert, files.key]);
  const signing = openCa(options);
  const { createCertificate } = await library();
  const made = await createCertificate({ ...signing.span, ca: signing.ca, node, hosts });
  write(dir, () => {
    writeNewFile(files.key, made.key, { mode: 0o600 });
    writeNewFile(files.cert, made.cert, { mode: 0o644 });
  });
  return { ...files, ca: filesOf(dir, CA).cert, hosts, notAfter: signing.span.to };
}

/**
 * Signs what a node asks for that made its key itself. `hosts` stand in place of those that the request
 * names, if there are any. Throws "file-unusable" for what is no signing request, "usage" without hosts.
 */
export async function answerRequest(
  options: Signing & { readonly request: string; readonly hosts: readonly string[] },
): Promise<NodeFiles> {
  const { dir, node, request: path } = options;
  const files = filesOf(dir, node);
  refuseExisting([files.cert]);
  const what = `Cannot read the signing request ${quote(path)}`;
  const pem = orProblem("file-unusable", what, () => readConfiguredFile(path, { secret: false }));
  const { readNodeRequest } = await library();
  const request = await readNodeRequest(pem);
  if (!request) {
    throw new Problem("file-unusable", `${what}: it is none, or not signed by its own key`);
  }
  const hosts = options.hosts.length > 0 ? options.hosts : request.hosts;
  if (hosts.length === 0) {
    throw new Problem(
      "usage",
      "Cannot sign the request: it names no host, and --host is not given",
    );
  }
  const { ca, span } = openCa(options);
  const cert = await request.sign({ ...span, ca, node, hosts });
  write(dir, () => writeNewFile(files.cert, cert, { mode: 0o644 }));
  return { cert: files.cert, key: null, ca: filesOf(dir, CA).cert, hosts, notAfter: span.to };
}

/**
 * Keeps a certificate that was signed for a node beside the CA, where the roll, the list and the renewal
 * look for it, before the node is one. Throws "node-name-taken" where there is one of that name.
 */
export function keepCertificate(
  dir: string,
  node: string,
  certificate: string,
): { readonly remove: () => void } {
  const { cert } = filesOf(dir, node);
  if (existsSync(cert)) {
    throw new Problem(
      "node-name-taken",
      `Cannot let the machine join: there is a certificate of ${quote(node)} beside the CA; names are used once`,
    );
  }
  write(dir, () => writeNewFile(cert, certificate, { mode: 0o644 }));
  return { remove: () => rmSync(cert, { force: true }) };
}

/**
 * Makes another certificate for the same hosts: with a new key where the key is here, else for the key of
 * the node. Throws "file-unusable" when there is none to renew.
 */
export async function renewNode(options: Signing): Promise<NodeFiles> {
  const { dir, node } = options;
  const files = filesOf(dir, node);
  const old = readCertificate(files.cert);
  const hosts = certificateNames(old);
  const { ca, span } = openCa(options);
  const { createCertificate, signPublicKey } = await library();
  const caFile = filesOf(dir, CA).cert;
  if (!existsSync(files.key)) {
    const spki = old.publicKey.export({ type: "spki", format: "der" });
    const cert = await signPublicKey({ ...span, ca, node, hosts, spki });
    write(dir, () => writeFileAtomically(files.cert, cert, { mode: 0o644 }));
    return { cert: files.cert, key: null, ca: caFile, hosts, notAfter: span.to };
  }
  const made = await createCertificate({ ...span, ca, node, hosts });
  write(dir, () => {
    writeFileAtomically(files.key, made.key, { mode: 0o600 });
    writeFileAtomically(files.cert, made.cert, { mode: 0o644 });
  });
  return { ...files, ca: caFile, hosts, notAfter: span.to };
}

/** Lists the certificates in the folder, the CA's first. Throws "file-unusable" for one that is none. */
export function listCertificates(dir: string, at: number): readonly ListedCertificate[] {
  const names = filesIn(dir)
    .filter((file) => file.endsWith(".crt"))
    .map((file) => file.slice(0, -".crt".length))
    .sort((one, other) => Number(other === CA) - Number(one === CA) || one.localeCompare(other));
  return names.map((name) => {
    const file = filesOf(dir, name).cert;
    const certificate = readCertificate(file);
    const validity = {
      notBefore: certificate.validFromDate.getTime(),
      notAfter: certificate.validToDate.getTime(),
    };
    return {
      name,
      file,
      hosts: certificateNames(certificate),
      notAfter: certificate.validToDate.toISOString(),
      age: ageOf(validity, at),
    };
  });
}

/** Loaded here: no other command needs it. First what it needs itself, and alone: Bun may run all at once. */
export async function library(): Promise<typeof import("./certificates.ts")> {
  await import("./reflect.ts");
  return await import("./certificates.ts");
}

export function filesOf(
  dir: string,
  name: string,
): { readonly cert: string; readonly key: string } {
  return { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
}

export function filesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (cause) {
    throw new Problem("file-unusable", `Cannot read the folder ${quote(dir)}: ${wordsOf(cause)}`, {
      cause,
    });
  }
}

export function readCertificate(path: string): X509Certificate {
  const what = `Cannot read the certificate ${quote(path)}`;
  const pem = orProblem("file-unusable", what, () => readConfiguredFile(path, { secret: false }));
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Problem("file-unusable", `${what}: it holds none`, { cause });
  }
}

/** Opens the CA's key, and says how long what it signs now may live: not longer than itself. */
export function openCa({ dir, passphrase, at }: Omit<Signing, "node">): {
  readonly ca: MadeCertificate;
  readonly span: { readonly from: number; readonly to: number };
} {
  const files = filesOf(dir, CA);
  const certificate = readCertificate(files.cert);
  const ends = certificate.validToDate.getTime();
  if (ends <= at) {
    const when = certificate.validToDate.toISOString();
    throw new Problem("tls-unusable", `Cannot sign: the CA ${quote(files.cert)} ended at ${when}`);
  }
  const what = `Cannot read the CA's key ${quote(files.key)}`;
  const pem = orProblem("file-unusable", what, () =>
    readConfiguredFile(files.key, { secret: true }),
  );
  const key = decryptKey(pem, passphrase);
  if (key === null) {
    throw new Problem("file-unusable", `${what}: the passphrase is not its, or it is damaged`);
  }
  if (!certificate.checkPrivateKey(createPrivateKey(key))) {
    throw new Problem(
      "file-unusable",
      `${what}: it is not that of ${quote(files.cert)}; if unibus cert roll was interrupted, run it again`,
    );
  }
  return { ca: { cert: certificate.toString(), key }, span: spanOf(at, ends) };
}

/** How long what a CA signs now may live. */
export function spanOf(at: number, ends: number): { readonly from: number; readonly to: number } {
  return { from: at - CLOCK_SKEW_MS, to: Math.min(at + NODE_DAYS * DAY_MS, ends) };
}

function refuseExisting(paths: readonly string[]): void {
  const existing = paths.filter((path) => existsSync(path));
  if (existing.length === 0) return;
  throw new Problem(
    "file-exists",
    `Cannot make certificates: ${existing.join(", ")} ${existing.length > 1 ? "exist" : "exists"}; nothing is overwritten`,
  );
}

/** Writes files, the keys first: without its key a certificate is a riddle. */
export function write(dir: string, act: () => void): void {
  try {
    ensureFolder(dir);
    act();
  } catch (cause) {
    throw new Problem(
      "file-unusable",
      `Cannot write certificates to ${quote(dir)}: ${wordsOf(cause)}`,
      { cause },
    );
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
