import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { recordProof } from "../harness/counts.ts";
import { type OwnDisk, openOwnDisk } from "../harness/own-disk.ts";
import { type Spawned, spawnUnibus } from "../harness/spawned.ts";

const MIB = 1024 * 1024;
const disk = await openOwnDisk(16 * MIB);
const missing = disk ? "" : " (needs unshare, nsenter and mount, and leave to make namespaces)";
afterEach(() => disk?.free());
afterAll(async () => disk?.[Symbol.asyncDispose]());

/** The disk; the tests below are skipped without one. */
function place(): OwnDisk {
  if (!disk) throw new Error("There is no disk of our own here");
  return disk;
}

const PORTS = ["--http-port", "0", "--nats-port", "0", "--log-format", "json"];

/** Starts a node in a folder of the disk; whoever wants it ready waits for that. */
function start(name: string): Spawned {
  const dataDir = join(place().path, name);
  const args = ["serve", ...PORTS, "--bus-auth", "enforce", "--data-dir", dataDir];
  return spawnUnibus(args, { prefix: place().prefix, cwd: "/" });
}

function unibus(name: string, ...args: readonly string[]) {
  return place().run(...args, "--data-dir", join(place().path, name));
}

/** Asks the node of a folder to make a room. Returns the status, and the code of the problem. */
async function makeRoom(name: string, room: string): Promise<string> {
  const answer = await fetch("http://localhost/v1/rooms", {
    unix: place().reach(join(name, "unibus.sock")),
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: room }),
  });
  // The members of a problem and of a room that are looked at.
  const { code = "" } = (await answer.json()) as { code?: string };
  return `${answer.status} ${code}`.trim();
}

/** Whether the node of a folder calls itself ready: the status of `/readyz` and what it names. */
async function readiness(name: string): Promise<string> {
  const unix = place().reach(join(name, "unibus.sock"));
  const answer = await fetch("http://localhost/readyz", { unix });
  const { detail = "" } = (await answer.json()) as { detail?: string };
  return `${answer.status} ${detail}`.trim();
}

/** The names of all rooms, by the command line: from the node, or from its database. */
async function roomNames(name: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await unibus(name, "room", "list", "--json");
  expect([code, stderr]).toEqual([0, ""]);
  const { rooms } = JSON.parse(stdout) as { rooms: { name: string }[] };
  return rooms.map((room) => room.name).sort();
}

/** Makes rooms until one is refused. Returns the names of those that were acknowledged. */
async function makeRooms(name: string, prefix: string): Promise<readonly string[]> {
  const made: string[] = [];
  for (;;) {
    const room = `${prefix}${made.length}`;
    const answer = await makeRoom(name, room);
    if (answer !== "201") {
      expect(answer).toBe("503 journal-unavailable");
      return made;
    }
    made.push(room);
  }
}

describe.skipIf(disk === null)(`a full disk${missing}`, () => {
  test("refuses changes in words, goes on answering, and takes changes again when it has room", async () => {
    await using node = start("running");
    await node.says("node.ready");
    place().fill(MIB / 2);
    const made = [...(await makeRooms("running", "first"))];
    expect(made.length).toBeGreaterThan(5);
    place().fill();
    for (const room of ["a", "b", "c"]) {
      expect(await makeRoom("running", room)).toBe("503 journal-unavailable");
    }
    const { code, stderr } = await unibus("running", "room", "create", "d");
    expect([code, stderr]).toEqual([1, expect.stringContaining("the disk is full")]);
    expect(await roomNames("running")).toEqual([...made].sort());
    expect(await readiness("running")).toBe("503 Cannot serve yet: not ready are journal");
    place().free();
    expect(await makeRoom("running", "after")).toBe("201");
    expect(await readiness("running")).toBe("200");
    made.push("after");
    expect(await roomNames("running")).toEqual([...made].sort());
    expect(node.running).toBe(true);
    node.kill("SIGTERM");
    expect(await node.ended()).toBe(0);
    expect(await roomNames("running")).toEqual([...made].sort());
    recordProof("a full disk", { acknowledged: made.length, lost: 0 });
  });

  test("takes nothing back from a node that is killed on it, and lets it start again", async () => {
    const first = start("killed");
    await first.says("node.ready");
    place().fill(MIB / 4);
    const made = await makeRooms("killed", "room");
    place().fill();
    first.kill("SIGKILL");
    await first.ended();
    await using second = start("killed");
    await second.says("node.ready");
    expect(await roomNames("killed")).toEqual([...made].sort());
    expect(await makeRoom("killed", "more")).toBe("503 journal-unavailable");
    place().free();
    expect(await makeRoom("killed", "more")).toBe("201");
  });

  test("is told by a first start and by commands, and everything works when it has room", async () => {
    expect((await unibus("new", "key", "new", join(place().path, "a.nk"))).code).toBe(2);
    place().fill();
    await using refused = start("new");
    expect(await refused.ended()).toBe(1);
    expect(refused.messages.join("\n")).toMatch(/full|no space/i);
    expect(refused.messages.join("\n")).not.toContain("internal");
    const key = await place().run("key", "new", join(place().path, "full.nk"));
    expect([key.code, key.stderr]).toEqual([3, expect.stringContaining("no space")]);
    expect(readdirSync(place().reach(""))).not.toContain("full.nk");
    place().free();
    await using node = start("new");
    await node.says("node.ready");
    expect(await makeRoom("new", "works")).toBe("201");
  });

  test("is told by a command on a stopped node, which changes nothing", async () => {
    expect((await unibus("stopped", "user", "seed", SOME_KEY)).code).toBe(0);
    expect((await unibus("stopped", "room", "create", "kept")).code).toBe(0);
    place().fill();
    const { code, stderr } = await unibus("stopped", "room", "create", "lost", "--json");
    expect([1, 3]).toContain(code);
    expect(JSON.parse(stderr).detail).toMatch(/full/i);
    place().free();
    expect(await roomNames("stopped")).toEqual(["kept"]);
  });
});

describe.skipIf(disk === null)(`a read-only disk${missing}`, () => {
  test("is told by a node and by commands, and nothing is changed", async () => {
    expect((await unibus("sealed", "user", "seed", SOME_KEY)).code).toBe(0);
    expect((await unibus("sealed", "room", "create", "kept")).code).toBe(0);
    place().remount("ro");
    try {
      await using node = start("sealed");
      expect(await node.ended()).toBe(1);
      expect(node.messages.join("\n")).toContain("read-only");
      for (const args of [
        ["room", "create", "lost"],
        ["room", "list"],
      ]) {
        const { code, stderr } = await unibus("sealed", ...args);
        expect([args, code]).toEqual([args, 3]);
        expect(stderr).toContain("read-only");
      }
      const certificates = await place().run("cert", "dev", "--dir", join(place().path, "tls"));
      expect([certificates.code, certificates.stderr]).toEqual([
        3,
        expect.stringContaining("read-only"),
      ]);
    } finally {
      place().remount("rw");
    }
    expect(await roomNames("sealed")).toEqual(["kept"]);
  });
});

/** A key that is admitted and never used. */
const SOME_KEY = "UA6RWBLK4TXHSJGHR6NCZ5Z6BRPOER7NJ2U3VKU3RWQTD6AOMFI3DA4A";
