// Covers src/cli/invite.ts and join.ts.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aMachine, type Machine } from "../harness/another-machine.ts";
import { unibusCommand } from "../harness/command.ts";
import { loggedIn, type RemoteNode, serveRemote } from "../harness/remote-node.ts";
import { cleanEnvironment } from "../harness/unibus.ts";

// Each test runs several commands, and a busy machine starts processes slowly.
setDefaultTimeout(20_000);

const at = (node: RemoteNode) => [node.url, "--ca", node.certificates.ca] as const;

/** An invite in a file of a machine, as somebody was handed it. */
function handOver(machine: Machine, text: string): string {
  const path = join(machine.path, "invite");
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
  return path;
}

describe("an invite", () => {
  test("lets one newcomer in, with a new key and the rooms that it names", async () => {
    await using node = await serveRemote();
    using boss = await loggedIn(node, "boss", "admin");
    const { room } = (await boss.machine.json("room", "create", "ops: night")).document;
    await boss.machine.cli("room", "create", "news");
    const rooms = ["--room", "ops: night:reader", "--room", "news"];
    const made = await boss.machine.cli("invite", "create", ...rooms, "--label", "for bob");
    expect([made.code, made.stdout]).toEqual([
      0,
      expect.stringMatching(/^ubi_[a-z2-7]{26}_[\w-]{43}\n$/),
    ]);
    expect(made.stderr).toContain(
      `unibus join ${node.url} --invite-file FILE --key NEW-KEY-FILE --ca CA-FILE`,
    );
    using machine = aMachine();
    const key = join(machine.path, "bob.nk");
    const file = handOver(machine, made.stdout.trim());
    const words = ["--invite-file", file, "--key", key, "--name", "bob"];
    const joined = await machine.cli("join", ...at(node), ...words);
    expect([joined.stderr, joined.code]).toEqual(["", 0]);
    expect(joined.stdout).toContain(`Your key was made: ${key}`);
    expect(joined.stdout).toContain(`Logged in to ${node.url} as "bob" (U`);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const { document } = await machine.json("whoami");
    const byName = document.rooms.toSorted((a: { name: string }, b: { name: string }) =>
      a.name.localeCompare(b.name),
    );
    expect(byName).toMatchObject([
      { name: "news", role: "member", state: "active" },
      { room, name: "ops: night", role: "reader", state: "active" },
    ]);
    const list = await boss.machine.cli("invite", "list");
    expect(list.stdout).toContain(document.user.user);
    expect(list.stdout).toContain("for bob");
  });

  test("is used once; its own user may repeat what was cut off", async () => {
    await using node = await serveRemote();
    using boss = await loggedIn(node, "boss", "admin");
    const text = (await boss.machine.json("invite", "create")).document.secret;
    using machine = aMachine();
    const words = ["--invite-file", handOver(machine, text), "--key", join(machine.path, "a.nk")];
    expect((await machine.json("join", ...at(node), ...words)).document.keyMade).toBe(true);
    const again = await machine.json("join", ...at(node), ...words);
    expect([again.code, again.document.keyMade]).toEqual([0, false]);
    using thief = aMachine();
    const stolen = ["--invite-file", handOver(thief, text), "--key", join(thief.path, "b.nk")];
    const refused = await thief.json("join", ...at(node), ...stolen);
    expect([refused.code, refused.document.code]).toEqual([3, "invite-redeemed"]);
    expect(existsSync(join(thief.dataDir, "profile.json"))).toBe(false);
    // A key is never thrown away.
    expect(existsSync(join(thief.path, "b.nk"))).toBe(true);
  });

  test("is read from the standard input too, so that it stands in no file and no argument", async () => {
    await using node = await serveRemote();
    using boss = await loggedIn(node, "boss", "admin");
    const text = (await boss.machine.json("invite", "create")).document.secret;
    using machine = aMachine();
    const key = machine.key();
    const words = ["--invite-file", "-", "--key", key.path, "--data-dir", machine.dataDir];
    const child = Bun.spawn([...unibusCommand(), "join", ...at(node), ...words], {
      cwd: machine.path,
      env: cleanEnvironment(),
      stdin: new Blob([text]),
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await new Response(child.stdout).text()).toContain(`as ${key.user}, member`);
    expect(await child.exited).toBe(0);
  });

  test("that is revoked, or whose secret was changed, lets nobody in", async () => {
    await using node = await serveRemote();
    using boss = await loggedIn(node, "boss", "admin");
    const [first, second] = [
      (await boss.machine.json("invite", "create")).document,
      (await boss.machine.json("invite", "create", "--life", "1h")).document,
    ];
    expect((await boss.machine.json("invite", "revoke", first.invite)).document.revoked).toBe(true);
    using machine = aMachine();
    const key = machine.key();
    const joining = (text: string) => machine.json("join", ...at(node), text, "--key", key.path);
    expect((await joining(first.secret)).document.code).toBe("invite-not-found");
    const other = second.secret.slice(0, -43) + first.secret.slice(-43);
    expect((await joining(other)).document.code).toBe("proof-wrong");
    expect((await joining(second.secret)).code).toBe(0);
  });

  test("goes to a file on demand", async () => {
    await using node = await serveRemote();
    using boss = await loggedIn(node, "boss", "admin");
    const file = join(boss.machine.path, "for-bob");
    const { document } = await boss.machine.json("invite", "create", "--out", file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toStartWith(`ubi_${document.invite}_`);
    expect(JSON.stringify(document)).not.toContain(readFileSync(file, "utf8").trim());
  });

  test("is made by admins and the operator alone", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    expect((await ada.machine.json("invite", "create")).document.code).toBe("forbidden");
    expect((await ada.machine.json("invite", "list")).document.code).toBe("forbidden");
  });
});

describe("a join is refused, before anything is asked or made,", () => {
  const invite = `ubi_${"a".repeat(26)}_${"x".repeat(43)}`;

  test.each([
    ["without an invite", [], "INVITE or --invite-file"],
    ["with two", [invite, "--invite-file", "invite"], "INVITE or --invite-file"],
    ["with what is no invite", ["ubt_x"], "the invite is none"],
    ["with what is no invite in the file", ["--invite-file", "nothing"], "the invite is none"],
    ["with a file that others can read", ["--invite-file", "open"], "chmod 600"],
    ["with a file that is not there", ["--invite-file", "missing"], "does not exist"],
    ["with a URL that is none", [invite], "as the URL"],
  ])("%s", async (what, args, words) => {
    using machine = aMachine();
    handOver(machine, invite);
    writeFileSync(join(machine.path, "nothing"), "", { mode: 0o600 });
    writeFileSync(join(machine.path, "open"), invite, { mode: 0o644 });
    const url = what.includes("URL") ? "bus.example.org" : "https://localhost:1";
    const { code, stderr } = await machine.cli("join", url, ...args, "--key", "new.nk");
    expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining(words)]);
    expect(code).toBeGreaterThan(1);
    expect(stderr).not.toContain("x".repeat(43));
    expect(existsSync(join(machine.path, "new.nk"))).toBe(false);
  });

  test("with a key that others can read, or none", async () => {
    using machine = aMachine();
    const key = machine.key();
    chmodSync(key.path, 0o644);
    const open = await machine.cli("join", "https://localhost:1", invite, "--key", key.path);
    expect([open.code, open.stderr]).toEqual([3, expect.stringContaining("chmod 600")]);
    const none = await machine.cli("join", "https://localhost:1", invite);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("--key FILE")]);
  });

  test("by a node that is not there: no key is made", async () => {
    using machine = aMachine();
    const { code } = await machine.cli("join", "https://localhost:1", invite, "--key", "new.nk");
    expect([code, existsSync(join(machine.path, "new.nk"))]).toEqual([4, false]);
  });
});
