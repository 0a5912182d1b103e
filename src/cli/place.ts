import { lstatSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Problem } from "../core/problems.ts";
import { codeOf } from "../core/thrown.ts";
import { realFile } from "../system/files.ts";

/** Where a command finds its node, by its options. */
export interface NodePlace {
  readonly dataDir: string;
  readonly db: string;
}

/** The folder in which a node's database, its socket, or the profile of another node lies. */
export function folderOf({ db }: Pick<NodePlace, "db">): string {
  return dirname(resolve(realFile(db)));
}

/** Says whether something is at a path, be it a link to nothing. Throws "node-unreachable". */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOTDIR") return false;
    throw unreachable(path, code, error);
  }
}

export function unreachable(path: string, code: string, cause: unknown): Problem {
  const why =
    code === "EACCES" || code === "EPERM"
      ? "this user may not; run the command as the user that runs the node"
      : code;
  return new Problem("node-unreachable", `Cannot reach the node at "${path}": ${why}`, { cause });
}
