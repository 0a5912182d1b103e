import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Ran } from "./run-process.ts";
import { followLog, type LogLine, temporaryFolder } from "./unibus.ts";

/** A process of the executable inside an empty root. */
export interface Inside extends AsyncDisposable {
  readonly pid: number;
  readonly log: readonly LogLine[];
  readonly exited: Promise<number>;
}

/**
 * A file system that holds the executable, the libraries that it asks for, and /proc, with a network
 * of its own: there is nothing else to use, and nothing can be fetched.
 */
export interface EmptyRoot extends AsyncDisposable {
  readonly path: string;
  /** What stands in front of a command that runs outside the root, in its network. */
  readonly network: readonly string[];
  /** Runs a command of the executable to its end. */
  run(...args: string[]): Promise<Ran>;
  /** Starts one that stays. */
  start(...args: string[]): Inside;
  /** All that lies in the root and was not put there. */
  written(): readonly string[];
}

const PROGRAMS = ["unshare", "nsenter", "chroot", "mount", "ip", "ldd"];

/** What is missing on this machine to make an empty root, or null. */
export function missingForEmptyRoot(): string | null {
  const missing = PROGRAMS.filter((program) => !Bun.which(program));
  if (missing.length > 0) return missing.join(", ");
  const tried = Bun.spawnSync(["unshare", "-rnm", "true"], { stderr: "ignore" });
  return tried.success ? null : "the permission to make namespaces";
}

/** A machine of another kind: the folder of its C library, and what the kernel is told of its programs. */
export interface Foreign {
  readonly libraries: string;
  /** A line for binfmt_misc, which counts in the root's own namespace alone. */
  readonly format: string;
}

/** Makes one for an executable. Demands what `missingForEmptyRoot` asks for. */
export async function makeEmptyRoot(executable: string, foreign?: Foreign): Promise<EmptyRoot> {
  const folder = temporaryFolder();
  const path = folder.path;
  fill(path, executable, foreign);
  const given = new Set(listFiles(path));
  // `cat` keeps the namespaces until its input ends, at the latest with this process.
  const formats = "/proc/sys/fs/binfmt_misc";
  const register = `mount -t binfmt_misc none ${formats} && printf %s "$1" > ${formats}/register && `;
  const script = `ip link set lo up && ${foreign ? register : ""}mount --rbind /proc "$0/proc" && echo ready && exec cat`;
  const words = [script, path, foreign?.format ?? ""];
  const keeper = Bun.spawn(["unshare", "-rnm", "sh", "-c", ...words], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await keeper.stdout.getReader().read();
  if (!value) throw new Error("The empty root cannot be made");
  const enter = [which("nsenter"), "--preserve-credentials", "-t", `${keeper.pid}`, "-U"];
  const inside = [...enter, "-n", "-m", "--", which("chroot"), path, "/unibus"];
  // No HOME, no PATH: what is not in the root is not asked for either.
  const options = { cwd: "/", env: {}, stdin: "ignore" } as const;
  return {
    path,
    network: [...enter, "-n", "--"],
    async run(...args) {
      const child = Bun.spawn([...inside, ...args], { ...options, stdout: "pipe", stderr: "pipe" });
      const [stdout, stderr, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      return { code, stdout, stderr };
    },
    start(...args) {
      const command = [...inside, ...args];
      const child = Bun.spawn(command, { ...options, stdout: "ignore", stderr: "pipe" });
      const { log, reading } = followLog(child.stderr);
      return {
        pid: child.pid,
        log,
        exited: child.exited.then(async (code) => {
          await reading;
          return code;
        }),
        async [Symbol.asyncDispose]() {
          child.kill("SIGTERM");
          await child.exited;
          await reading;
        },
      };
    },
    written: () => listFiles(path).filter((file) => !given.has(file)),
    async [Symbol.asyncDispose]() {
      await keeper.stdin.end();
      await keeper.exited;
      folder[Symbol.dispose]();
    },
  };
}

function fill(root: string, executable: string, foreign?: Foreign): void {
  mkdirSync(join(root, "proc"));
  copyFileSync(executable, join(root, "unibus"));
  chmodSync(join(root, "unibus"), 0o755);
  if (foreign) {
    cpSync(foreign.libraries, join(root, "lib"), { recursive: true, dereference: true });
    return;
  }
  for (const library of librariesOf(executable)) {
    const target = join(root, library);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(library, target);
  }
}

/** What the loader would load, the loader itself too. */
function librariesOf(executable: string): readonly string[] {
  const { stdout } = Bun.spawnSync(["ldd", executable]);
  return [...stdout.toString().matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
}

function listFiles(root: string): readonly string[] {
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter((path) => !path.startsWith("/proc/"));
}

function which(program: string): string {
  const path = Bun.which(program);
  if (!path) throw new Error(`${basename(program)} is missing`);
  return path;
}
