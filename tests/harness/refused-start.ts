import { expect } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type CertificateFiles, writeCertificates } from "./certificates.ts";
import { unibusCommand } from "./command.ts";
import { openPort } from "./loopback.ts";
import { createPool } from "./pool.ts";
import { runProcess } from "./run-process.ts";
import { snapshotOf } from "./snapshot.ts";
import { temporaryFolder } from "./unibus.ts";

const DAY_MS = 24 * 3_600_000;
const PORT_FLAGS = ["--http-port", "--nats-port", "--cluster-port"] as const;

/** A start that must not happen. */
export interface RefusedStart {
  /** What is asked, as words after the command; `%…` stands for a prepared file, `''` for nothing. */
  readonly asked: string;
  readonly exit: number;
  /** What the one line on stderr must say. */
  readonly says: RegExp | string;
  readonly env?: Readonly<Record<string, string>>;
  readonly command?: "serve" | "up";
}

/** Where refused starts are tried: with prepared files, on ports that are held. */
export interface RefusalGround extends Disposable {
  /** Tries a start in an empty folder and expects that nothing of it is left. */
  expectRefused(start: RefusedStart): Promise<void>;
  /** Tries a start in `cwd` and expects that everything in `folder`, which holds it, is unchanged. */
  expectRefusedIn(folder: string, cwd: string, start: RefusedStart): Promise<void>;
}

/**
 * Prepares files and holds three ports, on all interfaces, for the starts to ask for: a start that came
 * as far as to bind one would fail on it, in other words than those of its refusal.
 */
export async function prepareRefusals(): Promise<RefusalGround> {
  const base = temporaryFolder();
  const places = await prepareFiles(base.path);
  const pool = createPool(4);
  let visitors = 0;
  function visit(socket: Socket): void {
    visitors += 1;
    socket.destroy();
  }
  const held = PORT_FLAGS.map(() => createServer(visit));
  const ports = await Promise.all(held.map((server) => openPort(server, { host: "0.0.0.0" })));

  async function expectRefusedIn(folder: string, cwd: string, start: RefusedStart) {
    const before = snapshotOf(folder);
    const words = wordsOf(start.asked, places);
    const outcome = await run(start, [...portWords(words, ports), ...words], { folder, cwd });
    expect(outcome.stderr).toMatch(start.says);
    expect(outcome).toEqual({
      code: start.exit,
      stdout: "",
      stderr: expect.stringMatching(/^[^\n]+\n$/),
    });
    expect(outcome.stderr).not.toContain("hunter2");
    expect(snapshotOf(folder)).toEqual(before);
    expect(processesIn(folder)).toEqual([]);
    expect(visitors).toBe(0);
  }

  return {
    expectRefusedIn,
    expectRefused: (start) =>
      pool(async () => {
        using folder = temporaryFolder();
        const cwd = join(folder.path, "cwd");
        mkdirSync(cwd);
        await expectRefusedIn(folder.path, cwd, start);
      }),
    [Symbol.dispose]() {
      for (const server of held) server.close();
      base[Symbol.dispose]();
    },
  };
}

/** Makes the files that starts name: certificates, good and bad, and secrets. */
async function prepareFiles(folder: string): Promise<ReadonlyMap<string, string>> {
  const now = Date.now();
  const old = { from: now - 3 * DAY_MS, to: now - DAY_MS };
  const future = { from: now + DAY_MS, to: now + 3 * DAY_MS };
  const good = await writeCertificates(join(folder, "good"));
  const sets: readonly (readonly [string, CertificateFiles])[] = [
    ["good", good],
    ["other", await writeCertificates(join(folder, "other"))],
    ["old", await writeCertificates(join(folder, "old"), old)],
    ["future", await writeCertificates(join(folder, "future"), future)],
  ];
  const file = (name: string) => join(folder, name);
  writeFileSync(file("text"), "hello", { mode: 0o600 });
  writeFileSync(file("secret"), "hunter2\n", { mode: 0o600 });
  writeFileSync(file("shared-secret"), "hunter2\n");
  chmodSync(file("shared-secret"), 0o644);
  copyFileSync(good.key, file("open.key"));
  chmodSync(file("open.key"), 0o644);
  const single = ["text", "secret", "shared-secret", "open.key", "none"] as const;
  return new Map([
    ...single.map((name) => [`%${name}`, file(name)] as const),
    ...sets.flatMap(([set, files]) =>
      Object.entries(files).map(([what, path]) => [`%${set}.${what}`, path] as const),
    ),
  ]);
}

function wordsOf(asked: string, places: ReadonlyMap<string, string>): readonly string[] {
  const words = asked.split(" ").filter((word) => word !== "");
  return words.map((word) => {
    if (word === "''") return "";
    const place = places.get(word);
    if (word.startsWith("%") && !place) throw new Error(`No file is prepared as ${word}`);
    return place ?? word;
  });
}

/** The held ports, but for those that the words choose themselves, or that need a cluster. */
function portWords(words: readonly string[], ports: readonly number[]): readonly string[] {
  return PORT_FLAGS.flatMap((flag, index) => {
    const wanted = flag !== "--cluster-port" || words.includes("--cluster-name");
    return wanted && !words.includes(flag) ? [flag, `${ports[index]}`] : [];
  });
}

async function run(
  start: RefusedStart,
  words: readonly string[],
  place: { readonly folder: string; readonly cwd: string },
) {
  return await runProcess([...unibusCommand(), start.command ?? "serve", ...words], {
    cwd: place.cwd,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: place.folder,
      TMPDIR: place.folder,
      // Otherwise Bun itself keeps compiled sources in the home folder.
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
      ...start.env,
    },
  });
}

/** The processes that stand in a folder: a child that was left behind would. */
function processesIn(folder: string): readonly string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readlinkSync(`/proc/${name}/cwd`).startsWith(folder);
    } catch {
      // It is gone, or another user's.
      return false;
    }
  });
}
