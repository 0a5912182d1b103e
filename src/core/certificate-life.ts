import { TLS_LIFE_WARNED } from "./limits.ts";

/** How far a certificate is in its life. */
export type CertificateAge = "good" | "ending" | "ended";

/** When a certificate is valid, ms since epoch. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Says how far a certificate is in its life at a time: from two thirds on it should be renewed. */
export function ageOf({ notBefore, notAfter }: Validity, at: number): CertificateAge {
  if (at >= notAfter) return "ended";
  return at >= notBefore + (notAfter - notBefore) * TLS_LIFE_WARNED ? "ending" : "good";
}
