import {
  type Environment,
  findGivenServer,
  findServerOnPath,
  NATS_SERVER_FLOOR,
  NATS_SERVER_VERSION,
  natsServerCacheFolder,
  natsServerPlatform,
  readCachedServer,
} from "../src/nats/find-server.ts";
import { type ArchiveLimits, downloadArchive, unpackServer } from "./nats-server/archive.ts";
import { buildWithGo } from "./nats-server/build.ts";
import { discardCached, putIntoCache } from "./nats-server/cache.ts";

export { NATS_SERVER_FLOOR, NATS_SERVER_VERSION } from "../src/nats/find-server.ts";

/**
 * Version → platform → SHA-256 of the official archive. Bun runs on these Linux processors only.
 * Source: nats-io/nats-docker, `2.15.x/alpine3.22/Dockerfile` at commit 629985321b0b. The release's
 * other platforms have no hash published there, so their archives are not taken.
 */
const ARCHIVES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "2.15.0": {
    "linux-amd64": "5d2c51caca950333aba84911df7d377f826f3a59ec36061c6539105084f65c92",
    "linux-arm64": "cdc208f5a3f42963a52b6ab06ef65626bb870315dc936e26ba571780c6351112",
  },
};
const ARCHIVE_BASE_URL = "https://github.com/nats-io/nats-server/releases/download";

export interface ObtainedServer {
  readonly path: string;
  readonly version: string;
  readonly source: "UNIBUS_NATS_SERVER" | "cache" | "go" | "archive" | "PATH";
}

type Road = "go" | "archive" | "PATH";

interface ObtainOptions {
  readonly env: Environment;
  /** The roads to take, in order, when no server is given or cached. */
  readonly roads?: readonly Road[];
  /** Another place, hash and limits for the archive: tests bring their own. */
  readonly archive?: {
    readonly baseUrl: string;
    readonly sha256: string;
    readonly limits?: Partial<ArchiveLimits>;
  };
  /** Told what is going on while it takes long. */
  readonly say?: (line: string) => void;
}

interface Attempt extends ObtainOptions {
  readonly folder: string;
  readonly say: (line: string) => void;
}

/**
 * Obtains a nats-server: the one given, the one cached, one built with Go, the official archive, or
 * one on PATH. What was built or downloaded goes to the user's cache, whole or not at all, so that
 * any number may run at once. Throws one error that names each road and why it failed.
 */
export async function obtainNatsServer(options: ObtainOptions): Promise<ObtainedServer> {
  const { env, roads = ["go", "archive", "PATH"], say = writeToStderr } = options;
  const given = await findGivenServer(env);
  if (given) return given;
  const folder = natsServerCacheFolder(env);
  const cached = readCachedServer(folder);
  if (cached.kind === "ready") return cached.server;
  if (cached.kind === "changed") {
    say(`The cached nats-server is removed and obtained anew: ${cached.reason}`);
    discardCached(folder);
  }
  if (cached.kind === "foreign") throw new Error(`Cannot use the cache: ${cached.reason}`);
  const failures = [
    "UNIBUS_NATS_SERVER: it is not set",
    `cache: ${cached.kind === "changed" ? "the one there was changed" : cached.reason}`,
  ];
  for (const road of roads) {
    try {
      const server = await takeRoad(road, { ...options, folder, say });
      say(`nats-server ${server.version} is ready (${road}): ${server.path}`);
      return server;
    } catch (error) {
      failures.push(`${road}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(unobtainable(failures));
}

async function takeRoad(road: Road, attempt: Attempt): Promise<ObtainedServer> {
  switch (road) {
    case "go":
      return await buildIntoCache(attempt);
    case "archive":
      return await downloadIntoCache(attempt);
    case "PATH": {
      const search = await findServerOnPath(attempt.env);
      if (search.kind === "none") throw new Error(search.reason);
      return search.server;
    }
  }
}

async function buildIntoCache({ env, folder, say }: Attempt): Promise<ObtainedServer> {
  const go = Bun.which("go", { PATH: env.PATH ?? "" });
  if (!go) throw new Error("there is no go on PATH");
  const path = await putIntoCache({
    folder,
    make: async (target) => await buildWithGo({ go, env, target, say }),
  });
  return { path, version: NATS_SERVER_VERSION, source: "go" };
}

async function downloadIntoCache({ archive, folder, say }: Attempt): Promise<ObtainedServer> {
  const platform = natsServerPlatform();
  const sha256 = archive?.sha256 ?? ARCHIVES[NATS_SERVER_VERSION]?.[platform];
  if (!sha256) throw new Error(`no hash is known for the archive of ${platform}`);
  const name = `nats-server-v${NATS_SERVER_VERSION}-${platform}`;
  const baseUrl = archive?.baseUrl ?? ARCHIVE_BASE_URL;
  const url = new URL(`${baseUrl}/v${NATS_SERVER_VERSION}/${name}.tar.gz`);
  const path = await putIntoCache({
    folder,
    make: async (target) => {
      const bytes = await downloadArchive({ url, sha256, say, limits: archive?.limits ?? {} });
      await Bun.write(target, await unpackServer(bytes, `${name}/nats-server`));
    },
  });
  return { path, version: NATS_SERVER_VERSION, source: "archive" };
}

function unobtainable(failures: readonly string[]): string {
  return [
    `Cannot obtain nats-server ${NATS_SERVER_VERSION}: no way led to one`,
    ...failures.map((failure) => `  ${failure}`),
    "Install Go (https://go.dev/dl), or allow the download, or put a nats-server of version " +
      `${NATS_SERVER_FLOOR} or newer on PATH or name it in UNIBUS_NATS_SERVER; then run: npm run setup`,
  ].join("\n");
}

function writeToStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

if (import.meta.main) {
  try {
    const server = await obtainNatsServer({ env: process.env });
    process.stdout.write(`${server.path}\n`);
  } catch (error) {
    writeToStderr(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
