import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { eventually } from "../harness/eventually.ts";
import { childrenOf, holdPort } from "../harness/machine.ts";
import { EXIT } from "../harness/promises.ts";
import { spawnUnibus } from "../harness/spawned.ts";
import { isGone, type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
const at = (...names: readonly string[]): string => join(folder.path, ...names);
let first: RunningUnibus;
let client: NatsConnection;
let natsServer = 0;

beforeAll(async () => {
  first = await startUnibus({ dataDir: at("first"), args: ["--bus-auth", "off"] });
  [natsServer = 0] = childrenOf(first.pid);
  client = await connect({ port: first.natsPort, reconnect: false });
});
afterAll(async () => {
  await client.close();
  await first[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Expects that the first node is the one it was, with its client still connected to it. */
async function expectUnharmed(): Promise<void> {
  expect(await first.ask<unknown>("GET", "/readyz")).toEqual({ ready: true });
  expect(childrenOf(first.pid)).toEqual([natsServer]);
  await client.flush();
  const { room } = await first.ask<{ room: string }>("POST", "/v1/rooms", { name: "still here" });
  expect(await first.ask<unknown>("GET", `/v1/rooms/${room}`)).toMatchObject({ room });
}

/** Starts a second node, expects that it gives way to the first, and that nothing of it is left. */
async function expectRefused(args: readonly string[], says: RegExp): Promise<void> {
  using own = temporaryFolder();
  const ports = ["--http-port", "0", "--nats-port", "0"];
  await using second = spawnUnibus(["serve", "--data-dir", join(own.path, "x"), ...ports, ...args]);
  const seen = new Set<number>();
  await eventually(
    () => {
      for (const child of childrenOf(second.pid)) seen.add(child);
      return !second.running;
    },
    { timeoutMs: 20_000, everyMs: 5 },
  );
  expect(await second.ended()).toBe(EXIT.refused);
  expect(second.messages.at(-1)).toMatch(says);
  expect(second.events).not.toContain("node.ready");
  for (const child of seen) expect(await isGone(child)).toBe(true);
  await expectUnharmed();
}

interface Shared {
  readonly what: string;
  readonly target: string;
  readonly flag: string;
  /** What follows the shared path in the flag's value. */
  readonly rest: string;
  readonly says: RegExp;
}

const SHARED: readonly Shared[] = [
  {
    what: "the folder of the database",
    target: "first",
    flag: "--db",
    rest: "/unibus.db",
    says: /^unibus: open membership store: another unibus uses the folder ".+"; stop it, or name /,
  },
  {
    what: "the folder of the database, under another file name,",
    target: "first",
    flag: "--db",
    rest: "/other.db",
    says: /^unibus: open membership store: another unibus uses the folder ".+"; stop it, or name /,
  },
  {
    what: "the database file",
    target: "first/unibus.db",
    flag: "--db",
    rest: "",
    says: /^unibus: open membership store: another unibus uses the folder ".+"; stop it, or name /,
  },
  {
    what: "the folder of blobs",
    target: "first/blobs",
    flag: "--store-dir",
    rest: "",
    says: /^unibus: open blob store: another unibus uses the folder ".+"; stop it, or name /,
  },
  {
    what: "the JetStream folder",
    target: "first/jetstream",
    flag: "--nats-store",
    rest: "",
    says: /^unibus: start embedded nats: another nats-server uses the JetStream folder; stop it/,
  },
];

describe("a second node that shares one thing with the first refuses and says which", () => {
  for (const [number, { what, target, flag, rest, says }] of SHARED.entries()) {
    test.concurrent(what, () => expectRefused([flag, `${at(target)}${rest}`], says));

    test.concurrent(`${what} through a symlink`, async () => {
      const link = at(`link-${number}`);
      symlinkSync(at(target), link);
      await expectRefused([flag, `${link}${rest}`], says);
    });
  }

  test.concurrent("the database file, by a link that led nowhere when the first was started", async () => {
    mkdirSync(at("links"));
    mkdirSync(at("fresh"));
    const link = at("links", "unibus.db");
    symlinkSync(at("fresh", "unibus.db"), link);
    const places = ["--store-dir", at("fresh", "a"), "--nats-store", at("fresh", "b")];
    const args = ["--bus-auth", "off", "--db", link, ...places];
    await using earlier = spawnUnibus(["serve", "--http-port", "0", "--nats-port", "0", ...args]);
    await earlier.says("node.ready");
    await expectRefused(["--db", link], /another unibus uses the folder/);
    expect(earlier.running).toBe(true);
  });

  test.concurrent("a port, by its number", async () => {
    await using held = await holdPort();
    for (const [flag, port] of [
      ["--nats-port", first.natsPort],
      ["--http-port", Number(new URL(first.httpUrl).port)],
      ["--http-port", held.port],
    ] as const) {
      using own = temporaryFolder();
      const other = flag === "--nats-port" ? "--http-port" : "--nats-port";
      const ports = [flag, `${port}`, other, "0"];
      await using second = spawnUnibus(["serve", "--data-dir", own.path, ...ports]);
      expect(await second.ended()).toBe(EXIT.failed);
      expect(second.messages.at(-1)).toMatch(new RegExp(`\\b${port}(:| is| )`));
      expect(second.messages.at(-1)).toContain("taken");
      await expectUnharmed();
    }
  });
});

test("a folder is free again as soon as its node has stopped", async () => {
  using own = temporaryFolder();
  for (let start = 0; start < 2; start++) {
    await using unibus = await startUnibus({ dataDir: own.path });
    expect(await unibus.end()).toBe(EXIT.done);
  }
});
