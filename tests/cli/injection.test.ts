// Covers src/cli/output.ts and src/cli/invocation.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { shellQuoted, shellWord } from "../../src/cli/invocation.ts";
import { openTerminal } from "../harness/terminal.ts";
import { cleanEnvironment, run, temporaryFolder } from "../harness/unibus.ts";

// A window's title, red ink in two spellings, a turned text, invisible characters, a line of its own.
const HOSTILE =
  "'; touch pwned; '$(touch pwned)\u001b]0;owned\u0007\u001b[31m\u009b31m\u202eb\u2066c\u200bd\u{e0041}e\r\nunibus: all is well\u2028";
const OBEYED = /[\p{C}\p{Zl}\p{Zp}]/u;

/** Says which lines hold something that a terminal would obey, or that turns a text around. */
function obeyedIn(text: string): readonly string[] {
  return text.split("\n").filter((line) => OBEYED.test(line));
}

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

describe("a node that answers with what a terminal would obey", () => {
  const dataDir = join(folder.path, "fake");
  const user = {
    ...{ user: HOSTILE, name: HOSTILE, role: HOSTILE, state: HOSTILE, accept: HOSTILE },
    ...{ createdAt: HOSTILE, changedAt: HOSTILE, rooms: [] },
  };
  const room = {
    ...{ room: "a".repeat(26), name: HOSTILE, content: "plain", history: HOSTILE, members: 1 },
    ...{ historyKept: true, subject: HOSTILE, createdBy: HOSTILE, createdAt: HOSTILE },
  };
  const member = { ...room, user: HOSTILE, role: "member", state: "active", addedAt: HOSTILE };
  const answers: Readonly<Record<string, object>> = {
    "/v1/users": { users: [user], next: null },
    [`/v1/users/${encodeURIComponent(HOSTILE)}`]: { ...user, rooms: [{ ...room, ...member }] },
    "/v1/rooms": { rooms: [room], next: null },
    [`/v1/rooms/${room.room}`]: room,
    [`/v1/rooms/${room.room}/members`]: { members: [member], next: null },
    "/v1/bus": { clientUrls: [HOSTILE], nodes: [{ clientUrls: [HOSTILE] }], tls: false },
    "/v1/refusals": { counts: { [HOSTILE]: 1 }, last: [{ ...user, at: HOSTILE, kind: HOSTILE }] },
  };
  let server: Bun.Server<undefined>;
  beforeAll(() => {
    mkdirSync(dataDir, { mode: 0o700 });
    server = Bun.serve({
      unix: join(dataDir, "unibus.sock"),
      fetch(request) {
        const answer = answers[new URL(request.url).pathname];
        if (answer) return Response.json(answer);
        const problem = { code: "user-not-found", detail: `Cannot ${HOSTILE}` };
        return Response.json(problem, { status: 404 });
      },
    });
  });
  afterAll(() => server.stop(true));

  test.each([
    ["user list", 0],
    ["user show x", 0],
    ["room list", 0],
    ["room show x --as x", 0],
    ["refusals", 0],
    ["user revoke x", 3],
  ] as const)("gets none of it through: %s", async (words, code) => {
    const args = [...words.split(" "), "--data-dir", dataDir];
    const [lines, document] = await Promise.all([run(args), run([...args, "--json"])]);
    expect([lines.code, document.code]).toEqual([code, code]);
    const shown = lines.stdout + lines.stderr + document.stdout + document.stderr;
    expect(obeyedIn(shown)).toEqual([]);
    expect(lines.stdout + lines.stderr).toContain("[31m");
    // A program still reads every character that the node said.
    expect(JSON.stringify(JSON.parse(document.stdout || document.stderr))).toContain(
      JSON.stringify(HOSTILE).slice(1, -1),
    );
  });

  test("cannot put a command into the line that is pasted", async () => {
    const home = homeWithNats("fooled");
    const args = ["room", "show", "x", "--as", "x", "--data-dir", dataDir, "--json"];
    const { stdout } = await run(args, { cwd: home });
    const { as, subject } = JSON.parse(stdout);
    await using terminal = openTerminal({ cwd: home, env: environmentOf(home) });
    expect(await terminal.type(as.commands.speak)).toBe(0);
    expect(wordsSaid(home)).toEqual([
      ...["--server", HOSTILE, "--nkey", "KEY-FILE", "--inbox-prefix", as.inboxPrefix],
      ...["pub", `${subject}.${HOSTILE}.msg`, "hello"],
    ]);
    expect(readdirSync(home)).not.toContain("pwned");
  });
});

/** A folder with a `nats` that writes down how it was called. */
function homeWithNats(name: string): string {
  const home = join(folder.path, name);
  mkdirSync(join(home, "bin"), { recursive: true });
  const program = '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done > said\n';
  writeFileSync(join(home, "bin/nats"), program, { mode: 0o755 });
  return home;
}

function environmentOf(home: string): Record<string, string> {
  return cleanEnvironment({ PATH: `${join(home, "bin")}${delimiter}${process.env.PATH}` });
}

function wordsSaid(home: string): readonly string[] {
  return readFileSync(join(home, "said"), "utf8").split("\0").slice(0, -1);
}

test.each([
  ["a user's name", ["user", "show", HOSTILE]],
  ["a room's name", ["room", "show", HOSTILE]],
  ["a user's name that is to be new", ["user", "seed", "UAAA", "--name", HOSTILE]],
  ["a key file that is not there", ["key", "show", HOSTILE]],
  ["a key file that cannot be made", ["key", "new", join("none", HOSTILE)]],
  ["a folder", ["user", "list", "--data-dir", `${folder.path}/\u202e\u200b`]],
  ["a folder with a line break", ["user", "list", "--data-dir", `${folder.path}/\n`]],
  ["a command", [HOSTILE]],
  ["an option", ["user", "list", `--${HOSTILE}`]],
  ["a host for a certificate", ["cert", "dev", "--dir", folder.path, "--name", HOSTILE]],
])("what somebody typed is shown without what a terminal would obey: %s", async (_what, args) => {
  for (const more of [[], ["--json"]]) {
    const ran = await run([...args, ...more], { cwd: folder.path });
    expect(ran.code).toBeGreaterThan(0);
    expect(obeyedIn(ran.stdout + ran.stderr)).toEqual([]);
    expect(ran.stderr.split("\n").filter((line) => line.startsWith("unibus: all"))).toEqual([]);
    if (more.length > 0 && ran.stderr.startsWith("{")) JSON.parse(ran.stderr);
  }
});

test("a key file with an odd name is made, and its line stays one line", async () => {
  const { code, stdout } = await run(["key", "new", HOSTILE.replaceAll("\u001b", "")], {
    cwd: folder.path,
  });
  expect([code, stdout.split("\n").length]).toEqual([0, 3]);
  expect(obeyedIn(stdout)).toEqual([]);
});

describe("a line to be pasted into a shell", () => {
  // Every word is allowed as a name of a user, and as one of a room.
  const names = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "x; touch pwned #",
    "a & touch pwned &",
    "~root",
    "=ls",
    "--tlscert=x",
    "é 漢 ❤️",
    "\\'; touch pwned",
    "!!",
  ];

  test("does what it shows and nothing else, whatever user and key file are called", async () => {
    const home = homeWithNats("paste");
    const unibus = async (command: string, ...args: readonly string[]) => {
      const ran = await run([...command.split(" "), "--json", ...args], { cwd: home });
      expect([args, ran.code, ran.stderr]).toEqual([args, 0, ""]);
      return JSON.parse(ran.stdout);
    };
    await using terminal = openTerminal({ cwd: home, env: environmentOf(home) });
    for (const [at, name] of names.entries()) {
      // The file under which the name's key is looked for.
      const { publicKey } = await unibus("key new", "--", `${name}.nk`);
      await unibus(at === 0 ? "user seed" : "user add", publicKey, `--name=${name}`);
      const { room, subject } = await unibus("room create", `--owner=${name}`, "--", name);
      const { as } = await unibus("room show", room, `--as=${name}`);
      expect(await terminal.type(as.commands.listen)).toBe(0);
      // SERVER-URL stands where the address of a running node would.
      expect(wordsSaid(home)).toEqual([
        ...["--server", "SERVER-URL", "--nkey", `${name}.nk`],
        ...["--inbox-prefix", `_INBOX.${publicKey}.${room}`, "sub", `${subject}.>`],
      ]);
    }
    expect(readdirSync(home)).not.toContain("pwned");
  }, 30_000);

  test("is one word for each word, in every form of quoting", async () => {
    await using terminal = openTerminal({ cwd: folder.path, env: cleanEnvironment() });
    const words = [
      ...names,
      "",
      " ",
      "a\nb",
      "*",
      "{a,b}",
      "[a]",
      "-n",
      "\t",
      "a'b'c",
      "$HOME",
      "^",
    ];
    for (const word of words) {
      const line = `printf '%s|' ${shellWord(word)} ${shellQuoted(word)} > words`;
      expect(await terminal.type(line)).toBe(0);
      expect(readFileSync(join(folder.path, "words"), "utf8")).toBe(`${word}|${word}|`);
    }
    expect(existsSync(join(folder.path, "pwned"))).toBe(false);
  });
});

test("an argument that is not UTF-8 is refused: it would mean another file", async () => {
  const typed = 'exec "$@" "$(printf "\\377")"';
  const { unibusCommand } = await import("../harness/command.ts");
  for (const words of [
    ["user", "seed", "UAAA", "--data-dir"],
    ["key", "new"],
  ]) {
    const child = Bun.spawn(["sh", "-c", typed, "sh", ...unibusCommand(), ...words], {
      cwd: folder.path,
      env: cleanEnvironment(),
      stderr: "pipe",
    });
    expect(await new Response(child.stderr).text()).toContain("not UTF-8");
    expect(await child.exited).toBe(2);
  }
});
