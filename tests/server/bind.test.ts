import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { unibusCommand } from "../harness/command.ts";
import { listenersOf } from "../harness/machine.ts";
import { openOwnNetwork, runInside } from "../harness/own-network.ts";
import { openRaw } from "../harness/raw-nats.ts";
import { spawnUnibus } from "../harness/spawned.ts";
import { openTerminal } from "../harness/terminal.ts";
import { cleanEnvironment, startUnibus, temporaryFolder } from "../harness/unibus.ts";

/** An address that lies on the loopback interface of a network of the test's own. */
const ADDRESS = "10.9.8.7";
const network = Bun.which("curl") ? await openOwnNetwork(ADDRESS) : null;
const missing = network === null ? " (needs unshare, nsenter, ip and curl)" : "";

afterAll(() => network?.[Symbol.asyncDispose]());

/** Loopback addresses as /proc/net/tcp writes them. */
const IPV4_LOOPBACK = "0100007F";
const IPV6_LOOPBACK = "00000000000000000000000001000000";

describe("the default bind", () => {
  test("opens both planes on this machine's loopback alone [M-020, M-070, M-022, M-025]", async () => {
    await using unibus = await startUnibus();
    const pids = [unibus.pid, Number(unibus.log.find((line) => line.event === "nats.ready")?.pid)];
    const listeners = pids.flatMap((pid) => listenersOf(pid));
    expect(listeners).toHaveLength(2);
    expect(new Set(listeners.map(({ address }) => address))).toEqual(new Set([IPV4_LOOPBACK]));
  });
});

describe("an IPv6 bind", () => {
  test("is bracketed wherever it stands in a URL, and works on both planes [G-08]", async () => {
    await using unibus = await startUnibus({ args: ["--bind", "::1"] });
    expect(unibus.httpUrl).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${unibus.httpUrl}/healthz`)).status).toBe(200);
    const natsUrl = String(unibus.log.find((line) => line.event === "nats.ready")?.url);
    expect(natsUrl).toMatch(/^nats:\/\/\[::1\]:\d+$/);
    using client = await openRaw(unibus.natsPort, "::1");
    expect(client.info.server_id).toStartWith("N");
    expect(listenersOf(unibus.pid).map(({ address }) => address)).toEqual([IPV6_LOOPBACK]);
  });
});

describe("a bind to localhost", () => {
  test("opens the address that was judged [G-07]", async () => {
    await using unibus = await startUnibus({ args: ["--bind", "localhost"] });
    expect(unibus.httpUrl).toMatch(/^http:\/\/(127\.0\.0\.1|\[::1\]):\d+$/);
    expect((await fetch(`${unibus.httpUrl}/healthz`)).status).toBe(200);
  });
});

describe.skipIf(network === null)(`a public bind${missing}`, () => {
  const PUBLIC = ["--bind", "0.0.0.0", "--bus-auth", "enforce", "--insecure-no-tls"];

  /** Starts a node in the test's own network, and words to reach it there. */
  async function start(args: readonly string[]) {
    const folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    const node = spawnUnibus(
      ["serve", "--data-dir", dataDir, "--log-format", "json", ...PUBLIC, ...args],
      { prefix: network?.prefix ?? [] },
    );
    await node.says("node.ready");
    return {
      node,
      dataDir,
      socket: (method: string, path: string, body: unknown) =>
        fetch(`http://localhost${path}`, {
          unix: join(dataDir, "unibus.sock"),
          method,
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        }),
      async [Symbol.asyncDispose]() {
        await node[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
  }

  /** Asks from inside the network. */
  function curl(url: string, input = ""): Promise<string> {
    return runInside(network, ["curl", "--silent", "--max-time", "5", url], input);
  }

  test("is reached at the machine's other address, and still admits nobody unknown [M-020, M-043, M-049, M-070]", async () => {
    await using public_ = await start([]);
    const health = await curl(`http://${ADDRESS}:8470/healthz`);
    expect(health).toContain('"mode":"enforce"');
    expect(await curl(`http://${ADDRESS}:8470/v1/rooms`)).toContain("unauthenticated");
    const said = await curl(`telnet://${ADDRESS}:4250`, 'CONNECT {"verbose":false}\r\nPING\r\n');
    expect(said).toContain("Authorization Violation");
    expect(said).not.toContain("PONG");
    expect(public_.node.running).toBe(true);
  });

  test("refuses plain rooms and names the rule [M-085, G-17]", async () => {
    await using public_ = await start([]);
    expect(public_.node.messages).toContain(
      "cleartext rooms: DISABLED (public bind requires end-to-end encryption)",
    );
    const answer = await public_.socket("POST", "/v1/rooms", { name: "ops" });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: "plain-rooms-disabled" });
  });

  test("is told by `up` that plain rooms have to be allowed, in place of commands that make one [G-17]", async () => {
    using folder = temporaryFolder();
    const prefix = network?.prefix ?? [];
    await using terminal = openTerminal({ cwd: folder.path, env: cleanEnvironment({}), prefix });
    terminal.leave(`${unibusCommand().join(" ")} up --bind 0.0.0.0 --insecure-no-tls`);
    await terminal.shows(["Stop with Ctrl-C."]);
    const shown = terminal.shown.join("\n");
    expect(shown).toContain("start with --allow-plain-rooms");
    expect(shown).not.toContain("room create");
    await terminal.interrupt();
  });

  test("has plain rooms when they are allowed, and says who can read them [G-17]", async () => {
    await using public_ = await start(["--allow-plain-rooms"]);
    expect(public_.node.messages.join()).toMatch(/cleartext rooms: ALLOWED .* this host can read/);
    expect((await public_.socket("POST", "/v1/rooms", { name: "ops" })).status).toBe(201);
  });
});
