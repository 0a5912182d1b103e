import { describe, expect, test } from "bun:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { eventually } from "../harness/eventually.ts";
import { accepts, childrenOf, holdPort } from "../harness/machine.ts";
import { EXIT, NATS_QUICK_EXIT_MS } from "../harness/promises.ts";
import { loginRaw, type TestKey } from "../harness/raw-nats.ts";
import { type Scene, startScene } from "../harness/scene.ts";
import { isGone, type RunningUnibus, startUnibus } from "../harness/unibus.ts";

/** A stock client that comes back by itself, as quickly as one is usually told to. */
async function connectAgainAndAgain(port: number, key: TestKey): Promise<NatsConnection> {
  return await connect({
    port,
    authenticator: (nonce) => ({
      nkey: key.user,
      sig: key.sign(nonce ?? "").toString("base64url"),
    }),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 10,
  });
}

/** Kills nats-server and waits until the node has another one that it calls ready. */
async function killNatsServer(unibus: RunningUnibus): Promise<void> {
  const [before = 0] = childrenOf(unibus.pid);
  // One that ends so soon, again and again, has a fault that no restart cures.
  const oldEnough = Date.now() + NATS_QUICK_EXIT_MS;
  await eventually(() => Date.now() >= oldEnough, { what: "nats-server to have lived a while" });
  process.kill(before, "SIGKILL");
  await eventually(() => childrenOf(unibus.pid).find((child) => child !== before), {
    what: "another nats-server",
  });
  await eventually(async () => (await unibus.api("GET", "/readyz")).ok, { what: "readiness" });
  expect(await isGone(before)).toBe(true);
}

/** Publishes until a subscriber has heard something, and answers what. */
async function hearBetween(speaker: NatsConnection, listener: NatsConnection, subject: string) {
  const heard: string[] = [];
  const words = `said at ${performance.now()}`;
  const subscription = listener.subscribe(subject, {
    callback: (_error, message) => void heard.push(message.string()),
  });
  // A nats.js client that came a moment too early is let go by nats-server's own time-out of 5 s.
  const patience = { timeoutMs: 15_000, what: "the words to be heard" };
  await eventually(() => {
    speaker.publish(subject, words);
    return heard.includes(words);
  }, patience);
  subscription.unsubscribe();
}

async function withTwoClients(
  act: (parts: {
    readonly scene: Scene;
    readonly keys: readonly [TestKey, TestKey];
    readonly clients: readonly [NatsConnection, NatsConnection];
    readonly subject: string;
  }) => Promise<void>,
): Promise<void> {
  await using scene = await startScene();
  const [alice, bob] = [await scene.addUser(), await scene.addUser()];
  const room = await scene.addRoom([
    [alice, "member"],
    [bob, "member"],
  ]);
  const clients = [
    await connectAgainAndAgain(scene.port, alice),
    await connectAgainAndAgain(scene.port, bob),
  ] as const;
  try {
    await act({ scene, keys: [alice, bob], clients, subject: room.as(alice) });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

describe("a nats-server that is killed", () => {
  test("is back by itself on its port, and stock clients are back in their room [M-100]", async () => {
    await withTwoClients(async ({ scene, clients: [alice, bob], subject }) => {
      const { unibus, port } = scene;
      await hearBetween(alice, bob, subject);
      for (let round = 0; round < 2; round++) {
        await killNatsServer(unibus);
        await hearBetween(alice, bob, subject);
      }
      expect(await accepts(port)).toBe(true);
      const events = unibus.log.map(({ event }) => event);
      expect(events.filter((event) => event === "nats.exited")).toHaveLength(2);
      expect(events.filter((event) => event === "nats.restarted")).toHaveLength(2);
      expect(childrenOf(unibus.pid)).toHaveLength(1);
    });
  });

  test("loses no revocation: who is revoked afterwards is out, and so is who was before [M-013]", async () => {
    await withTwoClients(async ({ scene, keys: [alice, bob], clients: [, stock], subject }) => {
      const gone = await scene.addUser();
      await scene.revoke(gone);
      await killNatsServer(scene.unibus);
      await eventually(() => !stock.isClosed() && stock.info !== undefined);
      using one = await scene.login(alice);
      using other = await scene.login(bob);
      one.subscribe(`${subject}.>`, "1");
      await one.drain();
      await scene.revoke(alice);
      await eventually(() => one.closed, { timeoutMs: 2_000 });
      expect(other.closed).toBe(false);
      for (const key of [alice, gone]) {
        using again = await loginRaw(scene.port, key);
        expect(again.closed).toBe(true);
      }
    });
  });

  test("keeps nobody waiting: who comes before logins are answered again is let go, and comes back", async () => {
    for (let round = 0; round < 3; round++) {
      await using scene = await startScene();
      const { unibus } = scene;
      const keys = await Promise.all(Array.from({ length: 25 }, () => scene.addUser()));
      // The numbers of these connections are given to others by the next nats-server.
      for (const key of keys) await scene.login(key);
      const [natsServer = 0] = childrenOf(unibus.pid);
      process.kill(natsServer, "SIGKILL");
      const startedAt = performance.now();
      await Promise.all(keys.map((key) => comeBack(scene.port, key)));
      // nats-server itself would let them go after 5 s.
      expect(performance.now() - startedAt).toBeLessThan(2_500);
      const exited = unibus.log.find(({ event }) => event === "nats.exited");
      expect(exited?.message).toContain("exit code 137; it is restarted");
    }
  });
});

/** Knocks without a pause until it is let in. */
async function comeBack(port: number, key: TestKey): Promise<void> {
  const client = await eventually(
    async () => {
      const tried = await loginRaw(port, key, { lang: "test" });
      return tried.closed ? null : tried;
    },
    { timeoutMs: 20_000, everyMs: 1, what: "a login" },
  );
  client[Symbol.dispose]();
}

describe("a nats-server that cannot come back", () => {
  test("because its port was taken ends the node with 1, and the log says why", async () => {
    await using unibus = await startUnibus();
    const { pid, natsPort } = unibus;
    const [natsServer = 0] = childrenOf(pid);
    // Held still, the node cannot be quicker than whoever takes the port.
    process.kill(pid, "SIGSTOP");
    process.kill(natsServer, "SIGKILL");
    await using held = await eventually(() => holdPort(natsPort).catch(() => null));
    process.kill(pid, "SIGCONT");
    expect(await unibus.exited).toBe(EXIT.failed);
    expect(await unibus.end()).toBe(EXIT.failed);
    const fault = unibus.log.find(({ event }) => event === "node.failed");
    expect(fault).toMatchObject({ level: "error" });
    expect(fault?.message).toStartWith(`start embedded nats: port ${held.port} is taken`);
    expect(unibus.log.slice(-3).map(({ message }) => message)).toEqual([
      "shutting down...",
      "nats-server has stopped",
      "bye",
    ]);
    expect(unibus.log.filter(({ event }) => event === "nats.exited").length).toBeGreaterThan(2);
  });

  test("is no reason to give up when the port is free again after a moment", async () => {
    await using unibus = await startUnibus();
    const { pid, natsPort } = unibus;
    const [natsServer = 0] = childrenOf(pid);
    process.kill(pid, "SIGSTOP");
    process.kill(natsServer, "SIGKILL");
    {
      await using _held = await eventually(() => holdPort(natsPort).catch(() => null));
      process.kill(pid, "SIGCONT");
      await eventually(
        () => unibus.log.filter(({ event }) => event === "nats.exited").length >= 2,
        { everyMs: 1 },
      );
    }
    await eventually(() => unibus.log.find(({ event }) => event === "nats.restarted"));
    expect(await accepts(natsPort)).toBe(true);
  });
});
