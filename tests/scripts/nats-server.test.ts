import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { NATS_SERVER_VERSION, obtainNatsServer } from "../../scripts/nats-server.ts";
import { aMachine, errorOf, serveRelease } from "../harness/bare-machine.ts";
import { fakeServer, writeProgram } from "../harness/fake-programs.ts";

/** A `go` that notes how it was called and "builds" a server of a version. */
function writeFakeGo(bin: string, version = NATS_SERVER_VERSION): void {
  writeProgram(
    join(bin, "go"),
    [
      'echo "$CGO_ENABLED $*" >> "$HOME/calls"',
      'while [ "$1" != -o ]; do shift; done',
      'echo "go: downloading a module" >&2',
      `printf '#!/bin/sh\\n%s\\n' '${fakeServer(version)}' > "$2"`,
    ].join("\n"),
  );
}

describe("a build with Go", () => {
  test("goes into the cache, reproducibly made and with progress", async () => {
    using machine = aMachine();
    writeFakeGo(machine.bin);
    const server = await obtainNatsServer(machine);
    expect(server).toEqual({
      path: join(machine.cacheFolder, "nats-server"),
      version: NATS_SERVER_VERSION,
      source: "go",
    });
    const calls = readFileSync(join(machine.path, "calls"), "utf8");
    expect(calls).toStartWith("0 build -mod=readonly -trimpath -buildvcs=false -ldflags -s -w -o ");
    expect(machine.said[0]).toContain(`Building nats-server ${NATS_SERVER_VERSION}`);
    expect(machine.said).toContain("  go: downloading a module");
  });

  test("that fails is told in Go's words, and the next road is taken", async () => {
    using machine = aMachine();
    writeProgram(join(machine.bin, "go"), "echo 'go: go.mod requires go >= 1.26.0' >&2; exit 1");
    const roads = ["go", "PATH"] as const;
    const error = await errorOf(obtainNatsServer({ ...machine, roads }));
    expect(error).toContain("go: go build ended with 1; go: go.mod requires go >= 1.26.0");
    const path = writeProgram(join(machine.bin, "nats-server"), fakeServer("2.14.3"));
    const server = await obtainNatsServer({ ...machine, roads });
    expect(server).toEqual({ path, version: "2.14.3", source: "PATH" });
  });

  test("by three processes at once gives all the same server, and leaves nothing else", async () => {
    using machine = aMachine();
    writeFakeGo(machine.bin);
    const script = join(import.meta.dir, "../../scripts/nats-server.ts");
    const env = { ...machine.env, PATH: `${machine.bin}:/usr/bin:/bin` };
    const runs = [1, 2, 3].map(() =>
      Bun.spawn([process.execPath, script], { env, stdout: "pipe", stderr: "pipe" }),
    );
    const outputs = await Promise.all(runs.map((run) => new Response(run.stdout).text()));
    const expected = `${join(machine.cacheFolder, "nats-server")}\n`;
    expect(outputs).toEqual([expected, expected, expected]);
    expect(machine.cached()).toHaveLength(1);
  });

  test("uses the pinned version, whose bytes are in go.sum", () => {
    const folder = join(import.meta.dir, "../../native/nats-server");
    const wanted = `github.com/nats-io/nats-server/v2 v${NATS_SERVER_VERSION} `;
    expect(readFileSync(join(folder, "go.mod"), "utf8")).toContain(`\t${wanted}// indirect\n`);
    expect(readFileSync(join(folder, "go.sum"), "utf8")).toContain(`\n${wanted}h1:`);
  });
});

describe("the cache", () => {
  test("with a changed server is emptied and filled anew, and that is said", async () => {
    using machine = aMachine();
    writeFakeGo(machine.bin);
    const { path } = await obtainNatsServer(machine);
    const good = readFileSync(path, "utf8");
    writeFileSync(path, "#", { flag: "a" });
    machine.said.length = 0;
    const again = await obtainNatsServer(machine);
    expect(again.source).toBe("go");
    expect(readFileSync(path, "utf8")).toBe(good);
    expect(machine.said[0]).toStartWith("The cached nats-server is removed and obtained anew: ");
    expect(machine.cached()).toHaveLength(1);
  });

  test("of another user, or open to others, is left alone and not used", async () => {
    using machine = aMachine();
    writeFakeGo(machine.bin);
    mkdirSync(machine.cacheFolder, { recursive: true });
    Bun.spawnSync(["chmod", "777", machine.cacheFolder]);
    expect(await errorOf(obtainNatsServer(machine))).toStartWith("Cannot use the cache: ");
    expect(existsSync(machine.cacheFolder)).toBe(true);
  });

  test("loses what a killed setup left there a day ago, and keeps what another one makes", async () => {
    using machine = aMachine();
    writeFakeGo(machine.bin);
    const parent = dirname(machine.cacheFolder);
    for (const name of [".making-old", ".making-new"]) {
      mkdirSync(join(parent, name), { recursive: true });
    }
    const longAgo = Date.now() / 1_000 - 2 * 86_400;
    utimesSync(join(parent, ".making-old"), longAgo, longAgo);
    await obtainNatsServer(machine);
    expect(machine.cached()).not.toContain(".making-old");
    expect(machine.cached()).toContain(".making-new");
  });
});

test("a given server is used as it is, and one below the floor is refused [G-15]", async () => {
  using machine = aMachine();
  writeFakeGo(machine.bin);
  const path = writeProgram(join(machine.path, "mine"), fakeServer("2.14.3"));
  const env = { ...machine.env, UNIBUS_NATS_SERVER: path };
  expect((await obtainNatsServer({ ...machine, env })).path).toBe(path);
  writeProgram(path, fakeServer("2.14.2"));
  expect(await errorOf(obtainNatsServer({ ...machine, env }))).toContain("is version 2.14.2");
  expect(machine.cached()).toEqual([]);
});

test("where every way fails, one error names each and why, and what to do", async () => {
  using machine = aMachine();
  await using release = serveRelease(() => new Response("gone", { status: 410 }));
  writeProgram(join(machine.bin, "nats-server"), fakeServer("2.9.10"));
  const archive = { baseUrl: release.baseUrl, sha256: "00" };
  const error = await errorOf(obtainNatsServer({ ...machine, archive }));
  expect(error.split("\n").map((line) => line.trim().split(":")[0])).toEqual([
    `Cannot obtain nats-server ${NATS_SERVER_VERSION}`,
    "UNIBUS_NATS_SERVER",
    "cache",
    "go",
    "archive",
    "PATH",
    "Install Go (https",
  ]);
  expect(error).toContain("go: there is no go on PATH");
  expect(error).toContain("answered 410");
  expect(error).toContain("is version 2.9.10, and 2.14.3 is the oldest accepted");
  expect(error).toContain("npm run setup");
});
