import { closeSync, fstatSync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { unibusCommand } from "./command.ts";
import { runProcess } from "./run-process.ts";
import { cleanEnvironment, temporaryFolder } from "./unibus.ts";

/** A small disk that only the processes of one namespace see. */
export interface OwnDisk extends AsyncDisposable {
  /** Where it is for those processes. */
  readonly path: string;
  /** What stands in front of a command that is to see it. */
  readonly prefix: readonly string[];
  /** The way to a file on it for everybody else. */
  reach(name: string): string;
  /** Fills it to the last byte, but for some. */
  fill(freeBytes?: number): void;
  /** Frees what was filled. */
  free(): void;
  /** Makes it read-only, or writable again. Nobody may have a file open for writing. */
  remount(how: "ro" | "rw"): void;
  /** Runs a command of unibus that sees it. */
  run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
}

const FILLER = "filler";
const PIECE = new Uint8Array(4_096);

/** Makes a disk of so many bytes in memory; null where this machine does not permit it. */
export async function openOwnDisk(sizeBytes: number): Promise<OwnDisk | null> {
  if (!["unshare", "nsenter", "mount"].every((program) => Bun.which(program))) return null;
  const folder = temporaryFolder();
  const mount = `mount -t tmpfs -o size=${sizeBytes},mode=0700 none "$0"`;
  // `cat` keeps the namespace until its input ends, at the latest with this process.
  const keeper = Bun.spawn(
    ["unshare", "-rm", "sh", "-c", `${mount} && echo ready && exec cat`, folder.path],
    { stdin: "pipe", stdout: "pipe", stderr: "ignore" },
  );
  const { value } = await keeper.stdout.getReader().read();
  if (!value) {
    folder[Symbol.dispose]();
    return null;
  }
  const prefix = ["nsenter", "--preserve-credentials", "-U", "-m", "-t", `${keeper.pid}`, "--"];
  const reach = (name: string): string => join(`/proc/${keeper.pid}/root`, folder.path, name);
  return {
    path: folder.path,
    prefix,
    reach,
    fill: (freeBytes = 0) => fillUp(reach(FILLER), freeBytes),
    free: () => rmSync(reach(FILLER), { force: true }),
    remount(how) {
      const command = [...prefix, "mount", "-o", `remount,${how}`, folder.path];
      const { exitCode, stderr } = Bun.spawnSync(command);
      if (exitCode !== 0) throw new Error(`The disk cannot be made ${how}: ${stderr}`);
    },
    run: (...args) =>
      runProcess([...prefix, ...unibusCommand(), ...args], { env: cleanEnvironment(), cwd: "/" }),
    async [Symbol.asyncDispose]() {
      await keeper.stdin.end();
      await keeper.exited;
      folder[Symbol.dispose]();
    },
  };
}

/** Writes to a file until the disk is full, and takes some of it back. */
function fillUp(path: string, freeBytes: number): void {
  const file = openSync(path, "a");
  try {
    for (;;) writeSync(file, PIECE);
  } catch (error) {
    const full = error instanceof Error && "code" in error && error.code === "ENOSPC";
    if (!full) throw error;
    ftruncateSync(file, Math.max(0, fstatSync(file).size - freeBytes));
  } finally {
    closeSync(file);
  }
}
