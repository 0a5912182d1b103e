import { expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { eventually } from "../harness/eventually.ts";
import { EXIT } from "../harness/promises.ts";
import { loginRaw, openRaw, testKey } from "../harness/raw-nats.ts";
import { type RunningUnibus, run, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const STREAM = "ORDERS";
const MESSAGES = 50;

type Mode = "off" | "soft" | "enforce";

async function inMode(
  dataDir: string,
  mode: Mode,
  act: (unibus: RunningUnibus) => Promise<void>,
): Promise<void> {
  await using unibus = await startUnibus({ dataDir, args: ["--bus-auth", mode] });
  const complaints = unibus.log.filter(({ level }) => level !== "info");
  expect(complaints.map(({ message }) => message)).toEqual([]);
  await act(unibus);
  expect(await unibus.end()).toBe(EXIT.done);
}

async function withClient(
  unibus: RunningUnibus,
  act: (client: NatsConnection) => Promise<void>,
): Promise<void> {
  const client = await connect({ port: unibus.natsPort, reconnect: false });
  try {
    await act(client);
  } finally {
    await client.close();
  }
}

/** Writes a stream of so many messages, as any JetStream client may in the mode off. */
async function writeStream(unibus: RunningUnibus): Promise<void> {
  await withClient(unibus, async (client) => {
    const manager = await jetstreamManager(client);
    await manager.streams.add({ name: STREAM, subjects: ["orders.>"] });
    const stream = jetstream(client);
    for (let at = 0; at < MESSAGES; at++) await stream.publish(`orders.${at}`, `order ${at}`);
  });
}

/** Expects the whole stream, first and last message included. */
async function expectStream(unibus: RunningUnibus): Promise<void> {
  await withClient(unibus, async (client) => {
    const manager = await jetstreamManager(client);
    const { state } = await manager.streams.info(STREAM);
    expect(state.messages).toBe(MESSAGES);
    const last = await manager.streams.getMessage(STREAM, { seq: MESSAGES });
    expect(last?.string()).toBe(`order ${MESSAGES - 1}`);
  });
}

test("a stream written in off is in the JetStream folder and there again after every change of mode [M-026, M-071]", async () => {
  using folder = temporaryFolder();
  const dataDir = join(folder.path, "data");
  const nats = join(dataDir, "jetstream/jetstream/OPEN/streams");

  await inMode(dataDir, "off", writeStream);
  expect(readdirSync(nats)).toEqual([STREAM]);
  await inMode(dataDir, "off", expectStream);

  const key = testKey();
  await inMode(dataDir, "enforce", async (unibus) => {
    using stranger = await openRaw(unibus.natsPort);
    stranger.send("CONNECT {}\r\n");
    expect(await stranger.drain()).toBe(false);
    expect(stranger.errors).toEqual(["'Authorization Violation'"]);
    await unibus.ask("POST", "/v1/users", { user: key.user });
    using client = await loginRaw(unibus.natsPort, key);
    client.publish("$JS.API.STREAM.NAMES", "", `_INBOX.${key.user}.x`);
    await client.drain();
    expect(client.errors.join()).toContain("Permissions Violation");
    expect(client.messages).toEqual([]);
  });

  await inMode(dataDir, "soft", async (unibus) => {
    using stranger = await openRaw(unibus.natsPort);
    stranger.send("CONNECT {}\r\n");
    expect(await stranger.drain()).toBe(true);
  });
  await inMode(dataDir, "off", expectStream);
  expect(existsSync(join(nats, STREAM))).toBe(true);
});

test("a stream in off outlives the death of node and nats-server [M-071]", async () => {
  using folder = temporaryFolder();
  {
    await using unibus = await startUnibus({
      dataDir: folder.path,
      args: ["--bus-auth", "off"],
    });
    await writeStream(unibus);
    await unibus.end("SIGKILL");
  }
  await inMode(folder.path, "off", expectStream);
});

test("whatever a stream acknowledged before a stop is there after it, with logins under way at that moment [M-071, M-100]", async () => {
  using folder = temporaryFolder();
  const acknowledged: number[] = [];
  {
    await using unibus = await startUnibus({ dataDir: folder.path, args: ["--bus-auth", "off"] });
    const client = await connect({ port: unibus.natsPort, reconnect: false });
    const manager = await jetstreamManager(client);
    await manager.streams.add({ name: STREAM, subjects: ["orders.>"] });
    const stream = jetstream(client);
    const publishing = (async () => {
      try {
        for (;;) acknowledged.push((await stream.publish("orders.next", "an order")).seq);
      } catch {
        // The server has gone.
      }
    })();
    const knocking = (async () => {
      try {
        for (;;) {
          using guest = await openRaw(unibus.natsPort);
          guest.send("CONNECT {}\r\n");
          await guest.drain();
        }
      } catch {
        // The server has gone.
      }
    })();
    await eventually(() => acknowledged.length > 200);
    expect(await unibus.end()).toBe(EXIT.done);
    await Promise.all([publishing, knocking, client.close()]);
  }
  await inMode(folder.path, "off", async (unibus) => {
    await withClient(unibus, async (client) => {
      const { state } = await (await jetstreamManager(client)).streams.info(STREAM);
      expect(state.last_seq).toBeGreaterThanOrEqual(acknowledged.at(-1) ?? 0);
      expect(state.messages).toBe(state.last_seq);
    });
  });
});

test("a folder that ran and lost its database does not begin a new bus in silence", async () => {
  using folder = temporaryFolder();
  const dataDir = join(folder.path, "data");
  await inMode(dataDir, "enforce", async () => undefined);
  for (const name of readdirSync(dataDir)) {
    if (name.startsWith("unibus.db")) rmSync(join(dataDir, name));
  }
  const before = readdirSync(dataDir);
  const refused = await run(["serve", "--bus-auth", "enforce", "--data-dir", dataDir]);
  expect(refused.code).toBe(EXIT.refused);
  expect(refused.stderr).toContain("its database");
  expect(readdirSync(dataDir)).toEqual(before);

  rmSync(join(dataDir, "unibus.mode"));
  await inMode(dataDir, "enforce", async () => undefined);
});
