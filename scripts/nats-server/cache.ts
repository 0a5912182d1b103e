import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import {
  hashFile,
  NATS_SERVER_FILE,
  NATS_SERVER_HASH_FILE,
  NATS_SERVER_VERSION,
  readCachedServer,
  readServerVersion,
} from "../../src/nats/find-server.ts";

const TEMPORARY_PREFIX = ".making-";
/** A temporary folder this old belongs to a setup that was killed. */
const TEMPORARY_AGE_MS_MAX = 24 * 3_600_000;

/**
 * Has a server made in a folder of its own, checks its version, and moves it to its place together
 * with its hash: one rename, so that nobody ever sees the one without the other. When somebody else
 * was faster, theirs stays. Answers the path of the server.
 */
export async function putIntoCache(options: {
  readonly folder: string;
  readonly make: (target: string) => Promise<void>;
}): Promise<string> {
  const { folder, make } = options;
  const parent = dirname(folder);
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  removeAbandoned(parent);
  const temporary = mkdtempSync(join(parent, TEMPORARY_PREFIX));
  try {
    const target = join(temporary, NATS_SERVER_FILE);
    await make(target);
    chmodSync(target, 0o700);
    const version = await readServerVersion(target);
    if (version !== NATS_SERVER_VERSION) {
      throw new Error(`what came is version ${version} instead of ${NATS_SERVER_VERSION}`);
    }
    const hashLine = `${hashFile(target)}  ${NATS_SERVER_FILE}\n`;
    writeFileSync(join(temporary, NATS_SERVER_HASH_FILE), hashLine, { mode: 0o600 });
    moveUnlessThere(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  const cached = readCachedServer(folder);
  if (cached.kind !== "ready") throw new Error(cached.reason);
  return cached.server.path;
}

/** Takes a damaged server out of the cache. */
export function discardCached(folder: string): void {
  const aside = join(dirname(folder), `${TEMPORARY_PREFIX}${crypto.randomUUID()}`);
  try {
    // Aside first: a folder that is half removed would keep a good one from its place.
    renameSync(folder, aside);
  } catch (error) {
    if (!existsSync(folder)) return;
    throw error;
  }
  rmSync(aside, { recursive: true, force: true });
}

function moveUnlessThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(TEMPORARY_PREFIX)) continue;
    const path = join(parent, name);
    const about = statSync(path, { throwIfNoEntry: false });
    if (about && Date.now() - about.mtimeMs > TEMPORARY_AGE_MS_MAX) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}
