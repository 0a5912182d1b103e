import { lstatSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/*
 * Which folders are safe for files of ours. Whoever may write to a folder can put a file, a link or a
 * socket under a name that we use; whoever may write to a folder above it can put another one in its
 * place. So each folder and each link on the way is judged, from the root on. When all of them are ours
 * or root's to change, nobody else can change what a path means between the check and the use.
 */

/** Symlinks that one path may pass through, as the kernel counts them. */
const LINKS_MAX = 40;

/**
 * Says why a folder is not safe for a node's files, in words that follow "it"; null when it is, or is not
 * there yet. `owner` is who may own it and the folders above it beside root: this user, if nobody is named.
 */
export function folderFault(path: string, owner: number = ownUid()): string | null {
  return walk(path, { owner, shared: false }).fault;
}

/**
 * Says why a folder is not safe for a file that is made there under a new name, as `folderFault` does.
 * Others may put files beside it where the sticky bit keeps them from ours, as in `/tmp`.
 */
export function spotFault(path: string): string | null {
  return walk(path, { owner: ownUid(), shared: true }).fault;
}

/** Throws unless a file can be made safely in a folder, which must be there. */
export function requireSpot(folder: string): void {
  const { fault, there } = walk(folder, { owner: ownUid(), shared: true });
  if (fault) throw new UnsafeFolder(folder, fault);
  // Somebody else could make it before us.
  if (!there) throw Object.assign(new Error("there is no such folder"), { code: "ENOENT" });
}

/** A folder that is no place for our files. The message says what to do. */
export class UnsafeFolder extends Error {
  override readonly name = "UnsafeFolder";
  readonly code = "UNSAFE";
  constructor(folder: string, fault: string) {
    super(`the folder "${folder}" ${fault}, or choose another folder`);
  }
}

/**
 * Says why a file is not one of ours, in words that follow "it"; null when it is, or is not there. A file
 * of another user's may have been put there when its folder was open to them.
 */
export function fileFault(path: string, owner: number = ownUid()): string | null {
  const about = lookAt(path);
  if (!about || about.uid === 0 || about.uid === owner) return null;
  return `belongs to another user (uid ${about.uid})`;
}

/** Who may own what this user asks: for root, who asks at somebody's node, whoever owns its folder. */
export function askedOwner(folder: string): number {
  const own = ownUid();
  if (own !== 0) return own;
  try {
    return statSync(folder).uid;
  } catch {
    // It is not there, or cannot be looked at; whoever uses it will tell.
    return own;
  }
}

interface Rule {
  readonly owner: number;
  /** Whether the folder itself may be sticky and open to others, as those above it may. */
  readonly shared: boolean;
}

interface Walked {
  readonly fault: string | null;
  /** Whether the whole path is there. */
  readonly there: boolean;
}

function walk(path: string, rule: Rule): Walked {
  const asked = resolve(path);
  const owners = [0, rule.owner, rootOwner()];
  const pending = partsOf(asked);
  let at = "/";
  let links = 0;
  for (;;) {
    const about = lookAt(at);
    // What cannot be looked at cannot be used either, and whoever tries to will tell why.
    if (!about) return { fault: null, there: false };
    const isLast = pending.length === 0;
    const fault = about.isSymbolicLink()
      ? linkFault(about, owners)
      : openFault(about, owners, { at, isLast, shared: rule.shared });
    if (fault) return { fault: placed(fault, { at, asked }), there: true };
    if (about.isSymbolicLink()) {
      if (++links > LINKS_MAX) return { fault: null, there: false };
      const target = readlinkSync(at);
      pending.unshift(...partsOf(target));
      at = target.startsWith("/") ? "/" : dirname(at);
      if (pending.length > 0) at = join(at, pending.shift() ?? "");
      continue;
    }
    if (isLast) return { fault: null, there: true };
    at = join(at, pending.shift() ?? "");
  }
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function linkFault(link: Stats, owners: readonly number[]): string | null {
  return owners.includes(link.uid) ? null : `is a link of another user (uid ${link.uid})`;
}

function openFault(
  { uid, gid, mode }: Stats,
  owners: readonly number[],
  {
    at,
    isLast,
    shared,
  }: { readonly at: string; readonly isLast: boolean; readonly shared: boolean },
): string | null {
  if (!owners.includes(uid)) {
    return `belongs to another user (uid ${uid}); run this as that user`;
  }
  const isSticky = (mode & 0o1000) !== 0;
  if (isSticky && (!isLast || shared)) return null;
  const everybody = (mode & 0o002) !== 0;
  const group = (mode & 0o020) !== 0 && (isLast || !isPrivateGroup(gid));
  if (!everybody && !group) return null;
  const who = [...(group ? ["its group"] : []), ...(everybody ? ["everybody"] : [])].join(" and ");
  const whose = `${group ? "g" : ""}${everybody ? "o" : ""}`;
  return `may be written to by ${who}; run: chmod ${whose}-w ${pasted(at)}`;
}

/** A path as a shell takes it, and otherwise what it stands for. */
function pasted(path: string): string {
  return /^[A-Za-z0-9_./@%+,-]+$/.test(path) ? path : "on it";
}

function placed(fault: string, { at, asked }: { readonly at: string; readonly asked: string }) {
  return at === asked ? fault : `is not safe, since "${at}" ${fault}`;
}

/**
 * Says whether a group is this user's alone, as many systems give each user one, and a umask with which it
 * may write to what the user makes. By the files of the machine: members that a directory service adds
 * are not known. Source: Debian's OpenSSH, user-group-modes.patch, has the same exception.
 */
function isPrivateGroup(gid: number): boolean {
  const own = ownUid();
  if (gid !== own) return false;
  const users = recordsOf("/etc/passwd");
  if (users.some(([, , uid, group]) => Number(group) === gid && Number(uid) !== own)) return false;
  const names = users.filter(([, , uid]) => Number(uid) === own).map(([name]) => name);
  return recordsOf("/etc/group")
    .filter(([, , id]) => Number(id) === gid)
    .flatMap(([, , , members = ""]) => members.split(","))
    .every((member) => member === "" || names.includes(member));
}

/** The lines of a file as passwd(5) and group(5) have them; none without it, as in a container. */
function recordsOf(path: string): readonly (readonly string[])[] {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => line.split(":"));
  } catch {
    return [];
  }
}

/** Root, who has another number in a user namespace where it is not mapped. */
function rootOwner(): number {
  return lookAt("/")?.uid ?? 0;
}

function ownUid(): number {
  return process.geteuid?.() ?? 0;
}

function lookAt(path: string): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}
