// Covers src/cli/root.ts, src/cli/version.ts, src/cli/cert.ts and src/cli/invocation.ts.
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { VERSION } from "../../src/core/version.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

describe("wrong usage", () => {
  test.each([
    ["a command that is none, with the one that is near", ["user", "lst"], "list"],
    ["a group that is none, with the one that is near", ["rom", "list"], "room"],
    ["an option of another command", ["user", "--bind", "x"], "--bind"],
    ["an option that is none", ["user", "list", "--bind", "x"], "--bind"],
    ["an option that is near to one", ["user", "list", "--data-dri", "x"], "--data-dir"],
    ["a missing word", ["user", "show"], "USER"],
    ["a word too many", ["user", "list", "x"], "takes"],
    ["no command of a group", ["room"], "no command"],
    ["a missing value", ["user", "list", "--data-dir"], "--data-dir"],
    ["a value that is none of few", ["room", "create", "x", "--history", "ever"], "keep, off"],
    ["a role that is none", ["room", "add", "x", "y", "--role", "king"], "owner, member"],
    ["neither key nor key file", ["user", "seed"], "--key FILE"],
    ["both key and key file", ["user", "seed", "U", "--key", "f"], "--key FILE"],
    ["a login to nowhere", ["login"], "URL is missing"],
    ["a login as nobody", ["login", "https://bus.example.org"], "--key FILE or --token-file"],
    ["a join without an invite", ["join", "https://x.org", "--key", "a.nk"], "--invite-file"],
    ["a scope that is none", ["token", "create", "--scope", "all"], "read, write, admin"],
    ["a life that is none", ["invite", "create", "--life", "soon"], "like 90s, 30m, 1h or 7d"],
    ["a change of nothing", ["user", "update", "alice"], "--name nor --role"],
    ["an answer to nobody", ["accept", "some"], "from-admins, all, none"],
  ])(
    "exits with 2 and one line that helps, and makes nothing: %s [M-010]",
    async (_what, args, words) => {
      using folder = temporaryFolder();
      const { code, stdout, stderr } = await run(args, { cwd: folder.path });
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toStartWith("unibus: Cannot ");
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
      expect(stderr).toContain(words);
      expect(readdirSync(folder.path)).toEqual([]);
    },
  );

  test("is a document with --json", async () => {
    const { code, stdout, stderr } = await run(["user", "show", "--json"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(JSON.parse(stderr)).toMatchObject({ code: "usage", status: 400 });
  });
});

describe("help", () => {
  test("without arguments tells where to start, and how to go on", async () => {
    for (const args of [[], ["help"], ["--help"], ["-h"]]) {
      const { code, stdout, stderr } = await run(args);
      expect([code, stderr]).toEqual([0, ""]);
      for (const words of ["up", "key new", "user add", "room create", "user revoke", "--json"]) {
        expect(stdout).toContain(words);
      }
    }
  });

  test("is there for each command, and changes nothing", async () => {
    using folder = temporaryFolder();
    const commands = [
      ...["seed", "add", "list", "show", "update", "replace-key", "revoke", "restore"].map(
        (verb) => ["user", verb],
      ),
      ...["create", "list", "show", "rename", "add", "remove", "accept", "leave", "delete"].map(
        (verb) => ["room", verb],
      ),
      ...["create", "list", "revoke"].flatMap((verb) => [
        ["token", verb],
        ["invite", verb],
      ]),
      ...[["login"], ["logout"], ["join"], ["whoami"], ["accept"]],
      ...["new", "show"].map((verb) => ["key", verb]),
      ...[["cert", "dev"], ["refusals"], ["version"], ["serve"], ["up"]],
    ];
    const ran = await Promise.all(
      commands.map((words) => run([...words, "--help"], { cwd: folder.path })),
    );
    expect(ran.map(({ code }) => code)).toEqual(commands.map(() => 0));
    for (const [at, { stdout }] of ran.entries()) {
      expect(stdout).toContain(`Usage: unibus ${commands[at]?.join(" ")}`);
    }
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

test("the version is printed for people and for programs", async () => {
  expect((await run(["version"])).stdout).toStartWith(`unibus ${VERSION} `);
  expect((await run(["--version"])).stdout).toStartWith(`unibus ${VERSION} `);
  const { stdout } = await run(["version", "--json"]);
  expect(JSON.parse(stdout)).toEqual({ unibus: VERSION, bun: Bun.version });
});

test("a reader that goes away early is no error", async () => {
  const child = Bun.spawn(
    [
      "sh",
      "-c",
      'exec 3>&1; "$@" | head -n 1 >&3',
      "sh",
      ...(await import("../harness/command.ts")).unibusCommand(),
      "help",
    ],
    {
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  expect(await new Response(child.stderr).text()).toBe("");
  expect(await new Response(child.stdout).text()).toStartWith("unibus: ");
});
