import { describe, expect, test } from "bun:test";
import { startBareServers } from "../../scripts/bench/cluster-scene.ts";
import { makeStream } from "../../scripts/bench/cluster-writes.ts";
import { makeKeys } from "../../scripts/bench/logins.ts";
import type { PublishNumbers } from "../../scripts/bench/publish-load.ts";
import { runLoad } from "../../scripts/bench/servers.ts";
import { findNatsServer } from "../../src/nats/find-server.ts";
import { temporaryFolder } from "../harness/unibus.ts";

async function startServers(folder: string, users?: readonly { readonly nkey: string }[]) {
  const { path } = await findNatsServer({ env: process.env });
  const place = { natsServer: path, folder };
  const servers = await startBareServers(users ? { ...place, users } : place);
  const [first, second] = servers;
  if (!first || !second) throw new Error("There are three servers");
  const stack = new AsyncDisposableStack();
  for (const server of servers) stack.use(server);
  return { servers, first, second, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe("three nats-servers with the configuration of nodes' own", () => {
  test("carry every message from one to another, more than one keeps for a subscriber", async () => {
    using folder = temporaryFolder();
    const { keys, seeds } = makeKeys(1);
    const users = keys.map(({ user }) => ({ nkey: user }));
    await using scene = await startServers(folder.path, users);
    const perSecond = await runLoad<number>("message-load", {
      ...{ port: scene.first.port, subscriberPort: scene.second.port, seed: seeds[0] },
      ...{ subject: "rm.k.0.bench.msg", payloadBytes: 1_024, count: 20_000 },
    });
    expect(perSecond).toBeGreaterThan(0);
  }, 30_000);

  test("acknowledge what is published into the stream of a journal, and nothing without one", async () => {
    using folder = temporaryFolder();
    await using scene = await startServers(folder.path);
    const { port, control } = scene.first;
    const job = { port, control, message: "an entry", count: 20, inFlight: 4 };
    await expect(runLoad("publish-load", job)).rejects.toThrow("publish-load failed");
    await makeStream(scene.servers);
    const { p50Ms, perSecond } = await runLoad<PublishNumbers>("publish-load", job);
    expect(Math.min(p50Ms, perSecond)).toBeGreaterThan(0);
  }, 30_000);
});
