import { closeSync, openSync } from "node:fs";
import { cString, cStrings, EAGAIN, openLibc } from "./libc.ts";

/** First argument of a process of ours that is to become another program. */
export const GUARD_COMMAND = "run-guarded";
/** Exit code when another process holds the lock; flock(1) is told to use it too. */
export const LOCK_HELD_EXIT = 75;
const FAILED_EXIT = 126;

/** What is to run, and what it is tied to. */
export interface Guarded {
  /** A file that is locked as long as the program lives. */
  readonly lock: string;
  /** The process that it dies with. */
  readonly parent: number;
  /** Its path, or the descriptor that holds it. */
  readonly program: string | number;
  /** Its arguments, beginning with its name. */
  readonly argv: readonly string[];
}

/** The arguments with which `runGuarded` is called in a new process. */
export function guardArguments({ lock, parent, program, argv }: Guarded): readonly string[] {
  return [GUARD_COMMAND, lock, `${parent}`, `${program}`, ...argv];
}

/**
 * Becomes another program: in this process, without an environment, with the same stdin and outputs.
 * It dies with its parent, however that dies, and holds a lock as long as it lives. Call it on the
 * main thread of a process that was started for this.
 * Returns only when that fails: the exit code, after a line on stderr that begins with `guard:`.
 */
export function runGuarded(args: readonly string[]): number {
  const [, lock = "", parent = "", program = "", ...argv] = args;
  if (argv.length === 0) return fail("it takes a lock, a parent, a program and its name", 2);
  return become({
    lock,
    parent: Number(parent),
    program: /^\d+$/.test(program) ? Number(program) : program,
    argv,
  });
}

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const LOCK_EX_NB = 2 | 4;

function become({ lock, parent, program, argv }: Guarded): number {
  const libc = openLibc();
  libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // A parent that died before that line sends no signal any more.
  if (libc.getppid() !== parent) return fail("the process that asked for it is gone");
  let file: number;
  try {
    file = openSync(lock, "a", 0o600);
  } catch (error) {
    return fail(`cannot open ${lock}: ${error instanceof Error ? error.message : "unknown"}`);
  }
  if (libc.flock(file, LOCK_EX_NB) !== 0) {
    const errno = libc.errno();
    closeSync(file);
    if (errno === EAGAIN) return LOCK_HELD_EXIT;
    return fail(`cannot lock ${lock}: error ${errno}`);
  }
  // The lock belongs to the open file, which is to stay open in the program.
  libc.fcntl(file, F_SETFD, 0);
  const words = cStrings(argv);
  const nothing = cStrings([]);
  if (typeof program === "number") {
    libc.fcntl(program, F_SETFD, FD_CLOEXEC);
    libc.fexecve(program, words.list, nothing.list);
  } else {
    libc.execve(cString(program), words.list, nothing.list);
  }
  return fail(`cannot run ${argv[0]}: error ${libc.errno()}`);
}

function fail(words: string, exit = FAILED_EXIT): number {
  process.stderr.write(`guard: ${words}\n`);
  return exit;
}
