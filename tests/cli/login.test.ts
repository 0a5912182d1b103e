// Covers src/cli/login.ts, logout.ts, login-target.ts, credential.ts, profile.ts and whoami.ts.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aMachine, type KeyFile, type Machine } from "../harness/another-machine.ts";
import { loggedIn, type RemoteNode, serveRemote } from "../harness/remote-node.ts";

// Each test runs several commands, and a busy machine starts processes slowly.
setDefaultTimeout(20_000);

function login(machine: Machine, node: RemoteNode, ...more: string[]) {
  return machine.cli("login", node.url, "--ca", node.certificates.ca, ...more);
}

const profileOf = ({ dataDir }: Machine) => join(dataDir, "profile.json");

describe("a login", () => {
  test("says who one is, and writes a profile that others cannot read and that holds no secret", async () => {
    await using node = await serveRemote();
    using machine = aMachine();
    const key = machine.key();
    await node.admit(key, { name: "ada" });
    const ran = await login(machine, node, "--key", key.path);
    expect([ran.stderr, ran.code]).toEqual(["", 0]);
    expect(ran.stdout).toStartWith(`Logged in to ${node.url} as "ada" (${key.user}), member.\n`);
    expect(statSync(machine.dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(profileOf(machine)).mode & 0o777).toBe(0o600);
    const text = readFileSync(profileOf(machine), "utf8");
    expect(text).not.toContain(key.seed);
    expect(JSON.parse(text)).toEqual({
      version: 1,
      url: node.url,
      bus: expect.stringMatching(/^[0-9a-f]{32}$/),
      user: key.user,
      ca: readFileSync(node.certificates.ca, "utf8"),
      caFile: node.certificates.ca,
      credential: { kind: "key", file: key.path },
    });
  });

  test("keeps of the authority's file the certificates alone", async () => {
    await using node = await serveRemote();
    using machine = aMachine();
    const key = machine.key();
    await node.admit(key);
    const both = join(machine.path, "both.pem");
    const { ca, key: secret } = node.certificates;
    writeFileSync(both, readFileSync(secret, "utf8") + readFileSync(ca, "utf8"));
    const { code } = await machine.cli("login", node.url, "--ca", both, "--key", key.path);
    expect([code, readFileSync(profileOf(machine), "utf8").includes("PRIVATE")]).toEqual([
      0,
      false,
    ]);
  });

  test("takes the place of an earlier one, be that damaged or to another node", async () => {
    await using node = await serveRemote();
    await using other = await serveRemote();
    using one = await loggedIn(node);
    await other.admit(one.key, { name: "eve" });
    const again = await login(one.machine, other, "--key", one.key.path);
    expect(again.stdout).toContain(`The profile of ${node.url} is replaced.`);
    writeFileSync(profileOf(one.machine), "{");
    const damaged = await one.machine.json("whoami");
    expect([damaged.code, damaged.document.code]).toEqual([3, "file-unusable"]);
    expect((await login(one.machine, node, "--key", one.key.path)).code).toBe(0);
  });

  test("with a token acts as the token can, and names its scope", async () => {
    await using node = await serveRemote();
    using one = await loggedIn(node);
    const { machine } = one;
    const file = join(machine.path, "ada.token");
    await machine.cli("token", "create", "--scope", "read", "--out", file);
    expect((await login(machine, node, "--token-file", file)).code).toBe(0);
    const { document } = await machine.json("whoami");
    expect(document).toMatchObject({ user: { user: one.key.user }, scope: "read", file });
    const { code, stderr } = await machine.cli("room", "create", "x");
    expect([code, stderr.includes("token")]).toEqual([3, true]);
    expect(readFileSync(profileOf(machine), "utf8")).not.toContain("ubt_");
  });
});

describe("a login is refused, and no profile is written,", () => {
  test.each([
    ["without key or token", [], 2, "--key FILE or --token-file FILE"],
    ["with both", ["--key", "a", "--token-file", "b"], 2, "--key FILE or --token-file FILE"],
    ["with a key file that is not there", ["--key", "missing.nk"], 3, "does not exist"],
    ["with a token file that holds none", ["--token-file", "empty"], 3, "holds no token"],
    ["with an authority that is not there", ["--key", "me.nk", "--ca", "no.crt"], 3, "not exist"],
    ["with an authority that is none", ["--key", "me.nk", "--ca", "empty"], 3, "no certificate"],
    ["with a damaged authority", ["--key", "me.nk", "--ca", "bad.crt"], 3, "cannot be read"],
  ])("%s", async (_what, args, exit, words) => {
    using machine = aMachine();
    machine.key();
    writeFileSync(join(machine.path, "empty"), "", { mode: 0o600 });
    const damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    writeFileSync(join(machine.path, "bad.crt"), damaged);
    const { code, stderr, stdout } = await machine.cli("login", "https://localhost:1", ...args);
    expect([code, stdout]).toEqual([exit, ""]);
    expect(stderr).toContain(words);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(existsSync(machine.dataDir)).toBe(false);
  });

  test("with a key that others can read", async () => {
    await using node = await serveRemote();
    using machine = aMachine();
    const key = machine.key();
    await node.admit(key);
    chmodSync(key.path, 0o644);
    const { code, stderr } = await login(machine, node, "--key", key.path);
    expect([code, stderr]).toEqual([3, expect.stringContaining("chmod 600")]);
    expect(stderr).not.toContain(key.seed);
    expect(existsSync(machine.dataDir)).toBe(false);
    expect(node.asked()).toEqual([]);
  });

  test("by a node that does not know the key, or has revoked it, in every mode", async () => {
    for (const mode of ["enforce", "soft", "off"] as const) {
      await using node = await serveRemote({ parts: { mode } });
      using machine = aMachine();
      const key = machine.key();
      const unknown = await login(machine, node, "--key", key.path);
      expect([mode, unknown.code, unknown.stderr]).toEqual([
        mode,
        3,
        expect.stringContaining("unibus user add"),
      ]);
      await node.admit(key);
      await node.api.bus.must({ kind: "user.revoke", user: key.user });
      const revoked = await login(machine, node, "--key", key.path);
      expect([mode, revoked.code, revoked.stderr]).toEqual([
        mode,
        3,
        expect.stringContaining("unibus user restore"),
      ]);
      expect(existsSync(machine.dataDir)).toBe(false);
    }
  });

  test("in the folder of a node, and a node does not start in the folder of a login", async () => {
    await using node = await serveRemote();
    using one = await loggedIn(node);
    using machine = aMachine();
    const key = machine.key();
    await machine.cli("user", "seed", key.user);
    const refused = await login(machine, node, "--key", key.path, "--json");
    expect([refused.code, JSON.parse(refused.stderr).code]).toEqual([3, "file-exists"]);
    for (const command of ["up", "serve"]) {
      const { code, stderr } = await one.machine.cli(command);
      expect([command, code, stderr]).toEqual([command, 3, expect.stringContaining("logout")]);
    }
  });
});

describe("whoever is logged in", () => {
  test("is told so by whoami, with the rooms that wait", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    using bob = await loggedIn(node, "bob");
    expect((await ada.machine.cli("whoami")).stdout).toContain("You are in no room yet.");
    const { document } = await bob.machine.json("room", "create", "ops");
    await bob.machine.cli("room", "add", "ops", "ada", "--role", "reader");
    const { stdout } = await ada.machine.cli("whoami");
    for (const words of [
      `you      "ada" (${ada.key.user})\n`,
      `by       the key in ${ada.key.path}\n`,
      `node     ${node.url} (bus `,
      `${document.room}  reader  pending  ops\n`,
      "asked into one room",
    ]) {
      expect(stdout).toContain(words);
    }
    expect((await ada.machine.json("whoami")).document).toMatchObject({
      kind: "user",
      user: { user: ada.key.user, name: "ada" },
      rooms: [{ name: "ops", state: "pending" }],
      node: { url: node.url, running: true },
      file: ada.key.path,
    });
  });

  test("is nobody there any more after a logout, and keeps the key", async () => {
    await using node = await serveRemote();
    using one = await loggedIn(node);
    const { machine, key } = one;
    expect((await machine.json("logout")).document).toEqual({ url: node.url, loggedOut: true });
    const after = await machine.json("whoami");
    expect([after.code, after.document.code]).toEqual([4, "node-not-found"]);
    const again = await machine.json("logout");
    expect([again.code, again.document.code]).toEqual([4, "node-not-found"]);
    expect(existsSync(key.path)).toBe(true);
  });

  test.each([
    [
      "is not taken for another key that lies in the file by now",
      (machine: Machine) => machine.key(),
      "holds another key",
    ],
    [
      "needs the key file to stay its own",
      (_machine: Machine, key: KeyFile) => chmodSync(key.path, 0o640),
      "chmod 600",
    ],
    [
      "needs the key file to stay where it is",
      (_machine: Machine, key: KeyFile) => rmSync(key.path),
      "does not exist",
    ],
    [
      "needs the profile to stay its own",
      (machine: Machine) => chmodSync(profileOf(machine), 0o644),
      "chmod 600",
    ],
  ])("%s", async (_what, change, words) => {
    await using node = await serveRemote();
    using one = await loggedIn(node);
    await change(one.machine, one.key);
    const asked = node.asked().length;
    const { code, document } = await one.machine.json("whoami");
    expect([code, document.code]).toEqual([3, "file-unusable"]);
    expect(document.detail).toContain(words);
    expect(node.asked()).toHaveLength(asked);
  });
});

test("at the node itself one is its operator", async () => {
  using machine = aMachine();
  await machine.cli("user", "seed", machine.key().user);
  const { stdout } = await machine.cli("whoami");
  expect(stdout).toContain("the local operator");
  expect(stdout).toContain(`the stopped node of ${machine.dataDir}`);
  expect((await machine.json("whoami")).document).toMatchObject({ kind: "operator", user: null });
});
