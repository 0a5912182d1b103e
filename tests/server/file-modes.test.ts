import { describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { eventually } from "../harness/eventually.ts";
import { type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

/** Everything in a node's folder that has been started by `up`: kind and mode. */
const NODE_FILES = {
  ".": "folder 700",
  blobs: "folder 700",
  "blobs/unibus.lock": "file 600",
  jetstream: "folder 700",
  "jetstream/jetstream": "folder 700",
  "jetstream/unibus.lock": "file 600",
  keys: "folder 700",
  "keys/admin.nk": "file 600",
  "unibus.ballast": "file 600",
  "unibus.db": "file 600",
  "unibus.db-head": "file 600",
  "unibus.db-room": "file 600",
  "unibus.lock": "file 600",
  "unibus.mode": "file 600",
};
/** And while it runs. */
const RUNNING_FILES = {
  ...NODE_FILES,
  "unibus.db-shm": "file 600",
  "unibus.db-wal": "file 600",
  "unibus.sock": "socket 600",
};

function modesOf(folder: string): Readonly<Record<string, string>> {
  const names = [".", ...readdirSync(folder, { recursive: true, encoding: "utf8" })];
  return Object.fromEntries(
    names.map((name) => {
      const about = lstatSync(join(folder, name));
      const kind = about.isDirectory()
        ? "folder"
        : about.isSocket()
          ? "socket"
          : about.isFile()
            ? "file"
            : "other";
      return [name, `${kind} ${(about.mode & 0o7777).toString(8)}`] as const;
    }),
  );
}

/** Runs `up`, and waits for the key that it makes last. */
async function startUp(dataDir: string): Promise<RunningUnibus> {
  const bus = await withMask(0, () => startUnibus({ dataDir, command: "up" }));
  await eventually(() => existsSync(join(dataDir, "keys/admin.nk")));
  await eventually(async () => (await bus.ask<{ users: unknown[] }>("GET", "/v1/users")).users[0]);
  return bus;
}

/** Runs a piece with this process's mask, which children inherit. */
async function withMask<T>(mask: number, piece: () => Promise<T>): Promise<T> {
  const before = process.umask(mask);
  try {
    return await piece();
  } finally {
    process.umask(before);
  }
}

describe("the files of a node", () => {
  test("are its owner's alone, even with a mask that is open to all", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    await using bus = await startUp(dataDir);
    expect(modesOf(dataDir)).toEqual(RUNNING_FILES);
    await bus.end();
    expect(modesOf(dataDir)).toEqual(NODE_FILES);
  });

  test("are its owner's alone after a kill, and after a command with the node stopped", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    const first = await startUp(dataDir);
    await first.end("SIGKILL");
    expect(modesOf(dataDir)).toEqual(RUNNING_FILES);
    expect((await withMask(0, () => first.cli("user", "list"))).code).toBe(0);
    expect(Object.values(modesOf(dataDir)).filter(isOpen)).toEqual([]);
    const second = await startUp(dataDir);
    await second.end();
    expect(modesOf(dataDir)).toEqual(NODE_FILES);
  });

  test("of nats-server's own making are its owner's alone too, below a folder that nobody else may enter [M-026]", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    const args = ["--bus-auth", "off"];
    await using bus = await withMask(0, () => startUnibus({ dataDir, args }));
    const client = await connect({ servers: `127.0.0.1:${bus.natsPort}` });
    await (await jetstreamManager(client)).streams.add({ name: "kept", subjects: ["kept.>"] });
    await client.request("kept.one", "a message");
    await client.close();
    const modes = modesOf(dataDir);
    const stored = Object.keys(modes).filter((name) => name.endsWith(".blk"));
    expect(stored).toHaveLength(1);
    expect(readFileSync(join(dataDir, stored[0] ?? ""), "latin1")).toContain("a message");
    expect(Object.entries(modes).filter(([, mode]) => isOpen(mode))).toEqual([]);
  });

  test("in a folder that was there before and is open to others are closed to them all the same", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    await withMask(0, async () => void mkdirSync(dataDir, { mode: 0o755 }));
    await using bus = await startUp(dataDir);
    const { ".": own, ...inside } = modesOf(dataDir);
    const { ".": wanted, ...files } = RUNNING_FILES;
    expect(inside).toEqual(files);
    expect([own, wanted]).toEqual(["folder 755", "folder 700"]);
    await bus.end();
  });
});

/** Says whether a mode gives group or others anything. */
function isOpen(mode: string): boolean {
  return !mode.endsWith("00");
}
