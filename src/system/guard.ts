import { closeSync, openSync } from "node:fs";
import { cString, cStrings, EAGAIN, openLibc } from "./libc.ts";
import { makeMemoryFile } from "./memory-file.ts";

/** First argument of a process of ours that is to become another program. */
export const GUARD_COMMAND = "run-guarded";
/** Exit code when another process holds the lock; flock(1) is told to use it too. */
export const LOCK_HELD_EXIT = 75;
const FAILED_EXIT = 126;
/** Where a compiled executable finds the files inside itself; the kernel finds none there. */
const INSIDE = "/$bunfs/";

/** What is to run, and what it is tied to. */
export interface Guarded {
  /** A file that is locked as long as the program lives. */
  readonly lock: string;
  /** The process that it dies with. */
  readonly parent: number;
  /** Its path; it may be one inside this executable. */
  readonly program: string;
  /** Its arguments, beginning with its name. */
  readonly argv: readonly string[];
  /** Descriptors of the parent, which the program gets as its own from 4 on. Descriptor 3 is inherited. */
  readonly handOn?: readonly number[];
}

/** The arguments with which a new process of ours calls `runGuarded`. */
export function guardArguments(guarded: Guarded): readonly string[] {
  const { lock, parent, program, argv, handOn = [] } = guarded;
  return [GUARD_COMMAND, lock, `${parent}`, handOn.join(","), program, ...argv];
}

/**
 * Becomes another program: in this process, without an environment, with the same stdin and outputs.
 * It dies with its parent, however that dies, and holds a lock as long as it lives. A program inside
 * this executable is run from memory, where nobody can change it and nothing is left to clean up.
 * Call it on the main thread of a process that was started for this. It returns only when it fails:
 * the exit code, after a line on stderr that begins with `guard:`.
 */
export async function runGuarded(args: readonly string[]): Promise<number> {
  const [, lock = "", parent = "", handed = "", program = "", ...argv] = args;
  const handOn = handed.split(",").filter((one) => one !== "");
  try {
    return await become({
      ...{ lock, parent: Number(parent), program, argv },
      handOn: handOn.map(Number),
    });
  } catch (error) {
    process.stderr.write(`guard: ${error instanceof Error ? error.message : "unknown"}\n`);
    return FAILED_EXIT;
  }
}

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const F_DUPFD = 0;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const LOCK_EX_NB = 2 | 4;

/** The first descriptor that Bun closes when it starts, so that no parent can hand it on. */
const FIRST_HANDED = 4;

async function become(guarded: Guarded): Promise<number> {
  const { lock, parent, program, argv, handOn = [] } = guarded;
  const libc = openLibc();
  libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // A parent that died before that line sends no signal any more.
  if (libc.getppid() !== parent) throw new Error("the process that asked for it is gone");
  const file = openSync(lock, "a", 0o600);
  if (libc.flock(file, LOCK_EX_NB) !== 0) {
    const error = libc.errno();
    closeSync(file);
    if (error === EAGAIN) return LOCK_HELD_EXIT;
    throw new Error(`cannot lock ${lock}: error ${error}`);
  }
  // The lock belongs to the open file, which is to stay open in the program.
  libc.fcntl(file, F_SETFD, 0);
  // Opened anew: they are the same files, which the parent may write to.
  const handed = handOn.map((one) => openSync(`/proc/${parent}/fd/${one}`, "r"));
  const [name = program] = argv;
  const words = cStrings(argv);
  const environment = cStrings([]);
  if (program.startsWith(INSIDE)) {
    const memory = await makeMemoryFile(name, Bun.file(program));
    handAll(libc, handed);
    libc.fexecve(memory, words.list, environment.list);
  } else {
    handAll(libc, handed);
    libc.execve(cString(program), words.list, environment.list);
  }
  throw new Error(`cannot run ${program}: error ${libc.errno()}`);
}

/** Puts descriptors where the program looks for them. What Bun had there is lost: it ends here. */
function handAll(libc: ReturnType<typeof openLibc>, handed: readonly number[]): void {
  // Out of the way first: one of them may stand where another one is to be.
  const spare = handed.map((one) => libc.fcntl(one, F_DUPFD, FIRST_HANDED + handed.length));
  for (const [at, one] of spare.entries()) libc.dup2(one, FIRST_HANDED + at);
  for (const one of spare) libc.fcntl(one, F_SETFD, FD_CLOEXEC);
}
