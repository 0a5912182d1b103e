import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PROBLEMS, Problem } from "../../src/core/problems.ts";
import {
  findNatsServer,
  hashFile,
  NATS_SERVER_FLOOR,
  NATS_SERVER_VERSION,
  natsServerCacheFolder,
} from "../../src/nats/find-server.ts";
import { aMachine } from "../harness/bare-machine.ts";
import { fakeServer, writeProgram } from "../harness/fake-programs.ts";

/** Puts a server and its hash into a cache folder, as setup does. */
function fillCache(folder: string): string {
  mkdirSync(dirname(folder), { recursive: true });
  mkdirSync(folder, { mode: 0o700 });
  const path = writeProgram(join(folder, "nats-server"), fakeServer(NATS_SERVER_VERSION));
  writeFileSync(join(folder, "nats-server.sha256"), `${hashFile(path)}  nats-server\n`);
  return path;
}

async function problemOf(env: Readonly<Record<string, string>>): Promise<Problem> {
  const error = await findNatsServer({ env }).catch((reason: unknown) => reason);
  if (error instanceof Problem) return error;
  throw new Error("A problem was expected", { cause: error });
}

describe("a server given by UNIBUS_NATS_SERVER", () => {
  test("is used, before the cache and PATH", async () => {
    using machine = aMachine();
    fillCache(machine.cacheFolder);
    const path = writeProgram(join(machine.path, "mine"), fakeServer("2.16.1"));
    expect(await findNatsServer({ env: { ...machine.env, UNIBUS_NATS_SERVER: path } })).toEqual({
      path,
      version: "2.16.1",
      source: "UNIBUS_NATS_SERVER",
    });
  });

  test.each([
    [NATS_SERVER_FLOOR, true],
    ["2.14.10", true],
    ["3.0.0", true],
    ["2.15.0-RC.1", true],
    [`${NATS_SERVER_FLOOR}-RC.2`, false],
    ["2.14.2", false],
    ["2.9.99", false],
    ["1.99.99", false],
  ])("of version %s is accepted: %p [G-15]", async (version, accepted) => {
    using machine = aMachine();
    const path = writeProgram(join(machine.path, "mine"), fakeServer(version));
    const env = { ...machine.env, UNIBUS_NATS_SERVER: path };
    if (accepted) expect((await findNatsServer({ env })).version).toBe(version);
    else expect((await problemOf(env)).detail).toContain(`is version ${version}`);
  });

  test.each([
    ["is missing", () => undefined],
    ["is a folder", (path: string) => mkdirSync(path)],
    ["is another program", (path: string) => writeProgram(path, "echo hello")],
    ["prints without end", (path: string) => writeProgram(path, "exec /usr/bin/yes")],
    ["is not executable", (path: string) => writeFileSync(path, fakeServer("2.15.0"))],
  ])("that %s is an error, also where another could be used", async (_, make) => {
    using machine = aMachine();
    fillCache(machine.cacheFolder);
    const path = join(machine.path, "mine");
    make(path);
    const problem = await problemOf({ ...machine.env, UNIBUS_NATS_SERVER: path });
    expect(problem.code).toBe("start-failed");
    expect(problem.detail).toStartWith("Cannot use the nats-server of UNIBUS_NATS_SERVER: ");
    expect(problem.detail).toContain(path);
  });

  test("sees nothing of the environment", async () => {
    using machine = aMachine();
    const script = `[ -z "$SECRET" ] && ${fakeServer("2.15.0")}`;
    const path = writeProgram(join(machine.path, "mine"), script);
    const env = { ...machine.env, UNIBUS_NATS_SERVER: path, SECRET: "x" };
    expect((await findNatsServer({ env })).path).toBe(path);
  });
});

describe("a cached server", () => {
  test("is used, before PATH", async () => {
    using machine = aMachine();
    writeProgram(join(machine.bin, "nats-server"), fakeServer("2.16.0"));
    const path = fillCache(machine.cacheFolder);
    const server = await findNatsServer({ env: machine.env });
    expect(server).toEqual({ path, version: NATS_SERVER_VERSION, source: "cache" });
  });

  test.each([
    ["was changed by a byte", (path: string) => writeFileSync(path, "#", { flag: "a" })],
    ["lost its hash", (path: string) => rmSync(`${path}.sha256`)],
    ["lost its executable", (path: string) => rmSync(path)],
    ["others may write to", (path: string) => chmodSync(dirname(path), 0o777)],
  ])("that %s is not run, and none in its place", async (_, damage) => {
    using machine = aMachine();
    writeProgram(join(machine.bin, "nats-server"), fakeServer("2.16.0"));
    damage(fillCache(machine.cacheFolder));
    const problem = await problemOf(machine.env);
    expect(problem.detail).toStartWith("Cannot use the cached nats-server: ");
    expect(problem.detail).toContain("npm run setup");
  });

  test("is looked for in XDG_CACHE_HOME, unless that is a relative path", () => {
    const env = { HOME: "/home/a" };
    expect(natsServerCacheFolder({ ...env, XDG_CACHE_HOME: "/caches" })).toStartWith("/caches/");
    expect(natsServerCacheFolder({ ...env, XDG_CACHE_HOME: "caches" })).toStartWith(
      "/home/a/.cache/",
    );
    expect(natsServerCacheFolder(env)).toContain(`/unibus/nats-server/${NATS_SERVER_VERSION}-`);
  });
});

describe("a server on PATH", () => {
  test("is used when nothing is given or cached", async () => {
    using machine = aMachine();
    const path = writeProgram(join(machine.bin, "nats-server"), fakeServer("2.14.3"));
    const server = await findNatsServer({ env: machine.env });
    expect(server).toEqual({ path, version: "2.14.3", source: "PATH" });
  });

  test("that is too old is named in the error [G-15]", async () => {
    using machine = aMachine();
    writeProgram(join(machine.bin, "nats-server"), fakeServer("2.9.10"));
    expect((await problemOf(machine.env)).detail).toContain("is version 2.9.10, and 2.14.3");
  });
});

test("without any server the error names what was looked at and what to do", async () => {
  using machine = aMachine();
  const problem = await problemOf(machine.env);
  expect(PROBLEMS[problem.code].exit).toBe(1);
  expect(problem.detail).toContain(machine.cacheFolder);
  expect(problem.detail).toContain("no nats-server on PATH");
  expect(problem.detail).toContain("run `npm run setup`, or set UNIBUS_NATS_SERVER");
});
