import { resolve } from "node:path";
import { BUILD } from "../core/build.ts";
import { LOCK_FILE } from "../core/node-files.ts";
import { Problem } from "../core/problems.ts";
import { guardArguments, LOCK_HELD_EXIT } from "../system/guard.ts";

/**
 * The command that runs nats-server under guard, as one process. The executable starts itself, which
 * works wherever it does; the sources leave it to util-linux, whose programs each replace themselves by
 * the next. Its configuration is what it finds on stdin.
 * Throws `start-failed` when util-linux is missing.
 */
export function guardedCommand(server: {
  readonly path: string;
  readonly jetStreamFolder: string;
  /** Descriptors of this process that it is given as 3 and what follows. */
  readonly descriptors: readonly number[];
}): readonly string[] {
  const { path, jetStreamFolder, descriptors } = server;
  const lock = resolve(jetStreamFolder, LOCK_FILE);
  const argv = ["nats-server", "-c", "/proc/self/fd/0"];
  if (BUILD) {
    // Not by its path: another file may lie there since an upgrade.
    return [
      "/proc/self/exe",
      ...guardArguments({
        ...{ lock, parent: process.pid, program: path, argv },
        handOn: descriptors.slice(1),
      }),
    ];
  }
  const setpriv = Bun.which("setpriv");
  const flock = Bun.which("flock");
  if (!setpriv || !flock) {
    throw new Problem(
      "start-failed",
      "start embedded nats: setpriv and flock are needed to guard nats-server; install util-linux",
    );
  }
  const held = String(LOCK_HELD_EXIT);
  const guard = [setpriv, "--pdeathsig", "KILL", flock, "-n", "-E", held, "--no-fork", lock];
  return [...guard, path, ...argv.slice(1)];
}
