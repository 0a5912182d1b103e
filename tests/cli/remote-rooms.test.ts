// Covers what room.ts, room-create.ts, room-own.ts, room-view.ts, user.ts, names.ts and accept.ts do as a
// user of a node elsewhere.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { loggedIn, serveRemote } from "../harness/remote-node.ts";

// Each test runs several commands, and a busy machine starts processes slowly.
setDefaultTimeout(20_000);

describe("a room made from another machine", () => {
  test("is its maker's, who adds others by name and renames it", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    using bob = await loggedIn(node, "bob");
    const made = await ada.machine.cli("room", "create", "ops");
    expect(made.stdout).toMatch(/room show [a-z2-7]{26} --data-dir /);
    expect((await ada.machine.json("room", "list")).document.rooms).toMatchObject([
      { name: "ops", members: 1, createdBy: ada.key.user },
    ]);
    const added = await ada.machine.cli("room", "add", "ops", "bob");
    expect(added.stdout).toBe('"bob" is member of "ops", once the user accepts\n');
    expect((await bob.machine.cli("room", "accept", "ops")).stdout).toBe(
      'You are member of "ops" now\n',
    );
    expect((await ada.machine.json("room", "rename", "ops", "night")).document.name).toBe("night");
    expect((await bob.machine.json("room", "rename", "night", "mine")).document.code).toBe(
      "forbidden",
    );
    const shown = await ada.machine.json("room", "show", "night");
    expect(shown.document.memberList).toHaveLength(2);
    expect((await ada.machine.cli("room", "remove", "night", "bob")).code).toBe(0);
    expect((await bob.machine.cli("room", "list")).stdout).toMatch(
      /^No rooms yet; make one with: .* room create NAME --data-dir \S+\n$/,
    );
  });

  test("is left, or declined, by those who are asked into it, but not by its last owner", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    using bob = await loggedIn(node, "bob");
    await ada.machine.cli("room", "create", "ops");
    await ada.machine.cli("room", "add", "ops", "bob");
    expect((await bob.machine.json("room", "leave", "ops")).document.left).toBe(true);
    expect((await bob.machine.json("room", "leave", "ops")).document.code).toBe("room-not-found");
    expect((await ada.machine.json("room", "leave", "ops")).document.code).toBe("last-owner");
  });

  test("may hold at once whoever lets everybody add it", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    using bob = await loggedIn(node, "bob");
    expect((await bob.machine.cli("accept", "all")).stdout).toContain("at once: all");
    expect((await bob.machine.cli("whoami")).stdout).toContain("accepts  all: everybody");
    await ada.machine.cli("room", "create", "ops");
    expect((await ada.machine.json("room", "add", "ops", "bob")).document.state).toBe("active");
    const wrong = await bob.machine.cli("accept", "some");
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("from-admins, all")]);
  });

  test("is shown with what one types oneself, and to a writer without its members", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    using bob = await loggedIn(node, "bob");
    await bob.machine.cli("accept", "all");
    await ada.machine.cli("room", "create", "ops");
    await ada.machine.cli("room", "add", "ops", "bob", "--role", "writer");
    const mine = (await ada.machine.json("room", "show", "ops")).document;
    expect(mine.as).toMatchObject({ user: ada.key.user, role: "owner" });
    expect(mine.as.commands.speak).toContain(`--nkey ${ada.key.path} `);
    const ofBob = (await ada.machine.json("room", "show", "ops", "--as", "bob")).document;
    expect(ofBob.as).toMatchObject({ user: bob.key.user, role: "writer", subscribe: null });
    const seen = (await bob.machine.json("room", "show", "ops")).document;
    expect(seen).toMatchObject({ memberList: [], moreMembers: true, as: { role: "writer" } });
    expect((await bob.machine.cli("room", "show", "ops")).stdout).toContain("not shown to you");
  });

  test("is encrypted by a record that its owner's key signs", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    const { machine, key } = ada;
    const { document } = await machine.json("room", "create", "board", "--encrypted");
    expect(document).toMatchObject({ content: "encrypted", createdBy: key.user, members: 1 });
    const shown = await machine.cli("room", "show", "board");
    expect(shown.stdout).toContain("encrypted, but nothing is sealed yet");
    expect((await machine.json("room", "add", "board", key.user)).code).toBe(3);
    const more = ["--encrypted", "--newcomers-read", "from-joining"];
    expect((await machine.json("room", "create", "board 2", ...more)).code).toBe(0);
    const stray = await machine.cli("room", "create", "x", "--newcomers-read", "all");
    expect([stray.code, stray.stderr]).toEqual([2, expect.stringContaining("--encrypted")]);
    const file = join(machine.path, "ada.token");
    await machine.cli("token", "create", "--scope", "write", "--out", file);
    await machine.cli("login", node.url, "--ca", node.certificates.ca, "--token-file", file);
    const byToken = await machine.cli("room", "create", "board 3", "--encrypted");
    expect([byToken.code, byToken.stderr]).toEqual([
      2,
      expect.stringContaining("login URL --key FILE"),
    ]);
  });
});

describe("an admin on another machine", () => {
  test("admits, changes and revokes users by name", async () => {
    await using node = await serveRemote();
    using boss = await loggedIn(node, "boss", "admin");
    using ada = await loggedIn(node);
    const { machine } = boss;
    expect((await machine.cli("user", "update", "ada", "--name", "Ada L")).stdout).toBe(
      `"Ada L" (${ada.key.user}) is member of this bus\n`,
    );
    expect((await machine.json("user", "update", "Ada L", "--role", "admin")).document.role).toBe(
      "admin",
    );
    expect((await machine.cli("user", "update", "Ada L")).code).toBe(2);
    expect((await machine.json("user", "revoke", "Ada L")).document.state).toBe("revoked");
    expect((await ada.machine.json("whoami")).document.code).toBe("identity-revoked");
    expect((await machine.json("user", "revoke", "boss")).document.code).toBe("last-admin");
    expect((await machine.json("user", "restore", "Ada L")).document.state).toBe("active");
  });

  test("is one by the node's word, not by the command line's", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    using bob = await loggedIn(node, "bob");
    for (const words of [
      ["user", "list"],
      ["user", "show", "bob"],
      ["user", "revoke", "bob"],
      ["user", "update", "bob", "--role", "admin"],
      ["user", "replace-key", "bob", ada.key.path],
      ["refusals"],
    ]) {
      const { code, document } = await ada.machine.json(...words);
      expect([words, code, document.code]).toEqual([words, 3, "forbidden"]);
    }
    expect((await bob.machine.json("whoami")).code).toBe(0);
    expect((await ada.machine.json("room", "add", "x", "nobody")).document.code).toBe(
      "room-not-found",
    );
  });
});

test("a key is replaced by its owner, who logs in with the new one", async () => {
  await using node = await serveRemote();
  using ada = await loggedIn(node);
  const { machine, key } = ada;
  await machine.cli("room", "create", "ops");
  const next = machine.key("next.nk");
  const replaced = await machine.cli("user", "replace-key", key.user, next.path);
  expect(replaced.stdout).toContain(`login ${node.url} --key FILE`);
  expect((await machine.json("whoami")).document.code).toBe("identity-revoked");
  const words = ["--ca", node.certificates.ca, "--key", next.path];
  expect((await machine.cli("login", node.url, ...words)).code).toBe(0);
  expect((await machine.json("whoami")).document).toMatchObject({
    user: { user: next.user, name: "ada" },
    rooms: [{ name: "ops", role: "owner" }],
  });
});
