import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type EmptyRoot,
  type Inside,
  makeEmptyRoot,
  missingForEmptyRoot,
} from "../harness/empty-root.ts";
import { eventually } from "../harness/eventually.ts";
import { testedExecutable } from "../harness/executable.ts";
import { childrenOf } from "../harness/machine.ts";
import { isGone } from "../harness/unibus.ts";

const TALK = join(import.meta.dir, "../stock/talk.mjs");
const STREAM = join(import.meta.dir, "../stock/stream.mjs");
const FREE_PORTS = ["--http-port", "0", "--nats-port", "0"];

const missing = missingForEmptyRoot() ?? (Bun.which("node") ? null : "node");
const where = missing === null ? "" : ` (missing: ${missing})`;

describe.skipIf(missing !== null)(`the executable alone in an empty root${where}`, () => {
  let executable: string;
  let root: EmptyRoot;

  beforeAll(async () => {
    executable = (await testedExecutable()).path;
    root = await makeEmptyRoot(executable);
  });
  afterAll(() => root?.[Symbol.asyncDispose]());

  /** Runs a command that must succeed, and returns what it printed. */
  async function must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await root.run(...args);
    if (code !== 0) throw new Error(`unibus ${args.join(" ")}: exit ${code}: ${stderr}`);
    return stdout.trim();
  }

  /** Runs a stock client in the root's network. */
  function stock(program: string, ...args: string[]): Client {
    return startClient([...root.network, Bun.which("node") ?? "node", program, ...args]);
  }

  test("runs the whole scenario of a node: keys, users, a room, two stock clients, a revocation [M-003, M-004]", async () => {
    await using up = root.start("up", ...FREE_PORTS);
    await readyUrl(up);
    for (const name of ["alice", "bob"]) {
      await must("key", "new", `${name}.nk`);
      await must("user", "add", await must("key", "show", `${name}.nk`), "--name", name);
    }
    await must("room", "create", "ops", "--owner", "alice");
    await must("room", "add", "ops", "bob");
    const inRoot = (name: string): readonly [string, string] => [
      join(root.path, `${name}.room.json`),
      join(root.path, `${name}.nk`),
    ];
    for (const name of ["alice", "bob"]) {
      writeFileSync(inRoot(name)[0], await must("room", "show", "ops", "--as", name, "--json"));
    }

    await using listening = stock(TALK, ...inRoot("bob"), "listen");
    await listening.shows("listening");
    await using speaking = stock(TALK, ...inRoot("alice"), "say", "hello bob");
    expect(await speaking.exited).toBe(0);
    await listening.shows("alice: hello bob");

    await must("user", "revoke", "bob");
    expect(await listening.exited).toBe(1);
    await using again = stock(TALK, ...inRoot("bob"), "say", "me again");
    expect(await again.exited).toBe(1);
    await again.shows("refused:");
    const users = JSON.parse(await must("user", "list", "--json")).users;
    expect(users).toContainEqual(expect.objectContaining({ name: "bob", state: "revoked" }));
  });

  test("lets a stock client make a JetStream stream [M-003]", async () => {
    await using node = root.start("serve", "--data-dir", "/open", ...FREE_PORTS);
    await using client = stock(STREAM, await readyUrl(node), "jobs");
    await client.shows("1 of 1");
    expect(await client.exited).toBe(0);
  });

  test("writes nothing but the files of its nodes, and keys where they were asked for [M-004]", () => {
    const own = /^\/(local_files|open)(\/|$)|^\/\w+\.(nk|room\.json)$/;
    expect(root.written().filter((path) => !own.test(path))).toEqual([]);
  });

  test("leaves no nats-server behind when it is killed, and knows everything afterwards", async () => {
    let natsServer = 0;
    {
      await using up = root.start("up", ...FREE_PORTS);
      await readyUrl(up);
      [natsServer = 0] = childrenOf(up.pid);
      expect(await isGone(natsServer)).toBe(false);
      process.kill(up.pid, "SIGKILL");
      await eventually(() => isGone(natsServer), {
        timeoutMs: 1_000,
        what: "nats-server to be gone",
      });
    }
    await using up = root.start("up", ...FREE_PORTS);
    await readyUrl(up);
    expect(childrenOf(up.pid)).toHaveLength(1);
    expect(await must("user", "show", "bob")).toContain("revoked");
  });

  test("refuses a second start on each of its folders", async () => {
    await using up = root.start("up", ...FREE_PORTS);
    await readyUrl(up);
    const second = (...args: string[]) => root.run("up", ...FREE_PORTS, ...args);
    const refused = await Promise.all([
      second("--data-dir", "local_files"),
      second("--data-dir", "/other", "--store-dir", "local_files/blobs"),
      second("--data-dir", "/another", "--nats-store", "local_files/jetstream"),
    ]);
    for (const { code, stderr } of refused) {
      expect([code, stderr]).toEqual([3, expect.stringContaining("uses the")]);
    }
    expect(childrenOf(up.pid)).toHaveLength(1);
  });

  test("brings its nats-server back when that dies alone", async () => {
    await using up = root.start("up", ...FREE_PORTS);
    await readyUrl(up);
    const [first = 0] = childrenOf(up.pid);
    process.kill(first, "SIGKILL");
    const restarted = () => up.log.some((line) => line.event === "nats.restarted");
    await eventually(restarted, { what: "nats-server to be back" });
    const [second] = childrenOf(up.pid);
    expect(second).toBeGreaterThan(0);
    expect(second).not.toBe(first);
  });
});

/** Waits until a node is ready. Returns the URL for clients. */
async function readyUrl(node: Inside): Promise<string> {
  let ended = false;
  void node.exited.then(() => {
    ended = true;
  });
  const line = await eventually(
    () => {
      if (ended) throw new Error(node.log.map(({ message }) => message).join(" | "));
      return node.log.find(({ event }) => event === "node.ready");
    },
    { timeoutMs: 20_000, what: "the node to be ready" },
  );
  return String(line.natsUrl);
}

interface Client extends AsyncDisposable {
  readonly exited: Promise<number>;
  /** Waits until a line begins with these words. */
  shows(words: string): Promise<void>;
}

function startClient(command: readonly string[]): Client {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const lines: string[] = [];
  const reading = (async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of child.stdout) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
    }
  })();
  return {
    exited: child.exited.then(async (code) => {
      await reading;
      return code;
    }),
    async shows(words) {
      await eventually(() => lines.some((line) => line.startsWith(words)), {
        timeoutMs: 20_000,
        what: `a client to show "${words}"`,
      });
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
