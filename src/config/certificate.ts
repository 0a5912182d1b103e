import { X509Certificate } from "node:crypto";
import { plainFingerprint } from "../core/pem.ts";

/** Reads the first certificate of a PEM text; null where there is none that can be read. */
export function parseCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** Whether an authority made a certificate: by its names, and by its signature. */
export function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** SHA-256 of a certificate, in hex. */
export function fingerprintOf(certificate: X509Certificate): string {
  return plainFingerprint(certificate.fingerprint256);
}
