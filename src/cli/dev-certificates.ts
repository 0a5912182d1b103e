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
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A small certificate authority and one certificate of it, all PEM. */
export interface DevCertificates {
  readonly caCert: string;
  readonly caKey: string;
  readonly serverCert: string;
  readonly serverKey: string;
}

// P-256, as browsers take no Ed25519 certificates.
const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;

/**
 * Makes a certificate authority and a certificate for `names` (DNS names and IP addresses), good for
 * servers and clients, valid from `from` to `to` (ms since epoch).
 * Source: RFC 5280; the authority may sign nothing but end certificates.
 */
export async function createDevCertificates(options: {
  readonly names: readonly string[];
  readonly from: number;
  readonly to: number;
}): Promise<DevCertificates> {
  const [authority, server] = await Promise.all([generateKeys(), generateKeys()]);
  const validity = { notBefore: new Date(options.from), notAfter: new Date(options.to) };
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: [{ CN: ["unibus development CA"] }],
    keys: authority,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const certificate = await X509CertificateGenerator.create({
    ...validity,
    subject: [{ CN: ["unibus development server"] }],
    issuer: ca.subject,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(options.names.map(alternativeName)),
      await AuthorityKeyIdentifierExtension.create(authority.publicKey),
      await SubjectKeyIdentifierExtension.create(server.publicKey),
    ],
  });
  return {
    caCert: `${ca.toString("pem")}\n`,
    caKey: await exportKey(authority.privateKey),
    serverCert: `${certificate.toString("pem")}\n`,
    serverKey: await exportKey(server.privateKey),
  };
}

function alternativeName(name: string): { type: "ip" | "dns"; value: string } {
  return { type: isIP(name) ? "ip" : "dns", value: name };
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return `${PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}
