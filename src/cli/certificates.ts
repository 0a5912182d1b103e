// Must be the first import: @peculiar/x509 needs the metadata API when it is loaded.
import "./reflect.ts";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and the key that it is for, both PEM; the key as PKCS #8. */
export interface MadeCertificate {
  readonly cert: string;
  readonly key: string;
}

interface Validity {
  /** Begin and end, ms since epoch. */
  readonly from: number;
  readonly to: number;
}

// P-256: every TLS library knows it, and browsers take no Ed25519 certificates.
const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;

/** Makes an authority that may sign nothing but end certificates. Source: RFC 5280 §4.2.1.9. */
export async function createAuthority(
  options: Validity & { readonly name: string },
): Promise<MadeCertificate> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validityOf(options),
    name: [{ CN: [options.name] }],
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pemOf(certificate), key: await exportKey(keys.privateKey) };
}

export interface CertificateOptions extends Validity {
  readonly ca: MadeCertificate;
  /** What it is called: of a node that is its name, as --server-name has it. */
  readonly node: string;
  /** DNS names and IP addresses that it is for. */
  readonly hosts: readonly string[];
}

/** Makes a key and a certificate for servers and clients. */
export async function createCertificate(options: CertificateOptions): Promise<MadeCertificate> {
  const keys = await generateKeys();
  const cert = await signNode({ ...options, publicKey: keys.publicKey });
  return { cert, key: await exportKey(keys.privateKey) };
}

/** What a signing request asks for. */
export interface NodeRequest {
  readonly hosts: readonly string[];
  /** Signs it: a certificate for the key that signed the request. Its extensions are not taken over. */
  sign(
    options: Omit<CertificateOptions, "hosts"> & { readonly hosts: readonly string[] },
  ): Promise<string>;
}

/** Reads a signing request (PKCS #10); null when it is none, or not signed by the key that it is for. */
export async function readNodeRequest(pem: string): Promise<NodeRequest | null> {
  let request: Pkcs10CertificateRequest;
  try {
    request = new Pkcs10CertificateRequest(pem);
    if (!(await request.verify())) return null;
  } catch {
    return null;
  }
  const extension = request.getExtension("2.5.29.17");
  const names = extension ? new SubjectAlternativeNameExtension(extension.rawData).names.items : [];
  return {
    hosts: names.filter(({ type }) => type === "dns" || type === "ip").map(({ value }) => value),
    sign: (options) => signNode({ ...options, publicKey: request.publicKey }),
  };
}

/** Signs a public key (SubjectPublicKeyInfo, DER) that is known from an earlier certificate. */
export async function signPublicKey(
  options: CertificateOptions & { readonly spki: Uint8Array<ArrayBuffer> },
): Promise<string> {
  return await signNode({ ...options, publicKey: new PublicKey(options.spki) });
}

async function signNode(
  options: CertificateOptions & { readonly publicKey: PublicKey | CryptoKey },
): Promise<string> {
  const { ca, node, hosts, publicKey } = options;
  const authority = new X509Certificate(ca.cert);
  const signingKey = await crypto.subtle.importKey(
    "pkcs8",
    PemConverter.decodeFirst(ca.key),
    KEY,
    false,
    ["sign"],
  );
  const certificate = await X509CertificateGenerator.create({
    ...validityOf(options),
    subject: [{ CN: [node] }],
    issuer: authority.subject,
    publicKey,
    signingKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      // A node is a server to those who open a route to it, and a client to those it opens one to.
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(hosts.map(alternativeName)),
      await AuthorityKeyIdentifierExtension.create(authority.publicKey),
      await SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return pemOf(certificate);
}

function validityOf({ from, to }: Validity): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(from), notAfter: new Date(to) };
}

function alternativeName(name: string): { type: "ip" | "dns"; value: string } {
  return { type: isIP(name) ? "ip" : "dns", value: name };
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

async function exportKey(key: CryptoKey): Promise<string> {
  return `${PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}
