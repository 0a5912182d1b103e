import { closeSync, lstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { NATS_VERSION_TIMEOUT_MS } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { withTimeout } from "../system/wait.ts";

/** The nats-server that `npm run setup` obtains. */
export const NATS_SERVER_VERSION = "2.15.0";
/** The oldest that is accepted: older ones have known holes (nats-io/advisories, 2026-06-29). */
export const NATS_SERVER_FLOOR = "2.14.3";
/** Name of the executable in its cache folder; beside it its hash, as `sha256sum -c` reads it. */
export const NATS_SERVER_FILE = "nats-server";
export const NATS_SERVER_HASH_FILE = "nats-server.sha256";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface FoundServer {
  readonly path: string;
  readonly version: string;
  readonly source: "UNIBUS_NATS_SERVER" | "cache" | "PATH";
}

/** A server at or over the floor, or why there is none. */
export type Search =
  | { readonly kind: "found"; readonly server: FoundServer }
  | { readonly kind: "none"; readonly reason: string };

/** What the user's cache holds. Only "changed" may be thrown away: it is ours, and damaged. */
export type CachedServer =
  | { readonly kind: "ready"; readonly server: FoundServer }
  | { readonly kind: "absent" | "changed" | "foreign"; readonly reason: string };

const REMEDY =
  "run `npm run setup`, or set UNIBUS_NATS_SERVER to a nats-server " +
  `of version ${NATS_SERVER_FLOOR} or newer`;

/**
 * Finds the nats-server to run: the one that UNIBUS_NATS_SERVER names, the one in the user's cache
 * (its hash is checked), or one on PATH. Obtains nothing; that is what setup does.
 * Throws `start-failed` when there is none, and when the one given or cached may not be used: another
 * one in its place would be a surprise.
 */
export async function findNatsServer(options: { readonly env: Environment }): Promise<FoundServer> {
  const given = await findGivenServer(options.env);
  if (given) return given;
  const cached = readCachedServer(natsServerCacheFolder(options.env));
  if (cached.kind === "ready") return cached.server;
  if (cached.kind !== "absent") {
    throw new Problem(
      "start-failed",
      `Cannot use the cached nats-server: ${cached.reason}; ${REMEDY}`,
    );
  }
  const onPath = await findServerOnPath(options.env);
  if (onPath.kind === "found") return onPath.server;
  throw new Problem(
    "start-failed",
    `Cannot find nats-server: ${cached.reason} and ${onPath.reason}; ${REMEDY}`,
  );
}

/** The server that UNIBUS_NATS_SERVER names, or null when it is not set. Throws `start-failed`. */
export async function findGivenServer(env: Environment): Promise<FoundServer | null> {
  if (!env.UNIBUS_NATS_SERVER) return null;
  const search = await judgeServer(resolve(env.UNIBUS_NATS_SERVER), "UNIBUS_NATS_SERVER");
  if (search.kind === "found") return search.server;
  throw new Problem(
    "start-failed",
    `Cannot use the nats-server of UNIBUS_NATS_SERVER: ${search.reason}`,
  );
}

/** The server on PATH, when it is at or over the floor. */
export async function findServerOnPath(env: Environment): Promise<Search> {
  const path = Bun.which("nats-server", { PATH: env.PATH ?? "" });
  if (!path) return { kind: "none", reason: "there is no nats-server on PATH" };
  return await judgeServer(path, "PATH");
}

/** Operating system and processor as nats-server's release names them: "linux-amd64". */
export function natsServerPlatform(): string {
  return `${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
}

/**
 * The folder of the pinned server in the user's cache.
 * Source: XDG Base Directory Specification (a relative XDG_CACHE_HOME is to be ignored).
 */
export function natsServerCacheFolder(env: Environment): string {
  const asked = env.XDG_CACHE_HOME ?? "";
  const cache = isAbsolute(asked) ? asked : join(env.HOME || homedir(), ".cache");
  return join(cache, "unibus", "nats-server", `${NATS_SERVER_VERSION}-${natsServerPlatform()}`);
}

/** Looks into a cache folder and compares the server's bytes with the hash beside it. */
export function readCachedServer(folder: string): CachedServer {
  const about = lstatSync(folder, { throwIfNoEntry: false });
  if (!about) return { kind: "absent", reason: `the cache has none (${folder})` };
  // Whoever may write here decides which program runs with our rights.
  if (!about.isDirectory() || about.uid !== process.getuid?.() || (about.mode & 0o022) !== 0) {
    return {
      kind: "foreign",
      reason: `${folder} must be a folder of this user that nobody else may write to`,
    };
  }
  const path = join(folder, NATS_SERVER_FILE);
  const expected = readIfPresent(join(folder, NATS_SERVER_HASH_FILE))?.split(" ")[0];
  if (!expected || !statSync(path, { throwIfNoEntry: false })?.isFile()) {
    return { kind: "changed", reason: `${folder} is not complete` };
  }
  if (hashFile(path) !== expected) {
    return { kind: "changed", reason: `${path} is not what was put there: its hash differs` };
  }
  return { kind: "ready", server: { path, version: NATS_SERVER_VERSION, source: "cache" } };
}

/** Asks an executable for its version. Throws with the reason when it is no nats-server. */
export async function readServerVersion(path: string): Promise<string> {
  // With no environment, as it will run: a server that needs one is of no use here.
  const child = Bun.spawn([path, "--version"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    env: {},
    maxBuffer: 4_096,
  });
  const text = await withTimeout(new Response(child.stdout).text(), NATS_VERSION_TIMEOUT_MS);
  child.kill("SIGKILL");
  if (text === "timeout") throw new Error("it did not tell its version in time");
  const version = /^nats-server: v(\d+\.\d+\.\d+(?:-[\w.]+)?)\s*$/m.exec(text)?.[1];
  if (!version) throw new Error("it does not answer --version as a nats-server does");
  return version;
}

/** The SHA-256 of a file in hex; reads it in pieces (17 MB take about 15 ms). */
export function hashFile(path: string): string {
  const hasher = new Bun.CryptoHasher("sha256");
  const piece = new Uint8Array(1024 * 1024);
  const file = openSync(path, "r");
  try {
    for (;;) {
      const sizeBytes = readSync(file, piece);
      if (sizeBytes === 0) return hasher.digest("hex");
      hasher.update(piece.subarray(0, sizeBytes));
    }
  } finally {
    closeSync(file);
  }
}

async function judgeServer(path: string, source: FoundServer["source"]): Promise<Search> {
  let version: string;
  try {
    version = await readServerVersion(path);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return { kind: "none", reason: `${path} cannot be used: ${words}` };
  }
  if (isBelowFloor(version)) {
    const reason = `${path} is version ${version}, and ${NATS_SERVER_FLOOR} is the oldest accepted`;
    return { kind: "none", reason };
  }
  return { kind: "found", server: { path, version, source } };
}

function isBelowFloor(version: string): boolean {
  const [numbers = "", preRelease] = version.split("-", 2);
  const order = Bun.semver.order(numbers, NATS_SERVER_FLOOR);
  // A release candidate of the floor comes before the floor.
  return order < 0 || (order === 0 && preRelease !== undefined);
}

function readIfPresent(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
