import { createAuthority, createCertificate } from "./certificates.ts";

/** A small certificate authority and one certificate of it, all PEM. */
export interface DevCertificates {
  readonly caCert: string;
  readonly caKey: string;
  readonly serverCert: string;
  readonly serverKey: string;
}

/**
 * Makes a certificate authority and a certificate for `names` (DNS names and IP addresses), good for
 * servers and clients, valid from `from` to `to` (ms since epoch).
 */
export async function createDevCertificates(options: {
  readonly names: readonly string[];
  readonly from: number;
  readonly to: number;
}): Promise<DevCertificates> {
  const { names: hosts, from, to } = options;
  const ca = await createAuthority({ from, to, name: "unibus development CA" });
  const node = "unibus development server";
  const server = await createCertificate({ from, to, ca, node, hosts });
  return { caCert: ca.cert, caKey: ca.key, serverCert: server.cert, serverKey: server.key };
}
