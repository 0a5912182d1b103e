const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, each with its marks. What else is in it, a key too, is left out. */
export function certificateBlocks(pem: string): readonly string[] {
  return pem.match(CERTIFICATE) ?? [];
}

/** A certificate's SHA-256 as node:crypto tells it, in the form that is compared and shown: plain hex. */
export function plainFingerprint(fingerprint256: string): string {
  return fingerprint256.replaceAll(":", "").toLowerCase();
}
