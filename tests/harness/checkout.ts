import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
/** What a folder of this project holds besides what belongs to it. */
const NOT_OURS = new Set([".git", "node_modules", "local_files", "dist", ".venv"]);

/** Copies this checkout as a clone of it would be; with `installed`, its packages as well. */
export function copyCheckout(target: string, options: { readonly installed: boolean }): void {
  for (const file of listFiles()) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    cpSync(join(ROOT, file), join(target, file), { recursive: true });
  }
  if (options.installed) copyPackages(join(target, "node_modules"));
}

/** What is committed or would be; all that lies there where there is no git. */
function listFiles(): readonly string[] {
  const git = Bun.spawnSync(["git", "ls-files", "-z", "-co", "--exclude-standard"], { cwd: ROOT });
  if (!git.success) return readdirSync(ROOT).filter((name) => !NOT_OURS.has(name));
  const files = git.stdout.toString().split("\0");
  // A file that was deleted and not yet committed is listed as well.
  return files.filter((file) => file !== "" && existsSync(join(ROOT, file)));
}

/** 250 MB of packages are linked where that is possible; nothing writes into them. */
function copyPackages(target: string): void {
  const source = join(ROOT, "node_modules");
  const linked = Bun.spawnSync(["cp", "-al", source, target], { stderr: "ignore" });
  if (!linked.success) {
    rmSync(target, { recursive: true, force: true });
    cpSync(source, target, { recursive: true, verbatimSymlinks: true });
  }
  for (const name of readdirSync(target)) {
    if (name.startsWith(".setup.lock")) rmSync(join(target, name));
  }
}

/** The folders of a PATH without those of packages: as it is before `npm run` adds them. */
export function plainPath(path = process.env.PATH ?? ""): string {
  return path
    .split(":")
    .filter((folder) => folder !== "" && !folder.includes("node_modules"))
    .join(":");
}

/** Makes a folder that has every program of a PATH but the named ones. */
export function pathWithout(folder: string, names: readonly string[]): string {
  mkdirSync(folder);
  for (const from of plainPath().split(":")) {
    if (!existsSync(from)) continue;
    for (const program of readdirSync(from)) {
      const target = join(folder, program);
      if (names.includes(basename(program)) || existsSync(target)) continue;
      try {
        symlinkSync(join(from, program), target);
      } catch (error) {
        // A link to nothing stands in the way; the first one on PATH counts.
        if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      }
    }
  }
  return folder;
}
