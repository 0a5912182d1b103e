import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { certificateBlocks } from "../core/pem.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { isSignedBy } from "./certificate.ts";
import { FileFault, readConfiguredFile } from "./private-file.ts";

/** A certificate and its key as they stand in their files. */
export interface TlsTexts {
  /** The certificate, followed by its chain if the file holds one. */
  readonly certPem: string;
  readonly keyPem: string;
}

export interface TlsPair extends TlsTexts {
  /** DNS names and IP addresses that the certificate is for. */
  readonly names: readonly string[];
  /** Begin of the certificate's validity, ms since epoch. */
  readonly notBefore: number;
  /** End of validity, ms since epoch: the earliest of certificate and chain. */
  readonly notAfter: number;
}

export interface RouteTls extends TlsPair {
  readonly caPem: string;
}

/** Where a certificate and its key lie, and what for. */
export interface PairFiles {
  readonly cert: string;
  readonly key: string;
  readonly what: "NATS TLS" | "route TLS";
}

/**
 * Reads and judges a certificate and its key. `at` is the time of the judgement, ms since epoch.
 * Throws `tls-unusable`, naming the file, when one is missing, is no PEM, is not valid now, when the
 * key is not the certificate's, or can be read by others.
 */
export function readTlsPair(files: PairFiles, at: number): TlsPair {
  return judgeTlsPair(files, readTlsTexts(files), at);
}

/** Reads both files without judging what is in them. Throws `tls-unusable` as `readTlsPair` does. */
export function readTlsTexts(files: PairFiles): TlsTexts {
  const fail = failureOf(files.what);
  return {
    certPem: attempt(fail, files.cert, () => readConfiguredFile(files.cert, { secret: false })),
    keyPem: attempt(fail, files.key, () => readConfiguredFile(files.key, { secret: true })),
  };
}

/** Judges what was read, at a time. Throws `tls-unusable` as `readTlsPair` does. */
export function judgeTlsPair(files: PairFiles, texts: TlsTexts, at: number): TlsPair {
  const fail = failureOf(files.what);
  const { certPem, keyPem } = texts;
  const chain = attempt(fail, files.cert, () => judgeChain(certPem, at));
  const key = attempt(fail, files.key, () => parseKey(keyPem));
  const [leaf] = chain;
  attempt(fail, files.key, () => {
    if (!leaf.checkPrivateKey(key)) {
      throw new FileFault(`is not the key of the certificate ${quote(files.cert)}`);
    }
  });
  attempt(fail, files.cert, () => refuseUnservable(texts));
  const ends = chain.map((certificate) => certificate.validToDate.getTime());
  return {
    certPem,
    keyPem,
    names: namesOf(leaf.subjectAltName),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: Math.min(...ends),
  };
}

/** Asks the library that will serve it: it knows fewer curves than the one that reads it. */
function refuseUnservable({ certPem, keyPem }: TlsTexts): void {
  try {
    createSecureContext({ cert: certPem, key: keyPem });
  } catch (error) {
    throw new FileFault("holds a certificate of a kind that cannot be served", { cause: error });
  }
}

/** Where the settings say that the files of a node's routes lie. */
export function routeTlsFiles(settings: {
  readonly routeTlsCert: string;
  readonly routeTlsKey: string;
  readonly routeTlsCa: string;
}): { readonly cert: string; readonly key: string; readonly ca: string } {
  return { cert: settings.routeTlsCert, key: settings.routeTlsKey, ca: settings.routeTlsCa };
}

/** As `readTlsPair` for a node's routes, with the CA that must have signed the certificate. */
export function readRouteTls(
  files: { readonly cert: string; readonly key: string; readonly ca: string },
  at: number,
): RouteTls {
  const what = "route TLS";
  const fail = failureOf(what);
  const pair = readTlsPair({ cert: files.cert, key: files.key, what }, at);
  const ca = attempt(fail, files.ca, () => {
    const pem = readConfiguredFile(files.ca, { secret: false });
    const chain = judgeChain(pem, at);
    if (!chain.every((certificate) => certificate.ca)) {
      throw new FileFault("holds a certificate that is not a CA's");
    }
    return { pem, chain };
  });
  attempt(fail, files.cert, () => {
    const chain = certificatesOf(pair.certPem);
    if (!leadsTo(chain, ca.chain)) {
      throw new FileFault(`is not signed by the CA ${quote(files.ca)}`);
    }
    refuseUnfitForRoutes(chain[0]);
  });
  return { ...pair, caPem: ca.pem };
}

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** A node takes routes as a server, and opens them as a client, with one certificate. */
function refuseUnfitForRoutes(certificate: X509Certificate | undefined): void {
  // Without the extension a certificate is good for everything (RFC 5280 §4.2.1.12).
  const usages: readonly string[] | undefined = certificate?.keyUsage;
  if (usages && !(usages.includes(SERVER_AUTH) && usages.includes(CLIENT_AUTH))) {
    throw new FileFault("is not for both server and client authentication, and a route needs both");
  }
  if (namesOf(certificate?.subjectAltName).length === 0) {
    throw new FileFault("names no host: routes need a DNS name or an IP address in it");
  }
}

function attempt<T>(
  fail: (path: string, error: FileFault) => Problem,
  path: string,
  read: () => T,
): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FileFault) throw fail(path, error);
    throw error;
  }
}

function failureOf(what: PairFiles["what"]): (path: string, error: FileFault) => Problem {
  return (path, { message }) =>
    new Problem("tls-unusable", `Cannot load ${what}: the file ${quote(path)} ${message}`);
}

type Chain = readonly [X509Certificate, ...X509Certificate[]];

function judgeChain(pem: string, at: number): Chain {
  const [leaf, ...others] = certificatesOf(pem);
  if (!leaf) throw new FileFault("holds no certificate in PEM form");
  const chain: Chain = [leaf, ...others];
  for (const certificate of chain) {
    if (certificate.validFromDate.getTime() > at) {
      throw new FileFault(`is not valid before ${certificate.validFromDate.toISOString()}`);
    }
    if (certificate.validToDate.getTime() <= at) {
      throw new FileFault(`has expired at ${certificate.validToDate.toISOString()}`);
    }
  }
  return chain;
}

function certificatesOf(pem: string): readonly X509Certificate[] {
  return certificateBlocks(pem).map((block) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new FileFault("holds a certificate that cannot be read", { cause: error });
    }
  });
}

function parseKey(pem: string): KeyObject {
  if (!pem.includes("-----BEGIN ")) throw new FileFault("holds no key in PEM form");
  if (pem.includes("ENCRYPTED")) {
    throw new FileFault("holds an encrypted key, and unibus asks for no passphrase");
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new FileFault("holds no private key that can be read", { cause: error });
  }
}

/** Follows the chain from the first certificate until one is signed by a CA of the bundle. */
function leadsTo(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): boolean {
  let current = chain[0];
  for (const next of [...chain.slice(1), null]) {
    const certificate = current;
    if (!certificate) return false;
    if (authorities.some((authority) => isSignedBy(certificate, authority))) return true;
    if (!next || !isSignedBy(certificate, next)) return false;
    current = next;
  }
  return false;
}

/** The DNS names and IP addresses that a certificate is for. */
export function certificateNames(certificate: X509Certificate): readonly string[] {
  return namesOf(certificate.subjectAltName);
}

/** Reads "DNS:localhost, IP Address:0:0:0:0:0:0:0:1", as node:crypto renders alternative names. */
function namesOf(subjectAltName: string | undefined): readonly string[] {
  const parts = (subjectAltName ?? "").split(", ");
  return parts.flatMap((part) => {
    const [, kind, name] = /^(DNS|IP Address):"?([^"]+)"?$/.exec(part) ?? [];
    if (!kind || !name) return [];
    const isIpv6 = kind === "IP Address" && name.includes(":");
    // The URL parser writes an IPv6 address in its short form.
    return [isIpv6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name];
  });
}
