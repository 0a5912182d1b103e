import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Room } from "../../src/contract/rooms.ts";
import type { User } from "../../src/contract/users.ts";
import { unibusCommand } from "../harness/command.ts";
import { count, recordProof } from "../harness/counts.ts";
import { testKey } from "../harness/raw-nats.ts";
import { spawnUnibus } from "../harness/spawned.ts";
import { cleanEnvironment, run, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
let copies = 0;

/** Runs a command on a stopped node's folder and expects that it works. */
async function must<T>(dataDir: string, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await run([...args, "--json", "--data-dir", dataDir]);
  expect([args, code, stderr]).toEqual([args, 0, ""]);
  return JSON.parse(stdout);
}

function copyOf(dataDir: string): string {
  const path = join(folder.path, `copy-${++copies}`);
  cpSync(dataDir, path, { recursive: true });
  return path;
}

const startArguments = (dataDir: string): readonly string[] => [
  ...["serve", "--bus-auth", "enforce", "--data-dir", dataDir, "--log-format", "json"],
  ...["--http-port", "0", "--nats-port", "0"],
];

describe("a database that was changed while the node was stopped", () => {
  const whole = join(folder.path, "whole");
  const bob = testKey().user;
  beforeAll(async () => {
    await must(whole, "user", "seed", testKey().user, "--name", "alice");
    await must(whole, "user", "add", bob, "--name", "bob");
    await must(whole, "room", "create", "ops", "--owner", "bob");
    await must(whole, "user", "revoke", "bob");
  });

  const changes: readonly (readonly [string, string, string])[] = [
    ["a revoked user that is active again", "UPDATE users SET state = 'active'", "entry 4 made it"],
    ["a member that is an admin", "UPDATE users SET role = 'admin'", "entry 4 made it"],
    [
      "an entry that says something else",
      "UPDATE journal SET entry = replace(entry, 'bob', 'eve') WHERE seq = 2",
      "entry 2 is not what was written",
    ],
    ["the last entry gone", "DELETE FROM journal WHERE seq = 4", "entry 4 is missing"],
    [
      "the last entry and its mark gone",
      `DELETE FROM journal WHERE seq = 4;
       UPDATE bus SET last_seq = 3, chain = (SELECT chain FROM journal WHERE seq = 3),
         latest_at = (SELECT max(at) FROM journal)`,
      "ends at entry 3, and entry 4",
    ],
    ["a membership gone", "DELETE FROM members", "is gone"],
    [
      "a trigger that undoes revocations to come",
      `CREATE TRIGGER undo AFTER UPDATE ON users BEGIN
         UPDATE users SET state = 'active' WHERE user = new.user; END`,
      'the trigger "undo"',
    ],
  ];
  test.each(changes)("is named by a start and by every command: %s", async (_what, sql, words) => {
    const dataDir = copyOf(whole);
    const database = new Database(join(dataDir, "unibus.db"));
    database.run(sql);
    database.close();
    const before = await Bun.file(join(dataDir, "unibus.db")).bytes();
    for (const args of [
      ["user", "list"],
      ["user", "revoke", bob],
      ["room", "delete", "ops"],
    ]) {
      const { code, stderr } = await run([...args, "--json", "--data-dir", dataDir]);
      const problem = words.startsWith("ends at") ? "journal-rolled-back" : "journal-damaged";
      expect([args, code, JSON.parse(stderr).code]).toEqual([args, 3, problem]);
      expect(stderr.replaceAll("\\", "")).toContain(words);
    }
    const { code, stderr } = await run(startArguments(dataDir));
    expect([code, stderr]).toEqual([3, expect.stringContaining(words)]);
    // Nothing is mended and nothing is added: what is there may be all that is left.
    expect(await Bun.file(join(dataDir, "unibus.db")).bytes()).toEqual(before);
  });

  test("with a foreign file of SQLite's beside it is read as it was", async () => {
    for (const spoil of ["unibus.db-shm", "unibus.db-wal", "unibus.db-journal"]) {
      const dataDir = copyOf(whole);
      writeFileSync(join(dataDir, spoil), Buffer.alloc(65_536, "foreign "));
      const { users } = await must<{ users: User[] }>(dataDir, "user", "list");
      expect(users.map(({ name, state }) => `${name} ${state}`).sort()).toEqual([
        "alice active",
        "bob revoked",
      ]);
    }
  });

  test("by being cut short is called damaged", async () => {
    const dataDir = copyOf(whole);
    const database = join(dataDir, "unibus.db");
    truncateSync(database, statSync(database).size - 4_096);
    const { code } = await run(["user", "list", "--data-dir", dataDir]);
    expect(code).toBe(3);
  });

  test("by an older copy of itself is refused, until the operator removes what tells", async () => {
    const older = copyOf(whole);
    const dataDir = copyOf(whole);
    await must(dataDir, "room", "create", "newer");
    cpSync(join(older, "unibus.db"), join(dataDir, "unibus.db"));
    const { code, stderr } = await run(["room", "list", "--json", "--data-dir", dataDir]);
    expect([code, JSON.parse(stderr).code]).toEqual([3, "journal-rolled-back"]);
    const start = await run(startArguments(dataDir));
    expect([start.code, start.stderr.trimEnd().split("\n")]).toEqual([3, [expect.any(String)]]);
    expect(start.stderr).toContain(join(dataDir, "unibus.db-head"));
    rmSync(join(dataDir, "unibus.db-head"));
    const { rooms } = await must<{ rooms: Room[] }>(dataDir, "room", "list");
    expect(rooms.map(({ name }) => name)).toEqual(["ops"]);
  });

  // Only what is kept elsewhere could tell; the README says so.
  test("by an older copy of its whole folder is not noticed, and is whole", async () => {
    const older = copyOf(whole);
    await must(whole, "room", "create", "newer");
    cpSync(older, whole, { recursive: true });
    const { rooms } = await must<{ rooms: Room[] }>(whole, "room", "list");
    expect(rooms.map(({ name }) => name)).toEqual(["ops"]);
  });
});

test("commands and a node that start at the same moment do not disturb each other [M-014, M-101]", async () => {
  const rounds = count("start-races");
  const dataDir = join(folder.path, "races");
  await must(dataDir, "user", "seed", testKey().user);
  const made: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const names = [`a${round}`, `b${round}`];
    await using node = spawnUnibus(startArguments(dataDir));
    const ran = await Promise.all(
      names.map((name) => run(["room", "create", name, "--data-dir", dataDir])),
    );
    expect(ran.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ""],
      [0, ""],
    ]);
    await node.says("node.ready");
    made.push(...names);
    const { rooms } = await must<{ rooms: Room[] }>(dataDir, "room", "list");
    expect(rooms.map(({ name }) => name).sort()).toEqual([...made].sort());
    node.kill("SIGTERM");
    expect(await node.ended()).toBe(0);
  }
  recordProof("two commands and a node at the same moment", { rounds, failed: 0 });
}, 300_000);

test("a command that is killed at any moment leaves all of its change or nothing [M-014, M-101]", async () => {
  const kills = count("command-kills");
  const dataDir = join(folder.path, "killed");
  await must(dataDir, "user", "seed", testKey().user, "--name", "first");
  const [startedAt, acknowledged] = [performance.now(), new Set(["first"])];
  await must(dataDir, "user", "list");
  const commandMs = performance.now() - startedAt;
  let killed = 0;
  for (let at = 0; at < kills; at++) {
    const name = `user-${at}`;
    const args = ["user", "add", testKey().user, "--name", name, "--data-dir", dataDir];
    const child = Bun.spawn([...unibusCommand(), ...args], {
      env: cleanEnvironment(),
      stdout: "pipe",
      stderr: "ignore",
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), Math.random() * 1.2 * commandMs);
    const said = await new Response(child.stdout).text();
    await child.exited;
    clearTimeout(timer);
    if (said.includes("is admitted")) acknowledged.add(name);
    if (child.signalCode !== null) killed++;
    // Reading it checks every entry and every row.
    const { users } = await must<{ users: User[] }>(dataDir, "user", "list");
    const names = users.map((user) => user.name ?? "");
    expect([...acknowledged].filter((one) => !names.includes(one))).toEqual([]);
    for (const one of names) acknowledged.add(one);
  }
  recordProof("commands killed at random moments", { commands: kills, killed, lost: 0 });
}, 300_000);

describe("an Idempotency-Key", () => {
  test("makes one change of fifty requests at once, and of one more after a restart", async () => {
    const dataDir = join(folder.path, "once");
    const first = await startUnibus({ dataDir, args: ["--bus-auth", "off"] });
    const create = (url: string, key: string, name: string) =>
      fetch(`${url}/v1/rooms`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body: JSON.stringify({ name }),
      });
    const at = Array.from({ length: 50 }, () => create(first.httpUrl, "one", "room"));
    const answers = await Promise.all(at);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    const rooms = new Set(await Promise.all(answers.map(async (one) => await one.text())));
    expect(rooms.size).toBe(1);
    // Another body under the same key, fifty at once: none is done.
    const others = Array.from({ length: 50 }, (_, n) => create(first.httpUrl, "one", `other-${n}`));
    const refused = await Promise.all(others);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([422]));
    // Another actor has keys of its own: this is the operator.
    const operator = await first.api(
      "POST",
      "/v1/rooms",
      { name: "room" },
      { "idempotency-key": "one" },
    );
    expect(operator.status).toBe(201);
    expect(rooms.has(await operator.text())).toBe(false);
    await first.end("SIGKILL");

    await using second = await startUnibus({ dataDir, args: ["--bus-auth", "off"] });
    const again = await create(second.httpUrl, "one", "room");
    expect([again.status, rooms.has(await again.text())]).toEqual([201, true]);
    expect((await create(second.httpUrl, "one", "other")).status).toBe(422);
    const all = await second.ask<{ rooms: Room[] }>("GET", "/v1/rooms");
    expect(all.rooms.map(({ name, createdBy }) => `${name} of ${createdBy}`).sort()).toEqual([
      "room of anonymous",
      "room of operator",
    ]);
  });
});

test("a folder whose database is gone is a new bus when the operator says so, and nobody of the old one may connect", async () => {
  const dataDir = join(folder.path, "gone");
  const alice = testKey();
  await must(dataDir, "user", "seed", alice.user);
  rmSync(join(dataDir, "unibus.db"));
  for (const args of [
    startArguments(dataDir),
    ["user", "seed", alice.user, "--data-dir", dataDir],
  ]) {
    const { code, stderr } = await run(args);
    expect([args, code, stderr.includes("unibus.db-head")]).toEqual([args, 3, true]);
  }
  rmSync(join(dataDir, "unibus.db-head"));
  await using unibus = await startUnibus({ dataDir });
  expect(await unibus.ask<unknown>("GET", "/v1/users")).toEqual({ users: [], next: null });
});
