import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const DAY_MS = 24 * 3_600_000;

export interface CertificateFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Writes a CA and a certificate with the right modes; valid now unless `from` and `to` say otherwise. */
export async function writeCertificates(
  folder: string,
  options: {
    readonly from?: number;
    readonly to?: number;
    /** More names of the certificate. */
    readonly names?: readonly string[];
  } = {},
): Promise<CertificateFiles> {
  const now = Date.now();
  const { from = now - DAY_MS, to = now + DAY_MS, names = [] } = options;
  // Loaded one after the other: with other files loading at once, Bun may run the second one first.
  await import("../../src/cli/reflect.ts");
  const { createDevCertificates } = await import("../../src/cli/dev-certificates.ts");
  const made = await createDevCertificates({
    names: ["localhost", "127.0.0.1", "::1", ...names],
    from,
    to,
  });
  mkdirSync(folder, { recursive: true });
  const files = {
    ca: join(folder, "ca.crt"),
    cert: join(folder, "server.crt"),
    key: join(folder, "server.key"),
  };
  writeFileSync(files.ca, made.caCert);
  writeFileSync(files.cert, made.serverCert);
  writeFileSync(files.key, made.serverKey, { mode: 0o600 });
  return files;
}
