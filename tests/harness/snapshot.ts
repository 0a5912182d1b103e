import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Everything in a folder: path, kind, mode, time of change and digest of each entry, sorted. */
export function snapshotOf(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return entries.map((name) => {
    const path = join(folder, name);
    const status = lstatSync(path);
    const mode = (status.mode & 0o7777).toString(8);
    if (!status.isFile()) return `${name} ${mode} ${status.isDirectory() ? "folder" : "other"}`;
    const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
    return `${name} ${mode} ${status.mtimeMs} ${digest}`;
  });
}
