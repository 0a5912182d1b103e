import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runtimeIn, type Target } from "./targets.ts";

/**
 * Obtains the Bun of a target, at the version of bun.lock, whose hash decides whether it is the right
 * one. It is kept in a folder between builds. Throws when it cannot be had.
 */
export async function obtainRuntime(options: {
  readonly root: string;
  readonly target: Target;
  readonly folder: string;
}): Promise<string> {
  const { root, target, folder } = options;
  const name = `@oven/bun-${target.bun}`;
  const lock = readFileSync(join(root, "bun.lock"), "utf8");
  const entry = new RegExp(`"${name}": \\["${name}@([^"]+)".*"sha512-([^"]+)"\\]`).exec(lock);
  const [, version = "", sha512 = ""] = entry ?? [];
  if (!entry) throw new Error(`bun.lock has no ${name}`);
  const place = join(folder, `bun-${version}-${target.bun}`);
  const runtime = runtimeIn(place, target);
  if (existsSync(runtime)) return runtime;
  mkdirSync(folder, { recursive: true });
  const temporary = mkdtempSync(join(folder, ".fetching-"));
  try {
    await run(["npm", "pack", "--silent", `${name}@${version}`], temporary);
    const archive = join(temporary, `${name.slice(1).replace("/", "-")}-${version}.tgz`);
    const found = createHash("sha512").update(readFileSync(archive)).digest("base64");
    if (found !== sha512) throw new Error(`${name}@${version} is not what bun.lock says`);
    await run(["tar", "-xzf", archive], temporary);
    renameSync(join(temporary, "package"), place);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return runtime;
}

async function run(command: readonly string[], cwd: string): Promise<void> {
  const child = Bun.spawn([...command], { cwd, stdio: ["ignore", "ignore", "pipe"] });
  const [words, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`${command.join(" ")}: exit ${code}: ${words.trim()}`);
}
