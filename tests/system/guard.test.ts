import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { guardArguments, LOCK_HELD_EXIT } from "../../src/system/guard.ts";
import { makeMemoryText } from "../../src/system/memory-file.ts";
import { unibusCommand } from "../harness/command.ts";
import { eventually } from "../harness/eventually.ts";
import { isGone, temporaryFolder } from "../harness/unibus.ts";

const SLEEP = Bun.which("sleep") ?? "/bin/sleep";
const children: Bun.Subprocess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** Starts a program under guard, as a child of this process or of another. */
function startGuarded(options: {
  readonly lock: string;
  readonly parent?: number;
  readonly program?: string;
  readonly argv?: readonly string[];
}) {
  const { lock, parent = process.pid, program = SLEEP, argv = ["sleep", "60"] } = options;
  const command = [...unibusCommand(), ...guardArguments({ lock, parent, program, argv })];
  const child = Bun.spawn(command, {
    stdin: new Blob(["said on stdin"]),
    stdout: "pipe",
    stderr: "pipe",
    env: { UNIBUS_SECRET: "hunter2" },
  });
  children.push(child);
  return child;
}

/** Waits until a process has become `sleep`. */
async function becomesSleep(pid: number): Promise<void> {
  const name = () => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0];
  await eventually(() => name() === "sleep", { what: "the process to become sleep" });
}

describe("a program under guard", () => {
  test("takes the place of the process, with its stdin, its arguments and no environment", async () => {
    using folder = temporaryFolder();
    const lock = join(folder.path, "lock");
    const program = Bun.which("sh") ?? "/bin/sh";
    const says = 'echo "$$ $0 $1"; cat; cat /proc/$$/environ';
    const child = startGuarded({ lock, program, argv: ["sh", "-c", says, "zero", "one two"] });
    const said = await new Response(child.stdout).text();
    expect(said).toBe(`${child.pid} zero one two\nsaid on stdin`);
    expect(await child.exited).toBe(0);
  });

  test("has the one descriptor that it was given beside stdin and its outputs", async () => {
    using folder = temporaryFolder();
    using text = makeMemoryText("a text", "in memory");
    const words = guardArguments({
      lock: join(folder.path, "lock"),
      parent: process.pid,
      program: Bun.which("cat") ?? "/bin/cat",
      argv: ["cat", "/proc/self/fd/3"],
    });
    const child = Bun.spawn([...unibusCommand(), ...words], {
      stdio: ["ignore", "pipe", "ignore", text.descriptor],
    });
    expect(await new Response(child.stdout).text()).toBe("in memory");
    expect(await child.exited).toBe(0);
  });

  test("has more of its parent's descriptors from 4 on, and reads what the parent writes", async () => {
    using folder = temporaryFolder();
    using third = makeMemoryText("third", "third ");
    using fourth = makeMemoryText("fourth", "fourth ");
    using fifth = makeMemoryText("fifth", "fifth");
    const words = guardArguments({
      lock: join(folder.path, "lock"),
      parent: process.pid,
      program: Bun.which("sh") ?? "/bin/sh",
      argv: ["sh", "-c", "read go; cat /proc/self/fd/3 /proc/self/fd/4 /proc/self/fd/5"],
      handOn: [fourth.descriptor, fifth.descriptor],
    });
    const child = Bun.spawn([...unibusCommand(), ...words], {
      stdio: ["pipe", "pipe", "ignore", third.descriptor],
    });
    children.push(child);
    await eventually(
      () => readFileSync(`/proc/${child.pid}/cmdline`, "utf8").split("\0")[0] === "sh",
    );
    fourth.replace("another ");
    child.stdin.write("go\n");
    child.stdin.end();
    expect(await new Response(child.stdout).text()).toBe("third another fifth");
  });

  test("holds the lock until it ends, and keeps a second one out", async () => {
    using folder = temporaryFolder();
    const lock = join(folder.path, "lock");
    const first = startGuarded({ lock });
    await becomesSleep(first.pid);
    expect(await startGuarded({ lock }).exited).toBe(LOCK_HELD_EXIT);
    first.kill("SIGKILL");
    await first.exited;
    const third = startGuarded({ lock, argv: ["sleep", "0"] });
    expect(await third.exited).toBe(0);
  });

  test("dies with its parent when that is killed", async () => {
    using folder = temporaryFolder();
    const lock = join(folder.path, "lock");
    const words = guardArguments({ lock, parent: 0, program: SLEEP, argv: ["sleep", "60"] });
    const [guard = "", , , ...rest] = words;
    // The shell starts it with its own number, and tells the child's.
    const script = `"$@" & echo $!; wait`;
    const command = [...unibusCommand(), guard, lock].map(quote).join(" ");
    const parent = Bun.spawn(
      ["sh", "-c", `set -- ${command} $$ ${rest.map(quote).join(" ")}; ${script}`],
      {
        stdin: "ignore",
        stdout: "pipe",
      },
    );
    children.push(parent);
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    await becomesSleep(pid);
    parent.kill("SIGKILL");
    await eventually(() => isGone(pid), { timeoutMs: 1_000, what: "the program to be gone" });
  });

  test("is not started when its parent is gone already", async () => {
    using folder = temporaryFolder();
    const child = startGuarded({ lock: join(folder.path, "lock"), parent: 1 });
    expect(await new Response(child.stderr).text()).toBe(
      "guard: the process that asked for it is gone\n",
    );
    expect(await child.exited).toBe(126);
  });

  test.each([
    ["that is not there", "/no/such/program", "lock", "cannot run /no/such/program: error 2"],
    ["whose lock cannot be made", SLEEP, "no/lock", "no such file or directory"],
  ])("%s is told in one line", async (_what, program, lock, words) => {
    using folder = temporaryFolder();
    const child = startGuarded({ lock: join(folder.path, lock), program });
    const said = await new Response(child.stderr).text();
    expect(said).toMatch(/^guard: [^\n]+\n$/);
    expect(said).toContain(words);
    expect(await child.exited).toBe(126);
  });
});

function quote(word: string): string {
  return `'${word}'`;
}
