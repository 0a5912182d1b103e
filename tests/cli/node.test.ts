// Covers src/cli/node.ts, src/cli/offline.ts, src/server/offline.ts and src/cli/refusals.ts.
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { LOCK_WAIT_MS } from "../../src/core/limits.ts";
import { listenSocket } from "../../src/http/listen.ts";
import { acquireLock } from "../../src/system/lock.ts";
import { openTestApi, type TestApi } from "../harness/api.ts";
import { aUser } from "../harness/builders.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

/** The API of this process at the socket of its store's folder, as a running node has it. */
async function runningNode(more: Parameters<typeof openTestApi>[0] = {}) {
  const api: TestApi = openTestApi(more);
  const folder = dirname(api.bus.path);
  const lock = acquireLock(folder, "unibus.lock");
  const listening = await listenSocket({
    path: join(folder, "unibus.sock"),
    fetch: (request) => api.app.fetch(request, { kind: "socket" }),
  });
  return {
    api,
    folder,
    cli: (...args: string[]) => run([...args, "--data-dir", folder]),
    async [Symbol.asyncDispose]() {
      await listening.stop(0);
      lock?.[Symbol.dispose]();
      api[Symbol.dispose]();
    },
  };
}

describe("a command beside a running node", () => {
  test("asks the node, and never opens its database [M-015]", async () => {
    await using node = await runningNode();
    const user = aUser();
    expect((await node.cli("user", "add", user, "--name", "ada")).code).toBe(0);
    const { stdout } = await node.cli("user", "list", "--json");
    expect(JSON.parse(stdout).users[0].user).toBe(user);
    expect(node.api.log.map(({ fields }) => fields.route)).toEqual(["/v1/users", "/v1/users"]);
  });

  test("is told which node it spoke to when it is refused", async () => {
    await using node = await runningNode();
    const { code, stderr } = await node.cli("user", "show", "nobody");
    expect(code).toBe(3);
    expect(stderr).toEndWith(`\n  (the running node of ${node.folder})\n`);
  });

  test("shows who was refused, and why", async () => {
    await using node = await runningNode({ mode: "enforce" });
    expect((await node.cli("refusals")).stdout).toContain("Nothing was refused");
    await node.api.overTcp("GET", "/v1/rooms");
    const { code, stdout } = await node.cli("refusals");
    expect(code).toBe(0);
    expect(stdout).toContain("request.unauthenticated");
    expect(stdout).toContain("neither signature nor token");
  });

  test("reads lists of many pages whole", async () => {
    await using node = await runningNode();
    const { store } = node.api.bus;
    const insert = store.database.query(
      `INSERT INTO rooms (room, name, history, shard, content, created_at, created_by)
       VALUES ($room, 'many', 'k', '0', 'plain', 0, 'operator')`,
    );
    store.database.transaction(() => {
      for (let n = 0; n < 2_500; n++) {
        const tail = n.toString(2).padStart(12, "0").replaceAll("0", "a").replaceAll("1", "b");
        insert.run({ room: `${"a".repeat(14)}${tail}` });
      }
    })();
    const { stdout } = await node.cli("room", "list", "--json");
    const rooms: readonly { room: string }[] = JSON.parse(stdout).rooms;
    expect(new Set(rooms.map(({ room }) => room)).size).toBe(2_500);
  });
});

describe("a command beside something that is no running node", () => {
  test("takes no notice of a socket that a killed node left", async () => {
    using folder = temporaryFolder();
    await run(["user", "seed", aUser(), "--data-dir", folder.path]);
    const path = join(folder.path, "unibus.sock");
    const script = `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response() }); process.kill(process.pid, "SIGKILL")`;
    await Bun.spawn([process.execPath, "-e", script]).exited;
    expect(existsSync(path)).toBe(true);
    const { code, stdout } = await run(["user", "list", "--data-dir", folder.path]);
    expect([code, stdout.includes("admin")]).toEqual([0, true]);
  });

  test("says so when something else answers at the socket", async () => {
    using folder = temporaryFolder();
    const other = await listenSocket({
      path: join(folder.path, "unibus.sock"),
      fetch: async () => new Response("<html>"),
    });
    const { code, stderr } = await run(["user", "list", "--data-dir", folder.path, "--json"]);
    expect([code, JSON.parse(stderr).code]).toEqual([4, "node-unreachable"]);
    await other.stop(0);
  });

  test("waits for a lock that is held, and then says which folder is in use", async () => {
    using folder = temporaryFolder();
    await run(["user", "seed", aUser(), "--data-dir", folder.path]);
    const lock = acquireLock(folder.path, "unibus.lock");
    const startedAt = performance.now();
    const { code, stderr } = await run(["user", "list", "--data-dir", folder.path, "--json"]);
    lock?.[Symbol.dispose]();
    expect([code, JSON.parse(stderr).code]).toEqual([3, "folder-in-use"]);
    expect(stderr).toContain(folder.path);
    expect(performance.now() - startedAt).toBeGreaterThan(LOCK_WAIT_MS - 100);
  }, 15_000);

  test("speaks to the node that comes up while it waits", async () => {
    using folder = temporaryFolder();
    await run(["user", "seed", aUser(), "--data-dir", folder.path]);
    const lock = acquireLock(folder.path, "unibus.lock");
    const waiting = run(["user", "list", "--data-dir", folder.path, "--json"]);
    using api = openTestApi();
    const user = await api.bus.addUser();
    const listening = await listenSocket({
      path: join(folder.path, "unibus.sock"),
      fetch: (request) => api.app.fetch(request, { kind: "socket" }),
    });
    const { code, stdout } = await waiting;
    expect([code, JSON.parse(stdout).users[0]?.user]).toEqual([0, user]);
    await listening.stop(0);
    lock?.[Symbol.dispose]();
  });

  test("asks a stopped node for nothing that only a running one knows", async () => {
    using folder = temporaryFolder();
    await run(["user", "seed", aUser(), "--data-dir", folder.path]);
    const { code, stderr } = await run(["refusals", "--data-dir", folder.path, "--json"]);
    expect([code, JSON.parse(stderr).code]).toEqual([4, "node-not-found"]);
  });

  test("does not take another program's file for a database, nor changes it", async () => {
    using folder = temporaryFolder();
    const db = join(folder.path, "notes.db");
    writeFileSync(db, "no database at all, but long enough to be read as one\n".repeat(100));
    const before = await Bun.file(db).text();
    const { code } = await run(["user", "list", "--db", db]);
    expect(code).toBeGreaterThan(0);
    expect(await Bun.file(db).text()).toBe(before);
    expect(readdirSync(folder.path).filter((name) => name.includes("notes"))).toEqual(["notes.db"]);
  });
});

test("twenty commands at once on a stopped node all succeed, and all of it is there [M-015]", async () => {
  using folder = temporaryFolder();
  await run(["user", "seed", aUser(), "--data-dir", folder.path]);
  const users = Array.from({ length: 20 }, () => aUser());
  const ran = await Promise.all(
    users.map((user) => run(["user", "add", user, "--data-dir", folder.path])),
  );
  expect(ran.filter(({ code }) => code !== 0)).toEqual([]);
  const { stdout } = await run(["user", "list", "--data-dir", folder.path, "--json"]);
  const listed: readonly { user: string }[] = JSON.parse(stdout).users;
  const seen = new Set(listed.map(({ user }) => user));
  expect(users.filter((user) => !seen.has(user))).toEqual([]);
}, 30_000);
