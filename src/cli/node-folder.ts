import { createPrivateKey } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fingerprintOf, isSignedBy, parseCertificate } from "../config/certificate.ts";
import type { NodeSettings } from "../config/load.ts";
import { NODE_FILE, renderNodeFile } from "../config/node-file.ts";
import { orProblem, readConfiguredFile } from "../config/private-file.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import type { JoinAnswer } from "../sdk/node-seal.ts";
import { ensurePrivateFolder, writeNewFile } from "../system/files.ts";

/** The folder of what a node shows and gives away on its routes, inside its own. */
const ROUTES = "routes";

interface NodeFiles {
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
  readonly password: string;
  readonly request: string;
}

/** Where a node that joined keeps what it was given. */
export function filesOf(dataDir: string): NodeFiles {
  const at = (name: string): string => join(dataDir, ROUTES, name);
  return {
    key: at("node.key"),
    certificate: at("node.crt"),
    ca: at("ca.crt"),
    password: at("password"),
    request: at("node.csr"),
  };
}

/** Refuses a folder that holds something: it may be another node. Throws "file-exists". */
export function refuseNode(dataDir: string): void {
  if (!existsSync(dataDir)) return;
  const [first] = readdirSync(dataDir);
  if (first === undefined) return;
  throw new Problem(
    "file-exists",
    `Cannot join: the folder ${quote(dataDir)} holds ${quote(first)}, and a new node needs an empty one, name it with --data-dir`,
  );
}

/**
 * Checks that a CA is the one that the token names, and a certificate one that it made for our key.
 * Throws "node-ca-foreign".
 */
export function checkCertificate(parts: {
  readonly ca: string;
  /** SHA-256 of the CA's certificate, in hex; null when it was checked before. */
  readonly fingerprint: string | null;
  /** Null where it is yet to come. */
  readonly certificate: string | null;
  readonly key: string;
}): void {
  const { fingerprint, certificate: pem, key } = parts;
  const ca = parseCertificate(parts.ca);
  const digest = ca && fingerprintOf(ca);
  if (!ca || (fingerprint !== null && digest !== fingerprint)) {
    throw new Problem("node-ca-foreign", "Cannot join: the CA is not the one that the token names");
  }
  if (pem === null) return;
  const certificate = parseCertificate(pem);
  const isOurs =
    certificate !== null &&
    isSignedBy(certificate, ca) &&
    certificate.checkPrivateKey(createPrivateKey(key));
  if (isOurs) return;
  throw new Problem(
    "node-ca-foreign",
    "Cannot join: the certificate is not one that this CA made for this node's key",
  );
}

/** Writes what a node was given, the settings last: with them it can be started. */
export function writeNode(parts: {
  readonly answer: Extract<JoinAnswer, { kind: "joined" }>;
  readonly settings: NodeSettings;
  readonly kept: Readonly<Record<string, string>>;
  readonly key: string;
  readonly request: string;
}): void {
  const { answer, settings, kept, key, request } = parts;
  const { dataDir, clusterPort } = settings;
  const files = filesOf(dataDir);
  const { secret, certificate } = answer;
  const text = renderNodeFile({
    ...kept,
    "bus-auth": answer.mode,
    "cluster-name": answer.cluster,
    "server-name": answer.node,
    "cluster-port": `${clusterPort}`,
    routes: answer.routes.join(","),
    ...(secret ? { "cluster-user": secret.user, "cluster-pass-file": `${ROUTES}/password` } : {}),
    "route-tls-cert": `${ROUTES}/node.crt`,
    "route-tls-key": `${ROUTES}/node.key`,
    "route-tls-ca": `${ROUTES}/ca.crt`,
  });
  write(dataDir, () => {
    ensurePrivateFolder(join(dataDir, ROUTES));
    writeNewFile(files.key, key, { mode: 0o600 });
    if (secret) writeNewFile(files.password, `${secret.password}\n`, { mode: 0o600 });
    writeNewFile(files.ca, answer.ca, { mode: 0o600 });
    if (certificate === null) writeNewFile(files.request, request, { mode: 0o600 });
    else writeNewFile(files.certificate, certificate, { mode: 0o600 });
    writeNewFile(join(dataDir, NODE_FILE), text, { mode: 0o600 });
  });
}

/** Puts the certificate in its place that a CA elsewhere made. Throws "node-ca-foreign". */
export function finishNode(dataDir: string, path: string): void {
  const files = filesOf(dataDir);
  const read = (file: string, secret: boolean): string =>
    orProblem("file-unusable", `Cannot end the join with ${quote(file)}`, () =>
      readConfiguredFile(file, { secret }),
    );
  const certificate = read(path, false);
  const ca = read(files.ca, false);
  checkCertificate({ ca, fingerprint: null, certificate, key: read(files.key, true) });
  if (existsSync(files.certificate)) {
    throw new Problem(
      "file-exists",
      `Cannot end the join: ${quote(files.certificate)} exists, the node has its certificate`,
    );
  }
  write(dataDir, () => writeNewFile(files.certificate, certificate, { mode: 0o600 }));
}

function write(dataDir: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unknown";
    throw new Problem("file-unusable", `Cannot write to the folder ${quote(dataDir)}: ${why}`, {
      cause,
    });
  }
}
