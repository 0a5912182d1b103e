import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { unibusCommand } from "../harness/command.ts";
import { eventually } from "../harness/eventually.ts";
import { accepts, childrenOf, holdPort, listeningPorts } from "../harness/machine.ts";
import { type OwnNetwork, openOwnNetwork } from "../harness/own-network.ts";
import { EXIT } from "../harness/promises.ts";
import { spawnUnibus } from "../harness/spawned.ts";
import { cleanEnvironment, isGone, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const FREE_PORTS = ["--http-port", "0", "--nats-port", "0"];
const TEXT_LINE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[unibus\] (.+)$/;
const network: OwnNetwork | null = await openOwnNetwork();
afterAll(() => network?.[Symbol.asyncDispose]());

/** The messages of a start, with ports and the folder left out, which differ each time. */
function sentences(messages: readonly string[], folder: string): readonly string[] {
  return messages.map((message) =>
    message.replaceAll(folder, "DIR").replace(/:\d{4,5}\b/g, ":PORT"),
  );
}

/** What a node on loopback says from its start to its end. */
const STORY = [
  "membership store: DIR/unibus.db",
  "blob store: DIR/blobs",
  "embedded NATS (JetStream) ready: nats://127.0.0.1:PORT",
  "control-plane auth: off",
  "HTTP control-plane API: http://127.0.0.1:PORT",
  "health: http://127.0.0.1:PORT/healthz",
  "the node is ready",
  "shutting down...",
  "nats-server has stopped",
  "bye",
];

describe("a start", () => {
  test("opens and announces its parts in their order, and says where they are [M-056, M-060]", async () => {
    await using unibus = await startUnibus({ args: ["--bus-auth", "off"] });
    expect(await unibus.end()).toBe(EXIT.done);
    const { log, dataDir } = unibus;
    expect(
      sentences(
        log.map(({ message }) => message),
        dataDir,
      ),
    ).toEqual(STORY);
  });

  test("says under enforce that clients must prove a key [M-060]", async () => {
    await using unibus = await startUnibus();
    const messages = unibus.log.map(({ message }) => message);
    expect(messages[2]).toBe("NATS nkey authentication: ON (enforce)");
    expect(messages[4]).toBe("control-plane auth: enforce");
  });

  test("tells the same sentences in text and in JSON, each line whole [M-055]", async () => {
    using folder = temporaryFolder();
    const words = ["serve", "--data-dir", folder.path, ...FREE_PORTS, "--log-format", "text"];
    await using unibus = spawnUnibus(words);
    await eventually(() => unibus.messages.at(-1)?.endsWith("the node is ready"));
    unibus.kill("SIGTERM");
    expect(await unibus.ended()).toBe(EXIT.done);
    const messages = unibus.messages.map((line) => TEXT_LINE.exec(line)?.[1] ?? `not so: ${line}`);
    expect(sentences(messages, folder.path)).toEqual(STORY);
  });

  test("writes text to a terminal and JSON to everything else, unless told [M-055]", async () => {
    using folder = temporaryFolder();
    await using quiet = spawnUnibus(["serve", "--data-dir", join(folder.path, "a"), ...FREE_PORTS]);
    expect(await quiet.says("node.ready")).toMatchObject({ level: "info" });
    let shown = "";
    const decoder = new TextDecoder();
    const words = ["serve", "--data-dir", join(folder.path, "b"), ...FREE_PORTS];
    const child = Bun.spawn([...unibusCommand(), ...words], {
      cwd: folder.path,
      env: cleanEnvironment(),
      terminal: {
        data(_terminal, data) {
          shown += decoder.decode(data);
        },
      },
    });
    await eventually(() => shown.includes("the node is ready"), { timeoutMs: 30_000 });
    // Ctrl-C, as it is typed.
    child.terminal?.write("\x03");
    expect(await child.exited).toBe(EXIT.done);
    const lines = shown.split("\r\n").filter((line) => line !== "" && line !== "^C");
    expect(lines.filter((line) => !TEXT_LINE.test(line.replace("^C", "")))).toEqual([]);
    expect(lines.at(-1)).toEndWith("bye");
  });

  test("gives its nats-server no secret: none in its arguments, nothing in its environment [G-04]", async () => {
    await using unibus = await startUnibus({ env: { SOME_TOKEN: "hunter2" } });
    const [pid = 0] = childrenOf(unibus.pid);
    const [, ...words] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    expect(words).toEqual(["-c", "/proc/self/fd/0", ""]);
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toBe("");
  });
});

describe("the NATS server of a node", () => {
  test("is reached by a stock client at the URL in the log [M-002, M-073]", async () => {
    await using unibus = await startUnibus({ args: ["--bus-auth", "off"] });
    const url = unibus.log.find(({ event }) => event === "nats.ready")?.url;
    const client = await connect({ servers: String(url), reconnect: false });
    const echo = client.subscribe("greeting", {
      callback: (_error, message) => void message.respond(message.data),
    });
    const answer = await client.request("greeting", "hello");
    expect(answer.string()).toBe("hello");
    echo.unsubscribe();
    await client.close();
  });

  test("is called unibus, or as --server-name says [M-031]", async () => {
    for (const [args, name] of [
      [[], "unibus"],
      [["--server-name", "node-a"], "node-a"],
    ] as const) {
      await using unibus = await startUnibus({ args: ["--bus-auth", "off", ...args] });
      const client = await connect({ port: unibus.natsPort, reconnect: false });
      expect(client.info).toMatchObject({ server_name: name, jetstream: true });
      expect(client.info).not.toHaveProperty("cluster");
      await client.close();
    }
  });

  test("listens for clients and for nobody else: no routes, no monitoring [M-030, M-032, M-048, G-14]", async () => {
    await using unibus = await startUnibus();
    const [pid = 0] = childrenOf(unibus.pid);
    expect(listeningPorts(pid)).toEqual([unibus.natsPort]);
    expect(listeningPorts(unibus.pid)).toEqual([Number(new URL(unibus.httpUrl).port)]);
  });
});

describe("places", () => {
  test("are those of the flags, each its own [M-023, M-024, M-026]", async () => {
    using folder = temporaryFolder();
    const at = (name: string): string => join(folder.path, name);
    const db = at("one/my.db");
    const places = ["--db", db, "--store-dir", at("two"), "--nats-store", at("three")];
    await using unibus = spawnUnibus(["serve", ...FREE_PORTS, ...places], { cwd: folder.path });
    await unibus.says("node.ready");
    const made = ["one/my.db", "one/unibus.sock", "two/unibus.lock", "three/jetstream"];
    expect(made.filter((name) => !existsSync(at(name)))).toEqual([]);
    expect(existsSync(at("local_files"))).toBe(false);
  });

  test.skipIf(network === null)(
    "and ports are the defaults when nothing is said (needs unshare, nsenter and ip) [M-020, M-022, M-023, M-024, M-025, M-026, M-043]",
    async () => {
      using folder = temporaryFolder();
      const prefix = network?.prefix ?? [];
      await using unibus = spawnUnibus(["serve"], { cwd: folder.path, prefix });
      await unibus.says("node.ready");
      const [pid = 0] = childrenOf(unibus.pid);
      expect(listeningPorts(unibus.pid)).toEqual([8470]);
      expect(listeningPorts(pid)).toEqual([4250]);
      const made = ["unibus.db", "blobs", "jetstream", "unibus.sock"];
      const missing = made.filter((name) => !existsSync(join(folder.path, "local_files", name)));
      expect(missing).toEqual([]);
      expect(unibus.messages).toContain("embedded NATS (JetStream) ready: nats://127.0.0.1:4250");
      const socket = join(folder.path, "local_files/unibus.sock");
      expect((await fetch("http://localhost/healthz", { unix: socket })).status).toBe(200);
    },
  );
});

describe("a start that fails", () => {
  /** Expects one reason, and that nothing is left. Answers how many children were seen meanwhile. */
  async function expectFailed(args: readonly string[], says: RegExp): Promise<number> {
    using folder = temporaryFolder();
    const ports = FREE_PORTS.filter((_, at) => !args.includes(FREE_PORTS[at - (at % 2)] ?? ""));
    const words = ["serve", "--data-dir", join(folder.path, "data"), ...ports, ...args];
    await using unibus = spawnUnibus(words, { cwd: folder.path });
    const children = new Set<number>();
    const follow = setInterval(() => {
      for (const child of childrenOf(unibus.pid)) children.add(child);
    }, 20);
    const code = await unibus.ended();
    clearInterval(follow);
    expect(code).toBe(EXIT.failed);
    expect(unibus.messages.at(-1)).toMatch(says);
    expect(unibus.events).not.toContain("node.ready");
    const left = await Promise.all([...children].map(async (pid) => !(await isGone(pid))));
    expect(left).not.toContain(true);
    return children.size;
  }

  test.concurrent.each([
    ["database", ["--db", "/proc/x/y"], /^unibus: open membership store: .*"\/proc\/x"/],
    ["blob folder", ["--store-dir", "/proc/x"], /^unibus: open blob store: .*"\/proc\/x"/],
    [
      "JetStream folder",
      ["--nats-store", "/proc/x"],
      /^unibus: start embedded nats: .*"\/proc\/x"/,
    ],
  ] as const)("names the %s that cannot be opened [M-057, M-058]", async (_, args, says) => {
    await expectFailed(args, says);
  });

  test.concurrent("names a NATS port that is taken [M-058]", async () => {
    await using held = await holdPort();
    const says = new RegExp(`^unibus: start embedded nats: port ${held.port} is taken`);
    await expectFailed(["--nats-port", `${held.port}`], says);
    expect(await accepts(held.port)).toBe(true);
  });

  test.concurrent("names an API port that is taken, and leaves no nats-server [M-059]", async () => {
    await using held = await holdPort();
    await using nats = await holdPort();
    const natsPort = nats.port;
    await nats[Symbol.asyncDispose]();
    const says = new RegExp(
      `^unibus: http server: .*127\\.0\\.0\\.1:${held.port}: the port is taken`,
    );
    const words = ["--http-port", `${held.port}`, "--nats-port", `${natsPort}`];
    expect(await expectFailed(words, says)).toBeGreaterThan(0);
    expect(await accepts(natsPort)).toBe(false);
  });
});
