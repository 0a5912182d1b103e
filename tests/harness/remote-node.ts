import { mkdirSync, readFileSync } from "node:fs";
import { writeProfile } from "../../src/cli/profile.ts";
import type { UserId } from "../../src/core/ids.ts";
import type { AppParts } from "../../src/http/parts.ts";
import { getBus } from "../../src/store/journal.ts";
import { aMachine, type KeyFile, type Machine } from "./another-machine.ts";
import { openTestApi, type TestApi } from "./api.ts";
import { type CertificateFiles, writeCertificates } from "./certificates.ts";
import { temporaryFolder } from "./unibus.ts";

/** A machine that is logged in as a user with a name. */
export interface LoggedIn extends Disposable {
  readonly machine: Machine;
  readonly key: KeyFile;
}

/** Logs in without a command, which would take longer than most of what is tried after it. */
export async function loggedIn(
  node: RemoteNode,
  name = "ada",
  role: "admin" | "member" = "member",
): Promise<LoggedIn> {
  const machine = aMachine();
  const key = machine.key();
  await node.admit(key, { name, role });
  writeProfile(machine.dataDir, {
    url: node.url,
    bus: getBus(node.api.bus.store).busId,
    user: key.user,
    ca: readFileSync(node.certificates.ca, "utf8"),
    caFile: node.certificates.ca,
    credential: { kind: "key", file: key.path },
  });
  return { machine, key, [Symbol.dispose]: () => machine[Symbol.dispose]() };
}

/** The API of this process behind a port with TLS, as another machine reaches a node. */
export interface RemoteNode extends AsyncDisposable {
  readonly api: TestApi;
  readonly url: string;
  readonly port: number;
  readonly certificates: CertificateFiles;
  /** Admits a key. */
  admit(key: { readonly user: UserId }, more?: Admission): Promise<void>;
  /** What was asked of it so far: method and path. */
  asked(): readonly string[];
}

export interface Admission {
  readonly name?: string;
  readonly role?: "admin" | "member";
}

export async function serveRemote(
  options: {
    readonly parts?: Partial<AppParts>;
    /** The address of loopback that it listens at. */
    readonly hostname?: string;
    readonly port?: number;
    readonly validity?: { readonly from: number; readonly to: number };
  } = {},
): Promise<RemoteNode> {
  const { parts, hostname = "127.0.0.1", validity } = options;
  const folder = temporaryFolder();
  mkdirSync(folder.path, { recursive: true });
  const certificates = await writeCertificates(folder.path, validity);
  const hosts: string[] = [];
  const asked: string[] = [];
  const api = openTestApi({
    now: () => Date.now(),
    startedAt: Date.now() - 60_000,
    ownHosts: () => hosts,
    ...parts,
  });
  const server = Bun.serve({
    hostname,
    port: options.port ?? 0,
    tls: { cert: Bun.file(certificates.cert), key: Bun.file(certificates.key) },
    fetch: (request) => {
      asked.push(`${request.method} ${new URL(request.url).pathname}`);
      return api.app.fetch(request, { kind: "tcp", address: "192.0.2.7" });
    },
  });
  const { port = 0 } = server;
  hosts.push(`localhost:${port}`, `${hostname}:${port}`);
  return {
    api,
    url: `https://localhost:${port}`,
    port,
    certificates,
    async admit({ user }, { name, role = "member" } = {}) {
      await api.bus.must({ kind: "user.add", user, name: name ?? null, role });
    },
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
      api[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}
