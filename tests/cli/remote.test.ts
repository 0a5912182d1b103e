// Covers src/cli/remote.ts, remote-fetch.ts, advice.ts and src/config/proxy.ts.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readNodeUrl } from "../../src/cli/remote-fetch.ts";
import { aMachine, type Machine } from "../harness/another-machine.ts";
import { writeCertificates } from "../harness/certificates.ts";
import { loggedIn, type RemoteNode, serveRemote } from "../harness/remote-node.ts";
import { temporaryFolder } from "../harness/unibus.ts";

// Each test runs several commands, and a busy machine starts processes slowly.
setDefaultTimeout(20_000);

const DAY_MS = 24 * 3_600_000;

/** A machine whose key is admitted, and how it logs in. */
async function machineOf(node: RemoteNode, env: Readonly<Record<string, string>> = {}) {
  const machine = aMachine(env);
  const key = machine.key();
  await node.admit(key, { name: "ada" });
  const login = (url = node.url, ca = node.certificates.ca) =>
    machine.cli("login", url, "--ca", ca, "--key", key.path);
  return { machine, key, login, [Symbol.dispose]: () => machine[Symbol.dispose]() };
}

/** Says that a login failed as it should: one line, no word of a library, nothing left. */
function expectRefused(
  machine: Machine,
  ran: { readonly code: number; readonly stdout: string; readonly stderr: string },
  told: { readonly exit: number; readonly words: string },
): void {
  expect([ran.stderr, ran.code, ran.stdout]).toEqual([
    expect.stringContaining(told.words),
    told.exit,
    "",
  ]);
  expect(ran.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(ran.stderr).not.toMatch(/[A-Z]{3,}_[A-Z]|verbose: true|\n {4}at /);
  expect(existsSync(join(machine.dataDir, "profile.json"))).toBe(false);
}

describe("the URL of a node", () => {
  test.each([
    ["https://bus.example.org", "https://bus.example.org"],
    ["https://BUS.example.org:443/", "https://bus.example.org"],
    ["https://10.0.0.2:8470", "https://10.0.0.2:8470"],
    ["http://localhost:8470", "http://localhost:8470"],
    ["http://127.0.0.1:8470", "http://127.0.0.1:8470"],
    ["http://[::1]:8470/", "http://[::1]:8470"],
  ])("%s is %s", (text, url) => expect(readNodeUrl(text)).toBe(url));

  test.each([
    ["bus.example.org:8470"],
    ["nats://bus.example.org:4222"],
    ["https://bus.example.org/v1"],
    ["https://bus.example.org/?a=1"],
    ["https://bus.example.org/#a"],
    ["https://ada:secret@bus.example.org"],
    ["https://"],
    [""],
  ])("%p is none", (text) => {
    expect(() => readNodeUrl(text)).toThrow("as the URL of a node");
    expect(() => readNodeUrl(text)).not.toThrow("secret");
  });

  test.each([
    ["http://bus.example.org"],
    ["http://10.0.0.2:8470"],
    ["http://localhost.example.org"],
    ["http://127.0.0.1.example.org"],
    ["http://0.0.0.0:8470"],
    ["http://[::ffff:10.0.0.2]:8470"],
  ])("%s would be in the clear to another machine", (text) =>
    expect(() => readNodeUrl(text)).toThrow("without TLS"),
  );
});

describe("a login is refused, and says what to do,", () => {
  test("when the authority is another one, whatever the environment would allow", async () => {
    await using node = await serveRemote();
    using folder = temporaryFolder();
    const other = await writeCertificates(join(folder.path, "other"));
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_EXTRA_CA_CERTS: node.certificates.ca };
    using one = await machineOf(node, env);
    const wrong = await one.login(node.url, other.ca);
    // Bun itself says on stderr what it thinks of the variable.
    const { stderr } = wrong;
    const ours = stderr.split("\n").filter((line) => line.startsWith("unibus:"));
    expect([wrong.code, ours]).toEqual([
      3,
      [expect.stringContaining("not signed by the authority given with --ca")],
    ]);
    expect(node.asked()).toEqual([]);
  });

  test("when no authority is given that this machine trusts", async () => {
    await using node = await serveRemote();
    using one = await machineOf(node);
    const ran = await one.machine.cli("login", node.url, "--key", one.key.path);
    expectRefused(one.machine, ran, { exit: 3, words: "--ca FILE" });
    expect(node.asked()).toEqual([]);
  });

  test.each([
    ["has expired", { from: -3 * DAY_MS, to: -2 * DAY_MS }, "has expired"],
    ["is not valid yet", { from: 2 * DAY_MS, to: 3 * DAY_MS }, "clock"],
  ])("when the certificate %s", async (_what, { from, to }, words) => {
    const now = Date.now();
    await using node = await serveRemote({ validity: { from: now + from, to: now + to } });
    using one = await machineOf(node);
    expectRefused(one.machine, await one.login(), { exit: 3, words });
    expect(node.asked()).toEqual([]);
  });

  test("when the certificate is for other names", async () => {
    await using node = await serveRemote({ hostname: "127.0.0.2" });
    using one = await machineOf(node);
    const ran = await one.login(`https://127.0.0.2:${node.port}`);
    expectRefused(one.machine, ran, { exit: 3, words: "is not for 127.0.0.2" });
    expect(node.asked()).toEqual([]);
  });

  test("when what answers speaks no TLS, or closes without a word, or nothing is there", async () => {
    await using node = await serveRemote();
    using one = await machineOf(node);
    const plain = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
    const mute = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { open: (socket) => void socket.end(), data: () => undefined },
    });
    const at = (port: number | undefined) => one.login(`https://localhost:${port}`);
    expectRefused(one.machine, await at(plain.port), {
      exit: 3,
      words: "its URL begins with http://",
    });
    expectRefused(one.machine, await at(mute.port), { exit: 4, words: "closed without an answer" });
    await plain.stop(true);
    mute.stop(true);
    expectRefused(one.machine, await at(plain.port), { exit: 4, words: "nothing listens there" });
    const nowhere = await one.login("https://nowhere.invalid:8470");
    expectRefused(one.machine, nowhere, { exit: 4, words: "no address of that name" });
  });

  test("when it is the port for NATS clients that answers", async () => {
    await using node = await serveRemote();
    using one = await machineOf(node);
    const nats = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => void socket.write("INFO {}\r\n"),
        data: (socket) => void socket.end("-ERR 'Unknown Protocol Operation'\r\n"),
      },
    });
    const { machine, key } = one;
    const ran = await machine.cli("login", `http://localhost:${nats.port}`, "--key", key.path);
    expectRefused(machine, ran, { exit: 4, words: "is the port that of the API" });
    nats.stop(true);
  });

  test("when TLS is left out where the node has it", async () => {
    await using node = await serveRemote();
    using one = await machineOf(node);
    const { machine, key } = one;
    const near = await machine.cli("login", `http://localhost:${node.port}`, "--key", key.path);
    expectRefused(machine, near, { exit: 4, words: "its URL begins with https://" });
    const far = await machine.cli("login", "http://bus.example.org", "--key", key.path);
    expectRefused(machine, far, { exit: 3, words: "without TLS" });
    const ca = ["--ca", node.certificates.ca];
    const both = await machine.cli("login", "http://localhost:1", "--key", key.path, ...ca);
    expectRefused(machine, both, { exit: 2, words: "Cannot use --ca" });
  });

  test.each([
    ["a page", () => new Response("<html>")],
    ["something with other health", () => Response.json({ ok: true })],
    ["something whose bus is none", () => Response.json({ bus: "../../x" })],
    ["a way to somewhere else", () => Response.redirect("http://127.0.0.1:1/", 307)],
  ])("when what answers is no node but %s", async (_what, answer) => {
    const asked: string[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        asked.push(...request.headers.keys());
        return answer();
      },
    });
    using machine = aMachine();
    const key = machine.key();
    const url = `http://127.0.0.1:${server.port}`;
    const ran = await machine.cli("login", url, "--key", key.path);
    await server.stop(true);
    expectRefused(machine, ran, { exit: 4, words: url });
    expect(asked.filter((name) => /signature|unibus|authorization/.test(name))).toEqual([]);
  });
});

describe("a command of whoever is logged in", () => {
  test("is refused when another bus answers at the URL, before anything else is asked", async () => {
    await using first = await serveRemote();
    using one = await loggedIn(first);
    await using second = await serveRemote();
    const profile = join(one.machine.dataDir, "profile.json");
    const moved = JSON.parse(await Bun.file(profile).text());
    const ca = await Bun.file(second.certificates.ca).text();
    writeFileSync(profile, JSON.stringify({ ...moved, url: second.url, ca }), { mode: 0o600 });
    const { code, document } = await one.machine.json("room", "list");
    expect([code, document.code]).toEqual([3, "node-untrusted"]);
    expect(document.detail).toContain("another bus answers there");
    expect(second.asked()).toEqual(["GET /healthz"]);
  });

  test("works though the machine's clock is wrong by minutes", async () => {
    for (const aheadMs of [600_000, -600_000]) {
      const now = () => Date.now() + aheadMs;
      await using node = await serveRemote({ parts: { now, startedAt: now() - 60_000 } });
      using one = await loggedIn(node);
      const { code } = await one.machine.json("room", "create", "ops");
      expect([aheadMs, code]).toEqual([aheadMs, 0]);
    }
  });

  test("is never done as anybody's where a node does not enforce", async () => {
    for (const mode of ["off", "soft"] as const) {
      await using node = await serveRemote({ parts: { mode } });
      using one = await loggedIn(node);
      expect((await one.machine.json("room", "create", "mine")).document.createdBy).toBe(
        one.key.user,
      );
      await node.api.bus.must({ kind: "user.revoke", user: one.key.user });
      const { code, document } = await one.machine.json("room", "create", "nobodys");
      expect([mode, code, document.code]).toEqual([mode, 3, "identity-revoked"]);
      const { json } = await node.api.atSocket("GET", "/v1/rooms", { host: "localhost" });
      expect(json.rooms.map(({ name }: { readonly name: string }) => name)).toEqual(["mine"]);
    }
  });

  test("says which node refused it, by which profile, and what to do", async () => {
    await using node = await serveRemote();
    using one = await loggedIn(node);
    await node.api.bus.must({ kind: "user.revoke", user: one.key.user });
    const { code, stderr } = await one.machine.cli("room", "list");
    const profile = join(one.machine.dataDir, "profile.json");
    expect([code, stderr.split("\n")]).toEqual([
      3,
      [
        expect.stringMatching(/^unibus: Cannot .*revoked.*unibus user restore$/),
        `  (the node at ${node.url}, by ${profile})`,
        "",
      ],
    ]);
  });

  test("goes to this machine without a proxy, and prints nothing of what proves who one is", async () => {
    let proxied = 0;
    const proxy = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        proxied++;
        return new Response("proxied");
      },
    });
    const via = `http://127.0.0.1:${proxy.port}`;
    const env = {
      ...{ HTTP_PROXY: via, http_proxy: via, HTTPS_PROXY: via, https_proxy: via, ALL_PROXY: via },
      BUN_CONFIG_VERBOSE_FETCH: "curl",
    };
    await using node = await serveRemote();
    using one = await machineOf(node, env);
    const login = await one.login();
    const file = join(one.machine.path, "ada.token");
    await one.machine.cli("token", "create", "--out", file);
    const token = ["--token-file", file, "--ca", node.certificates.ca];
    await one.machine.cli("login", node.url, ...token);
    const listed = await one.machine.cli("room", "list");
    await proxy.stop(true);
    expect([login.code, listed.code, listed.stderr, proxied]).toEqual([0, 0, "", 0]);
  });

  test("asks a node that is elsewhere for what only a running one knows", async () => {
    await using node = await serveRemote();
    using one = await loggedIn(node, "ada", "admin");
    expect((await one.machine.cli("refusals")).stdout).toContain("Nothing was refused");
    expect((await one.machine.cli("health")).code).toBe(0);
    const seed = await one.machine.json("user", "seed", one.key.user);
    expect([seed.code, seed.document.code]).toEqual([3, "forbidden"]);
  });
});
