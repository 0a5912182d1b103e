import { unlinkSync } from "node:fs";
import { join } from "node:path";
import { orProblem, readConfiguredFile } from "../config/private-file.ts";
import { DATABASE_FILE } from "../core/node-files.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { ensurePrivateFolder, writeFileAtomically } from "../system/files.ts";
import { fileFault, folderFault } from "../system/safe-folder.ts";
import { commandName, placeArguments } from "./invocation.ts";
import { isThere } from "./place.ts";

/** What proves who one is: the file of a key, or that of a bearer token. It stays where it is. */
export interface Credential {
  readonly kind: "key" | "token";
  /** Absolute path. */
  readonly file: string;
}

/** The node of another machine that the commands of a folder speak to. It holds no secret. */
export interface Profile {
  /** Origin of the API, e.g. `https://bus.example.org:8470`. */
  readonly url: string;
  /** Id of the bus that was there at the login. */
  readonly bus: string;
  /** The key of the user who logged in. */
  readonly user: string;
  /** Certificate authority of the node, PEM; null for those that this machine trusts anyway. */
  readonly ca: string | null;
  /** The file that it was read from, for clients that want one. */
  readonly caFile: string | null;
  readonly credential: Credential;
}

export const PROFILE_FILE = "profile.json";
const VERSION = 1;
const MEMBERS = ["bus", "ca", "caFile", "credential", "url", "user", "version"];

/** Says whether a folder has a profile, be it one that cannot be used. */
export function hasProfile(folder: string): boolean {
  return isThere(join(folder, PROFILE_FILE));
}

/** The URL of a folder's profile; null when it has none, or one that cannot be used. */
export function findProfileUrl(folder: string): string | null {
  try {
    return findProfile(folder)?.url ?? null;
  } catch (error) {
    if (error instanceof Problem) return null;
    throw error;
  }
}

/** Reads the profile of a folder, or null when it has none. Throws "file-unusable". */
export function findProfile(folder: string): Profile | null {
  if (!hasProfile(folder)) return null;
  const path = join(folder, PROFILE_FILE);
  const attempt = `Cannot use the profile ${quote(path)}`;
  const fault = folderFault(folder);
  if (fault) throw new Problem("file-unusable", `${attempt}: its folder ${fault}`);
  // The folder may have been open to others before, and whoever says where a token is sent could read it.
  const planted = fileFault(path);
  if (planted) throw new Problem("file-unusable", `${attempt}: it ${planted}`);
  const text = orProblem("file-unusable", attempt, () =>
    readConfiguredFile(path, { secret: true }),
  );
  const profile = parseProfile(text);
  if (profile) return profile;
  throw new Problem(
    "file-unusable",
    `${attempt}: it is not of this version of unibus; log in again`,
  );
}

/** Writes the profile of a folder, which is made if it is not there; an earlier one is replaced. */
export function writeProfile(folder: string, profile: Profile): void {
  const path = join(folder, PROFILE_FILE);
  orUnusable(`Cannot write the profile ${quote(path)}`, () => {
    ensurePrivateFolder(folder);
    const text = `${JSON.stringify({ version: VERSION, ...profile }, null, 2)}\n`;
    writeFileAtomically(path, text, { mode: 0o600 });
  });
}

/** Forgets the node of a folder. The key's or token's file is left where it is. */
export function removeProfile(folder: string): void {
  const path = join(folder, PROFILE_FILE);
  orUnusable(`Cannot remove the profile ${quote(path)}`, () => unlinkSync(path));
}

function orUnusable(attempt: string, change: () => void): void {
  try {
    change();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unknown";
    throw new Problem("file-unusable", `${attempt}: ${why}`, { cause });
  }
}

/** Refuses to run a node where the commands speak to another one. Throws "file-exists". */
export function refuseProfile(folder: string): void {
  const profile = findProfile(folder);
  if (!profile) return;
  const place = placeArguments({ dataDir: folder, db: join(folder, DATABASE_FILE) });
  throw new Problem(
    "file-exists",
    `Cannot run a node in ${quote(folder)}: its commands speak to ${profile.url}; name another folder with --data-dir, or leave that node with: ${commandName()} logout${place}`,
  );
}

/** Refuses a folder that is no place for a profile: a node's own, or one that others can write to. */
export function refuseAsProfileFolder(folder: string, db: string): void {
  const fault = folderFault(folder);
  if (fault) throw new Problem("file-unusable", `Cannot log in in ${quote(folder)}: it ${fault}`);
  if (!isThere(db)) return;
  throw new Problem(
    "file-exists",
    `Cannot log in in ${quote(folder)}: a node's database is there, and its commands speak to that node; name another folder with --data-dir`,
  );
}

function parseProfile(text: string): Profile | null {
  const value = parseObject(text);
  if (!value || Object.keys(value).sort().join() !== MEMBERS.join()) return null;
  const { version, url, bus, user, ca, caFile, credential } = value;
  const texts = [url, bus, user].every((one) => typeof one === "string");
  const nullables = [ca, caFile].every((one) => one === null || typeof one === "string");
  if (version !== VERSION || !texts || !nullables || !isCredential(credential)) return null;
  // Every member was just judged.
  return { url, bus, user, ca, caFile, credential } as Profile;
}

function isCredential(value: unknown): value is Credential {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    (value.kind === "key" || value.kind === "token") &&
    "file" in value &&
    typeof value.file === "string"
  );
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    // An object of JSON has members by name.
    return typeof value === "object" ? (value as Readonly<Record<string, unknown>> | null) : null;
  } catch {
    return null;
  }
}
