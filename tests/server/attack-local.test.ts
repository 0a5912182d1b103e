import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { unibusCommand } from "../harness/command.ts";
import { snapshotOf } from "../harness/snapshot.ts";
import { spawnUnibus } from "../harness/spawned.ts";
import { cleanEnvironment, run, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const ROOT = join(import.meta.dir, "../..");
const folder = temporaryFolder();
const at = (name: string): string => join(folder.path, name);
afterAll(() => folder[Symbol.dispose]());

const PORTS = ["--http-port", "0", "--nats-port", "0", "--log-format", "json"];
const serve = (...args: readonly string[]): readonly string[] => ["serve", ...PORTS, ...args];

function makePipe(path: string): void {
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
}

describe("a folder that somebody prepared for whoever runs unibus in it", () => {
  const sprung = at("sprung");
  const hostile = at("hostile");
  beforeAll(() => {
    mkdirSync(hostile);
    const put = (name: string, text: string) => writeFileSync(join(hostile, name), text);
    put("trap.ts", `require("node:fs").appendFileSync(${JSON.stringify(sprung)}, "code\\n");`);
    put("bunfig.toml", 'preload = ["./trap.ts"]\n[run]\npreload = ["./trap.ts"]\n');
    put(".env", "BUN_OPTIONS=--preload=./trap.ts\nUNIBUS_BUS_AUTH=off\nUNIBUS_DATA_DIR=theirs\n");
    const paths = Object.fromEntries(
      ["*", "citty", "elysia", "@nats-io/*", "@sinclair/*", "node:fs", "./*", "#*"].map((name) => [
        name,
        ["./trap.ts"],
      ]),
    );
    put("tsconfig.json", JSON.stringify({ compilerOptions: { baseUrl: ".", paths } }));
    put("package.json", JSON.stringify({ imports: { "#*": "./trap.ts" }, browser: paths }));
    for (const program of ["nats-server", "bun", "node", "setpriv", "flock"]) {
      writeFileSync(join(hostile, program), `#!/bin/sh\necho ${program} >> '${sprung}'\n`, {
        mode: 0o755,
      });
    }
  });

  test("runs nothing of its own, whatever the command", async () => {
    for (const args of [["version"], ["key", "new", "a.nk"], ["cert", "dev"], ["user", "list"]]) {
      const { code, stderr } = await run(args, { cwd: hostile });
      expect([args, code, stderr]).toEqual([args, args[0] === "user" ? 4 : 0, stderr]);
    }
    await using node = spawnUnibus(serve("--bus-auth", "enforce"), { cwd: hostile });
    await node.says("node.ready");
    expect(node.messages).toContain("control-plane auth: enforce");
    expect(readdirSync(hostile)).not.toContain("theirs");
    expect(existsSync(sprung)).toBe(false);
  });

  test("nor does ./unibus of a checkout", async () => {
    const { exitCode } = Bun.spawnSync([join(ROOT, "unibus"), "version"], {
      cwd: hostile,
      env: cleanEnvironment(),
    });
    expect([exitCode, existsSync(sprung)]).toEqual([0, false]);
  });

  test("would run its code if Bun were asked plainly (the control)", () => {
    const bun = join(ROOT, "node_modules/.bin/bun");
    Bun.spawnSync([bun, join(ROOT, "src/main.ts"), "version"], {
      cwd: hostile,
      env: cleanEnvironment(),
    });
    expect(existsSync(sprung)).toBe(true);
  });
});

describe("a folder that is not this user's alone to write", () => {
  const dangers: readonly (readonly [string, RegExp, (path: string) => void])[] = [
    ["open", /everybody/, (path) => chmodSync(path, 0o777)],
    ["sticky", /everybody/, (path) => chmodSync(path, 0o1777)],
    ["theirs", /another user \(uid 4343\)/, (path) => chownSync(path, 4_343, 4_343)],
  ];
  for (const [name, why, spoil] of dangers) {
    const needsRoot = name === "theirs" && process.getuid?.() !== 0;
    const title = `takes neither a node nor a command, and nothing is made there: ${name}`;
    test.skipIf(needsRoot)(`${title}${needsRoot ? " (needs root)" : ""}`, async () => {
      const path = at(name);
      mkdirSync(path);
      spoil(path);
      for (const flag of ["--data-dir", "--store-dir", "--nats-store", "--db"]) {
        const value = flag === "--db" ? join(path, "bus.db") : path;
        const started = await run(serve("--bus-auth", "enforce", flag, value), {
          cwd: folder.path,
        });
        expect([flag, started.code]).toEqual([flag, 3]);
        expect(started.stderr).toMatch(why);
      }
      await run(["key", "new", at(`${name}.nk`)]);
      const seeded = await run(["user", "seed", "--key", at(`${name}.nk`), "--data-dir", path]);
      expect([seeded.code, seeded.stderr]).toEqual([3, expect.stringMatching(why)]);
      const listed = await run(["room", "create", "x", "--data-dir", path]);
      expect(listed.code).toBe(4);
      writeFileSync(join(path, "unibus.db"), "");
      const created = await run(["room", "create", "x", "--data-dir", path]);
      expect([created.code, created.stderr]).toEqual([3, expect.stringMatching(why)]);
      expect(readdirSync(path)).toEqual(["unibus.db"]);
    });
  }
});

test("a database that is named by a slip is left as it is, with its rights", async () => {
  using place = temporaryFolder();
  mkdirSync(join(place.path, "folder"), { mode: 0o755 });
  writeFileSync(join(place.path, "text"), "no database, and quite long enough. ".repeat(30));
  const other = new Database(join(place.path, "other.db"));
  other.run("CREATE TABLE theirs (a)");
  other.close();
  makePipe(join(place.path, "pipe"));
  symlinkSync("folder", join(place.path, "link"));
  for (const name of ["text", "other.db", "pipe"]) chmodSync(join(place.path, name), 0o644);
  // The lock that keeps others out while it is looked at.
  writeFileSync(join(place.path, "unibus.lock"), "", { mode: 0o600 });
  const before = snapshotOf(place.path);
  for (const name of ["folder", "text", "other.db", "pipe", "link"]) {
    const db = join(place.path, name);
    const elsewhere = ["--store-dir", at("blobs"), "--nats-store", at("jetstream")];
    const [command, node] = [
      await run(["user", "list", "--db", db]),
      await run(serve("--bus-auth", "enforce", "--db", db, ...elsewhere)),
    ];
    expect([name, [1, 3].includes(command.code), [1, 3].includes(node.code)]).toEqual([
      name,
      true,
      true,
    ]);
    expect(command.stderr + node.stderr).not.toContain("internal");
    expect(snapshotOf(place.path)).toEqual(before);
  }
});

describe("something odd under a name that a node uses is told in words, and nothing hangs", () => {
  const whole = at("whole");
  beforeAll(async () => {
    const { stdout } = await run(["key", "new", at("admin.nk"), "--json"]);
    const { publicKey } = JSON.parse(stdout);
    expect((await run(["user", "seed", publicKey, "--data-dir", whole])).code).toBe(0);
    for (const name of ["blobs", "jetstream"]) mkdirSync(join(whole, name));
    writeFileSync(join(whole, "unibus.mode"), "enforce\n");
  });

  type Plant = (path: string) => void;
  const pipe: Plant = makePipe;
  const directory: Plant = (path) => mkdirSync(path);
  const garbage: Plant = (path) => writeFileSync(path, "garbage ".repeat(1_000));
  const dangling: Plant = (path) => symlinkSync("/nonexistent/place", path);
  const endless: Plant = (path) => symlinkSync("/dev/zero", path);
  const huge: Plant = (path) => {
    writeFileSync(path, "");
    truncateSync(path, 3_000_000_000);
  };
  // What a command and a start say, as exit codes; null: it works, and goes on.
  const plants: readonly (readonly [string, string, Plant, number, number | null])[] = [
    ["unibus.mode", "a pipe", pipe, 0, null],
    ["unibus.mode", "a folder", directory, 0, null],
    ["unibus.mode", "a link to endless bytes", endless, 0, null],
    ["unibus.mode", "three gigabytes", huge, 0, null],
    ["unibus.lock", "a folder", directory, 3, 1],
    ["unibus.lock", "a pipe", pipe, 3, 1],
    ["unibus.lock", "garbage", garbage, 3, 1],
    ["unibus.lock", "a link to nowhere", dangling, 3, 1],
    ["unibus.sock", "a file", garbage, 0, 1],
    ["unibus.sock", "a folder", directory, 0, 1],
    ["unibus.sock", "a pipe", pipe, 0, 1],
    ["unibus.db-wal", "a folder", directory, 1, 1],
    ["unibus.db-wal", "garbage", garbage, 0, null],
    ["unibus.db-journal", "garbage", garbage, 0, null],
    ["unibus.db-head", "a pipe", pipe, 3, 3],
    ["unibus.db-head", "a folder", directory, 3, 3],
    ["unibus.db-head", "garbage", garbage, 3, 3],
    ["unibus.db-head", "three gigabytes", huge, 3, 3],
    ["blobs", "a file", garbage, 0, 1],
    ["jetstream", "a file", garbage, 0, 1],
  ];
  test.each(plants)("%s is %s", async (name, _what, plant, commandCode, startCode) => {
    using place = temporaryFolder();
    const dataDir = join(place.path, "data");
    cpSync(whole, dataDir, { recursive: true });
    chmodSync(dataDir, 0o700);
    Bun.spawnSync(["rm", "-rf", join(dataDir, name)]);
    plant(join(dataDir, name));
    const listed = await run(["user", "list", "--json", "--data-dir", dataDir]);
    expect([listed.code, listed.stderr.includes("internal")]).toEqual([commandCode, false]);
    if (commandCode === 0) expect(JSON.parse(listed.stdout).users).toHaveLength(1);
    // No mode is given: one that cannot be read must not open the folder to everybody.
    expect((await run(serve("--data-dir", dataDir))).code).toBe(3);
    await using node = spawnUnibus(serve("--bus-auth", "enforce", "--data-dir", dataDir));
    if (startCode === null) await node.says("node.ready");
    else expect(await node.ended()).toBe(startCode);
    expect(node.messages.join("\n")).not.toContain("internal");
  });
});

test("a node and its commands take folders by whatever name", async () => {
  const names = [
    "-n",
    "$HOME",
    "sp ace 'q' \"d\" \\x41 %s ;#{}",
    "é漢❤️",
    ":memory:",
    "file:x?mode=memory",
  ];
  const started = names.map(async (name) => {
    using place = temporaryFolder();
    await using node = spawnUnibus(serve("--bus-auth", "enforce", `--data-dir=${name}`), {
      cwd: place.path,
    });
    await node.says("node.ready");
    const made = await run(["room", "create", "x", `--data-dir=${name}`], { cwd: place.path });
    expect([name, made.code]).toEqual([name, 0]);
    node.kill("SIGTERM");
    expect(await node.ended()).toBe(0);
    const listed = await run(["room", "list", "--json", `--data-dir=${name}`], { cwd: place.path });
    expect(JSON.parse(listed.stdout).rooms).toHaveLength(1);
    expect(readdirSync(place.path)).toEqual([name]);
    expect(statSync(join(place.path, name, "jetstream/jetstream")).isDirectory()).toBe(true);
  });
  await Promise.all(started);
  // As the database itself, SQLite would take these two for no file at all.
  for (const db of [":memory:", "file:x?mode=memory"]) {
    using place = temporaryFolder();
    await using node = spawnUnibus(serve("--bus-auth", "enforce", "--db", db), { cwd: place.path });
    await node.says("node.ready");
    expect(statSync(join(place.path, db)).size).toBeGreaterThan(0);
  }
});

describe("the admin socket", () => {
  const other = ["setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups"];
  const asOther = (...args: readonly string[]) =>
    Bun.spawnSync([...other, ...unibusCommand(), ...args], { env: cleanEnvironment(), cwd: "/" });
  const canActAsOther = process.getuid?.() === 0 && asOther("version").exitCode === 0;

  const needs = canActAsOther ? "" : " (needs root, setpriv, and sources that others may read)";

  test.skipIf(needs !== "")(
    `of another user's node is not this user's to use${needs}`,
    async () => {
      await using node = await startUnibus();
      chmodSync(folder.path, 0o711);
      const asked = asOther("user", "list", "--data-dir", node.dataDir);
      expect(asked.exitCode).toBe(4);
      expect(asked.stderr.toString()).toContain("this user may not");
    },
  );

  test.skipIf(needs !== "")(`that another user made is not spoken to${needs}`, async () => {
    const path = at("bait");
    mkdirSync(path, { mode: 0o755 });
    let asked = 0;
    using _server = Bun.serve({
      unix: join(path, "unibus.sock"),
      fetch: () => Response.json({ users: [], next: String(asked++) }),
    });
    chmodSync(join(path, "unibus.sock"), 0o666);
    chownSync(join(path, "unibus.sock"), 4_343, 4_343);
    chmodSync(folder.path, 0o755);
    const { exitCode, stderr } = asOther("user", "list", "--data-dir", path);
    expect([exitCode, asked]).toEqual([4, 0]);
    expect(stderr.toString()).toContain("belongs to another user (uid 4343)");
  });
});
