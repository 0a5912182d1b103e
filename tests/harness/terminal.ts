import { eventually } from "./eventually.ts";
import { readLines } from "./lines.ts";

const LINE_TIMEOUT_MS = 120_000;

/** A shell that is typed into, as a person would. */
export interface Terminal extends AsyncDisposable {
  /** All lines that it printed so far, from stdout and stderr. */
  readonly shown: readonly string[];
  /** The shell's process, which leads a group of its own. */
  readonly pid: number;
  /** Types a line and waits until it is done. Returns its exit code. */
  type(line: string): Promise<number>;
  /** Types a line that goes on. */
  leave(line: string): void;
  /** Waits until it shows these lines, in this order, after what `shows` found before. */
  shows(lines: readonly string[], timeoutMs?: number): Promise<void>;
  /** Ctrl-C: the signal goes to the whole group. Returns when the shell has ended. */
  interrupt(): Promise<void>;
}

/** Opens a shell in a folder; `prefix` is put in front of it, as `nsenter …` is. */
export function openTerminal(options: {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly prefix?: readonly string[];
}): Terminal {
  const { cwd, env, prefix = [] } = options;
  const child = Bun.spawn([...prefix, "sh"], {
    cwd,
    env,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const shown: string[] = [];
  const exits = new Map<number, number>();
  let typed = 0;
  let readTo = 0;
  const take = (line: string): void => {
    const [, number, code] = /^@typed (\d+) exit (\d+)$/.exec(line) ?? [];
    if (number !== undefined) exits.set(Number(number), Number(code));
    else if (line !== "") shown.push(line);
  };
  const reading = Promise.all([readLines(child.stdout, take), readLines(child.stderr, take)]);

  function write(text: string): void {
    void child.stdin.write(text);
    void child.stdin.flush();
  }

  return {
    shown,
    pid: child.pid,
    async type(line) {
      const number = ++typed;
      write(`${line}\nprintf '\\n@typed ${number} exit %s\\n' $?\n`);
      const what = `"${line}" to end`;
      return await eventually(
        () => {
          if (child.exitCode !== null) throw new Error(`The shell ended at "${line}"`);
          return exits.has(number) ? { code: exits.get(number) ?? -1 } : null;
        },
        { timeoutMs: LINE_TIMEOUT_MS, what },
      ).then(({ code }) => code);
    },
    leave: (line) => write(`${line}\n`),
    async shows(lines, timeoutMs = LINE_TIMEOUT_MS) {
      for (const line of lines) {
        const wanted = line.trim();
        const found = () => shown.findIndex((one, at) => at >= readTo && one.trim() === wanted);
        await eventually(() => found() >= 0, {
          timeoutMs,
          what: `a terminal to show "${wanted}"`,
        }).catch((error: unknown) => {
          throw new Error(`"${wanted}" is missing in:\n${shown.join("\n")}`, { cause: error });
        });
        readTo = found() + 1;
      }
    },
    async interrupt() {
      signalGroup(child.pid, "SIGINT");
      await child.stdin.end();
      await child.exited;
      await reading;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) signalGroup(child.pid, "SIGTERM");
      await child.exited;
    },
  };
}

function signalGroup(leader: number, signal: "SIGINT" | "SIGTERM"): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    const gone = error instanceof Error && "code" in error && error.code === "ESRCH";
    if (!gone) throw error;
  }
}
