import { statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { COMMAND_TIMEOUT_MS, LOCK_RETRY_MS, LOCK_WAIT_MS } from "../core/limits.ts";
import { SOCKET_FILE } from "../core/node-files.ts";
import { Problem } from "../core/problems.ts";
import { codeOf } from "../core/thrown.ts";
import { type Client, createClient } from "../sdk/client.ts";
import type { Identity } from "../sdk/identity.ts";
import { realFile } from "../system/files.ts";
import { findPeer } from "../system/peer.ts";
import { askedOwner, folderFault } from "../system/safe-folder.ts";
import { commandName } from "./invocation.ts";
import { note } from "./output.ts";
import { folderOf, isThere, type NodePlace, unreachable } from "./place.ts";
import { findProfile, type Profile } from "./profile.ts";

/** A node that a command speaks to: one that runs here or elsewhere, or the data of one that does not. */
export interface Node extends AsyncDisposable {
  readonly client: Client;
  readonly running: boolean;
  /** Which node it was, for whoever reads an error. */
  readonly where: string;
  /** Null at the node's own folder, where one is its operator. */
  readonly remote: Remote | null;
}

/** Who one is at the node of a profile. */
export interface Remote {
  readonly profile: Profile;
  /** Null for a token, which signs nothing. */
  readonly identity: Identity | null;
}

/**
 * Finds the node of a folder: the running one by its socket, or the one elsewhere that somebody logged
 * in to, or else its database, which is then opened under the lock that a running node would hold
 * (M-014).
 * A database is made for `mayCreate` alone; no command makes a folder by accident.
 * Throws "node-not-found", "node-unreachable", "node-untrusted" or "folder-in-use".
 */
export async function openNode(
  place: NodePlace,
  options: {
    readonly mayCreate?: boolean;
    readonly runningOnly?: boolean;
    /** What is told beside the result would stand in the way of a program. */
    readonly quiet?: boolean;
  } = {},
): Promise<Node> {
  const db = resolve(realFile(place.db));
  // A link to the database is as good as the folder that it lies in.
  if (db !== resolve(place.db)) refuseUnsafe(dirname(resolve(place.db)), place.db);
  const running = await findRunning(db);
  if (running) return running;
  const folder = folderOf(place);
  const profile = findProfile(folder);
  if (profile) {
    const { openRemote } = await import("./remote.ts");
    return openRemote(folder, profile);
  }
  if (options.runningOnly) throw notRunning(db);
  const exists = isThere(db);
  if (!exists && !options.mayCreate) throw notFound(db);
  const { openOffline } = await import("./offline.ts");
  const say = options.quiet ? () => undefined : note;
  return openOffline({ db, findRunning: () => findRunning(db), say });
}

/** Finds the running node beside a database, or null. */
async function findRunning(db: string): Promise<Node | null> {
  const folder = dirname(db);
  const socket = join(folder, SOCKET_FILE);
  if (!isThere(socket)) return null;
  try {
    await refuseForeignNode(folder, socket);
  } catch (error) {
    if (error instanceof Problem) throw error;
    const code = codeOf(error);
    // Left by a node that died.
    if (code === "ECONNREFUSED" || code === "ENOENT") return null;
    throw unreachable(socket, code, error);
  }
  const where = `the running node of ${folder}`;
  const client = createClient({
    baseUrl: "http://localhost",
    name: where,
    fetch: (url, init) =>
      fetch(url, { ...init, unix: socket, signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS) }),
  });
  const close = async (): Promise<void> => undefined;
  return { client, running: true, where, remote: null, [Symbol.asyncDispose]: close };
}

/**
 * Refuses to speak to somebody else's process: its answers would be theirs, and so would be what it is
 * told. Root speaks to the node of whoever owns the folder, everybody else to their own or root's. The
 * request itself goes over another connection; nobody but these two can exchange the socket in between,
 * since the folder, and those above it, are theirs to change alone.
 */
async function refuseForeignNode(folder: string, socket: string): Promise<void> {
  const owner = askedOwner(folder);
  refuseUnsafe(folder, socket);
  const { uid } = statSync(socket);
  if (uid !== 0 && uid !== owner) throw foreign(socket, belongs("socket", uid));
  const peer = await findPatiently(socket);
  if (peer !== 0 && peer !== owner) throw foreign(socket, belongs("process behind it", peer));
}

function refuseUnsafe(folder: string, place: string): void {
  const fault = folderFault(folder, askedOwner(folder));
  if (fault) throw foreign(place, `its folder ${fault}`);
}

/** A node that is very busy takes no connection for a moment. */
async function findPatiently(socket: string): Promise<number> {
  const deadlineAt = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      return findPeer(socket);
    } catch (error) {
      if (codeOf(error) !== "EAGAIN" || performance.now() > deadlineAt) throw error;
      await Bun.sleep(LOCK_RETRY_MS);
    }
  }
}

function belongs(what: string, uid: number): string {
  return `the ${what} belongs to another user (uid ${uid}); run the command as that user`;
}

function foreign(socket: string, why: string): Problem {
  return new Problem("node-unreachable", `Cannot reach the node at "${socket}": ${why}`);
}

function notFound(db: string): Problem {
  return new Problem(
    "node-not-found",
    `Cannot find a node: there is no "${db}"; start one with: ${commandName()} up, name its folder with --data-dir, or go to one elsewhere with: ${commandName()} login URL --key FILE`,
  );
}

function notRunning(db: string): Problem {
  return new Problem(
    "node-not-found",
    `Cannot ask the node of "${dirname(db)}": it is not running, and what was asked for is in its memory only`,
  );
}
