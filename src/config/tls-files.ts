import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { FileFault, readConfiguredFile } from "./private-file.ts";

export interface TlsPair {
  /** The certificate, followed by its chain if the file holds one. */
  readonly certPem: string;
  readonly keyPem: string;
  /** DNS names and IP addresses that the certificate is for. */
  readonly names: readonly string[];
  /** End of validity, ms since epoch: the earliest of certificate and chain. */
  readonly notAfter: number;
}

export interface RouteTls extends TlsPair {
  readonly caPem: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * Reads and judges a certificate and its key. `at` is the time of the judgement, ms since epoch.
 * Throws `tls-unusable`, naming the file, when one is missing, is no PEM, is not valid now, when the
 * key is not the certificate's, or can be read by others.
 */
export function readTlsPair(
  files: { readonly cert: string; readonly key: string; readonly what: "NATS TLS" | "route TLS" },
  at: number,
): TlsPair {
  const fail = (path: string, error: unknown) => unusable(files.what, path, error);
  const { pem: certPem, chain } = attempt(fail, files.cert, () => readChain(files.cert, at));
  const keyPem = attempt(fail, files.key, () => readConfiguredFile(files.key, { secret: true }));
  const key = attempt(fail, files.key, () => parseKey(keyPem));
  const leaf = chain[0];
  attempt(fail, files.key, () => {
    if (!leaf?.checkPrivateKey(key)) {
      throw new FileFault(`is not the key of the certificate ${quote(files.cert)}`);
    }
  });
  const ends = chain.map((certificate) => certificate.validToDate.getTime());
  return { certPem, keyPem, names: namesOf(leaf?.subjectAltName), notAfter: Math.min(...ends) };
}

/** As `readTlsPair` for a node's routes, with the CA that must have signed the certificate. */
export function readRouteTls(
  files: { readonly cert: string; readonly key: string; readonly ca: string },
  at: number,
): RouteTls {
  const what = "route TLS";
  const fail = (path: string, error: unknown) => unusable(what, path, error);
  const pair = readTlsPair({ cert: files.cert, key: files.key, what }, at);
  const ca = attempt(fail, files.ca, () => {
    const bundle = readChain(files.ca, at);
    if (!bundle.chain.every((certificate) => certificate.ca)) {
      throw new FileFault("holds a certificate that is not a CA's");
    }
    return bundle;
  });
  attempt(fail, files.cert, () => {
    if (!leadsTo(certificatesOf(pair.certPem), ca.chain)) {
      throw new FileFault(`is not signed by the CA ${quote(files.ca)}`);
    }
  });
  return { ...pair, caPem: ca.pem };
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

function unusable(what: string, path: string, error: unknown): Problem {
  const why = error instanceof Error ? error.message : String(error);
  return new Problem("tls-unusable", `Cannot load ${what}: the file ${quote(path)} ${why}`);
}

function readChain(
  path: string,
  at: number,
): { readonly pem: string; readonly chain: readonly X509Certificate[] } {
  const pem = readConfiguredFile(path, { secret: false });
  const chain = certificatesOf(pem);
  if (chain.length === 0) throw new FileFault("holds no certificate in PEM form");
  for (const certificate of chain) {
    if (certificate.validFromDate.getTime() > at) {
      throw new FileFault(`is not valid before ${certificate.validFromDate.toISOString()}`);
    }
    if (certificate.validToDate.getTime() <= at) {
      throw new FileFault(`has expired at ${certificate.validToDate.toISOString()}`);
    }
  }
  return { pem, chain };
}

function certificatesOf(pem: string): readonly X509Certificate[] {
  return (pem.match(CERTIFICATE) ?? []).map((block) => {
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

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
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
