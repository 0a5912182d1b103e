import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MadeCertificate } from "../../src/cli/certificates.ts";
import type { RouteTlsFiles } from "./cluster.ts";

const DAY_MS = 24 * 3_600_000;

/** An authority for routes, in a folder, that makes certificates for nodes. */
export interface RouteCa {
  readonly ca: string;
  /** Writes a certificate for localhost; valid now unless `from` and `to` say otherwise. */
  issue(
    name: string,
    more?: { readonly from?: number; readonly to?: number; readonly hosts?: readonly string[] },
  ): Promise<RouteTlsFiles>;
}

export async function createRouteCa(folder: string): Promise<RouteCa> {
  // Loaded one after the other: with other files loading at once, Bun may run the second one first.
  await import("../../src/cli/reflect.ts");
  const { createAuthority, createCertificate } = await import("../../src/cli/certificates.ts");
  const now = Date.now();
  const span = { from: now - 10 * DAY_MS, to: now + DAY_MS };
  const authority = await createAuthority({ ...span, name: "test CA" });
  const write = (name: string, made: MadeCertificate): RouteTlsFiles => {
    mkdirSync(folder, { recursive: true });
    const cert = join(folder, `${name}.crt`);
    const key = join(folder, `${name}.key`);
    writeFileSync(cert, made.cert);
    writeFileSync(key, made.key, { mode: 0o600 });
    return { ca: join(folder, "ca.crt"), cert, key };
  };
  const { ca } = write("ca", authority);
  return {
    ca,
    async issue(name, more = {}) {
      const hosts = ["localhost", "127.0.0.1"];
      const options = { ...span, hosts, ...more, ca: authority, node: name };
      return write(name, await createCertificate(options));
    },
  };
}
