import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { ensureFolder, writeNewFile } from "../system/files.ts";
import type { HelpFacts } from "./help.ts";
import { shellWord } from "./invocation.ts";

/** Where the help of the TLS flags says that certificates are. */
export const DEV_TLS_FOLDER = "deploy/tls";
/** Browsers take no longer life of a server certificate. */
const VALID_DAYS = 397;
const DAY_MS = 24 * 3_600_000;
/** A machine whose clock is a little behind may use the certificate at once. */
const CLOCK_SKEW_MS = 3_600_000;
const DNS_NAME =
  /^(\*\.)?(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*$/i;

export const CERT_DEV = {
  description:
    "Makes a small certificate authority and a server certificate for development: valid for localhost, this machine's name and the names given. Existing files are never overwritten.",
  options: [
    {
      name: "dir",
      kind: "text",
      value: "FOLDER",
      default: DEV_TLS_FOLDER,
      help: "folder that gets ca.crt, ca.key, server.crt and server.key",
    },
    {
      name: "name",
      kind: "text",
      value: "HOST",
      repeats: true,
      help: "further DNS name or IP address of the server",
    },
  ],
  examples: ["unibus cert dev --name bus.example.org --name 10.0.0.2"],
} as const satisfies HelpFacts;

/** What `unibus cert dev` made. */
export interface DevCertificateFiles {
  readonly caCert: string;
  readonly caKey: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly names: readonly string[];
  /** End of validity, ms since epoch. */
  readonly notAfter: number;
}

/**
 * Makes the certificates of a development node and says where they are and what to type next.
 * Throws `usage` for a name that is none, `file-exists` when one of the four files is there, and
 * `file-unusable` when one cannot be written.
 */
export async function runCertDev(
  args: { readonly dir?: string | undefined; readonly name?: readonly string[] },
  output: {
    readonly print: (line: string) => void;
    /** What is typed to run unibus here. */
    readonly program?: string;
  },
): Promise<DevCertificateFiles> {
  const dir = args.dir ?? DEV_TLS_FOLDER;
  const names = serverNames(args.name ?? []);
  const files = {
    caCert: join(dir, "ca.crt"),
    caKey: join(dir, "ca.key"),
    serverCert: join(dir, "server.crt"),
    serverKey: join(dir, "server.key"),
  };
  refuseExisting(Object.values(files));
  const at = Date.now();
  const notAfter = at + VALID_DAYS * DAY_MS;
  // Loaded here: no other command needs it, and it takes longer to load than they take to run.
  // First and alone: with all at once, Bun may run the one that needs it before it.
  await import("./reflect.ts");
  const { createDevCertificates } = await import("./dev-certificates.ts");
  const made = await createDevCertificates({ names, from: at - CLOCK_SKEW_MS, to: notAfter });
  try {
    ensureFolder(dir);
    // Keys first: without its key a certificate is a riddle, while a key alone explains itself.
    writeNewFile(files.caKey, made.caKey, { mode: 0o600 });
    writeNewFile(files.serverKey, made.serverKey, { mode: 0o600 });
    writeNewFile(files.caCert, made.caCert, { mode: 0o644 });
    writeNewFile(files.serverCert, made.serverCert, { mode: 0o644 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unknown";
    throw new Problem("file-unusable", `Cannot write certificates to ${quote(dir)}: ${why}`, {
      cause,
    });
  }
  const result = { ...files, names, notAfter };
  for (const line of linesOf(result, output.program ?? "unibus")) output.print(line);
  return result;
}

/** Says whether a text is a DNS name or an IP address, as certificates name servers. */
export function isCertificateName(text: string): boolean {
  return isIP(text) !== 0 || DNS_NAME.test(text);
}

function serverNames(given: readonly string[]): readonly string[] {
  for (const name of given) {
    if (!isCertificateName(name)) {
      throw new Problem("usage", `Cannot use --name: ${quote(name)} is no DNS name or IP address`);
    }
  }
  const machine = hostname();
  const own = ["localhost", "127.0.0.1", "::1", ...(DNS_NAME.test(machine) ? [machine] : [])];
  return [...new Set([...own, ...given])];
}

function refuseExisting(paths: readonly string[]): void {
  const existing = paths.filter((path) => existsSync(path));
  if (existing.length === 0) return;
  throw new Problem(
    "file-exists",
    `Cannot make certificates: ${existing.join(", ")} ${existing.length > 1 ? "exist" : "exists"}; move them away, or choose another folder with --dir`,
  );
}

function linesOf(made: DevCertificateFiles, program: string): readonly string[] {
  const until = new Date(made.notAfter).toISOString().slice(0, 10);
  return [
    `Made a certificate for ${made.names.join(", ")}, valid until ${until}.`,
    `  ${made.serverCert}  the server's certificate`,
    `  ${made.serverKey}  its key: keep it secret`,
    `  ${made.caCert}  what clients must trust`,
    `  ${made.caKey}  the authority's key: keep it secret, or delete it`,
    "",
    "Next, start a node with it:",
    `  ${program} up --tls-cert ${shellWord(made.serverCert)} --tls-key ${shellWord(made.serverKey)}`,
    "and ask it how it is:",
    `  curl --cacert ${shellWord(made.caCert)} https://localhost:8470/healthz`,
  ];
}
