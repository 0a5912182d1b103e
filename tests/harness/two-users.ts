import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { unibusCommand } from "./command.ts";
import { type Ran, runProcess } from "./run-process.ts";
import { cleanEnvironment } from "./unibus.ts";

/** Two people of one machine: they share a group, and one is after what the other writes. */
export const ATTACKER = 4_343;
const GROUP = 5_000;
/** Names that are prepared for the processes to come. */
const PIDS = 1_500;

/** Somebody who runs unibus where the attacker can write, and what is there. */
export interface Scene {
  readonly victim: number;
  /** Root's, and open to look into. */
  readonly path: string;
  /** The victim's data folder; a bus with an admin is in it. */
  readonly data: string;
  /** A file of the victim's that must stay as it is. */
  readonly precious: string;
  at(name: string): string;
  /** Makes a folder of the victim's, in the group that both are in. */
  folder(path: string, mode: number): string;
  run(...args: readonly string[]): Promise<Ran>;
  /** Runs words of a shell as the attacker; throws where the attacker may not do that. */
  attack(words: string): void;
}

/** Says whether this process may be two people, and others read the sources that it runs. */
export function canBeTwo(): boolean {
  if (process.getuid?.() !== 0 || Bun.which("setpriv") === null) return false;
  const asked = [...as(ATTACKER), ...unibusCommand(), "version"];
  return Bun.spawnSync(asked, { env: cleanEnvironment(), cwd: "/" }).exitCode === 0;
}

/** Sets a scene in a new folder, with a copy of a bus that was made before. */
export function setScene(
  path: string,
  { victim, bus }: { readonly victim: number; readonly bus: string },
): Scene {
  mkdirSync(path, { mode: 0o755 });
  const at = (name: string): string => join(path, name);
  const scene: Scene = {
    victim,
    path,
    data: at("home/data"),
    precious: at("home/precious"),
    at,
    folder(name, mode) {
      if (!existsSync(name)) mkdirSync(name);
      chownSync(name, victim, GROUP);
      // Changing the owner takes the bits away that are special.
      chmodSync(name, mode);
      return name;
    },
    run: (...args) =>
      runProcess([...(victim === 0 ? [] : as(victim)), ...unibusCommand(), ...args], {
        cwd: path,
        env: cleanEnvironment({ HOME: path, UNIBUS_NATS_SERVER: "/nonexistent/nats-server" }),
      }),
    attack(words) {
      const ran = Bun.spawnSync([...as(ATTACKER), "sh", "-euc", `umask 0; ${words}`], {
        cwd: path,
      });
      if (ran.exitCode !== 0) throw new Error(`The attacker may not: ${ran.stderr.toString()}`);
    },
  };
  scene.folder(at("home"), 0o755);
  writeFileSync(scene.precious, "precious\n", { mode: 0o600 });
  chownSync(scene.precious, victim, GROUP);
  cpSync(bus, scene.data, { recursive: true });
  for (const name of ["", ...readdirSync(bus)]) chownSync(join(scene.data, name), victim, GROUP);
  chmodSync(scene.data, 0o700);
  // What the attacker has of its own: another bus, on which it is an admin.
  cpSync(join(bus, "unibus.db"), at("bus.db"));
  chmodSync(at("bus.db"), 0o644);
  return scene;
}

/** Prepares the names that a process to come could make from its id: with files, or links to a file. */
export function prepareNames(file: string, target: string | null): void {
  const next = Number(readFileSync("/proc/loadavg", "utf8").trim().split(" ").at(-1));
  for (let pid = next + 1; pid <= next + PIDS; pid++) {
    const name = `${file}.${pid}.tmp`;
    if (target === null) {
      writeFileSync(name, "", { mode: 0o666 });
      chmodSync(name, 0o666);
    } else {
      symlinkSync(target, name);
    }
    lchownSync(name, ATTACKER, ATTACKER);
  }
}

/** Whether the attacker can read the text of a secret anywhere below a folder. */
export function attackerReads(folder: string, text: string): boolean {
  const asked = [...as(ATTACKER), "grep", "-rqs", text, folder];
  return Bun.spawnSync(asked, { cwd: "/" }).exitCode === 0;
}

/**
 * What the attacker does over and over in a folder, while the victim writes there: it looks at each file,
 * takes it away, puts another one or a link in its place, and keeps what it could read.
 */
export function race(scene: Scene, folder: string): Disposable {
  const words = `umask 0; cd "${folder}"; while :; do
    for name in .*.tmp inv inv.*; do
      cat "$name" >> loot; mv "$name" taken; ln -s ../../home/precious "$name"; : > "$name"; rm -f "$name"
    done; done 2>/dev/null`;
  const child = Bun.spawn([...as(ATTACKER), "sh", "-c", words], { cwd: scene.path });
  return { [Symbol.dispose]: () => child.kill("SIGKILL") };
}

/** A server of somebody's own at a socket; `asked` says whether anybody sent it a request. */
export async function listenAs(
  uid: number,
  socket: string,
): Promise<AsyncDisposable & { readonly asked: () => boolean }> {
  const log = `${socket}.log`;
  const answer = `Response.json({ users: [], rooms: [], next: null })`;
  const code = `process.umask(0); Bun.serve({ unix: ${JSON.stringify(socket)}, fetch() {
    require("node:fs").writeFileSync(${JSON.stringify(log)}, "asked"); return ${answer}; } });
    console.log("ready")`;
  const [bun = ""] = unibusCommand();
  const child = Bun.spawn([...as(uid), bun, "--no-env-file", "-e", code], {
    cwd: "/",
    env: cleanEnvironment(),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  await child.stdout.getReader().read();
  return {
    asked: () => existsSync(log),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

function as(uid: number): readonly string[] {
  return ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--groups", `${GROUP}`];
}
