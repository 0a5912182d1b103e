import { describe, expect, test } from "bun:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { eventually } from "../harness/eventually.ts";
import { expectGolden } from "../harness/golden.ts";
import { goldenNatsConfig } from "../harness/nats-config.ts";
import { connectLine, loginRaw, openRaw, type TestKey, testKey } from "../harness/raw-nats.ts";
import {
  runningNatsConfig,
  type Scene,
  type SceneRoom,
  settle,
  startScene,
} from "../harness/scene.ts";
import { startUnibus, temporaryFolder } from "../harness/unibus.ts";

const MODES = ["off", "soft", "enforce"] as const;

test.each(MODES)(
  "under %s nats-server runs with the configuration of the golden file [G-13, G-14]",
  async (mode) => {
    await using unibus = await startUnibus({ args: ["--bus-auth", mode] });
    const config = goldenNatsConfig(await runningNatsConfig(unibus));
    expectGolden(`nats-config-${mode}.json`, config);
  },
);

describe("under soft", () => {
  async function startSoft(): Promise<Scene> {
    return await startScene({ args: ["--bus-auth", "soft"] });
  }

  test("everybody is let in, and what enforce would have refused is counted by its reason [M-065, G-03]", async () => {
    await using scene = await startSoft();
    const alice = await scene.addUser();
    const revoked = await scene.addUser();
    await scene.revoke(revoked);
    const wrong = testKey();
    const plain = (options: object) => `CONNECT ${JSON.stringify(options)}\r\n`;
    const tries: readonly (readonly [string | null, (nonce: string) => string])[] = [
      [null, (nonce) => connectLine(alice, nonce)],
      ["no-credentials", () => plain({})],
      ["not-a-key", () => plain({ user: "bob", pass: "hunter2" })],
      ["not-a-key", () => plain({ auth_token: "hunter2" })],
      ["key-unknown", (nonce) => connectLine(testKey(), nonce)],
      ["key-malformed", () => plain({ nkey: "U", sig: "x" })],
      ["user-revoked", (nonce) => connectLine(revoked, nonce)],
      ["signature-missing", () => plain({ nkey: alice.user })],
      ["signature-wrong", (nonce) => connectLine(wrong, nonce, { nkey: alice.user })],
      ["client-text", (nonce) => connectLine(alice, nonce, { name: "100%" })],
    ];
    for (const [reason, lineOf] of tries) {
      const { admitted, errors } = await scene.knock(lineOf);
      expect([reason, admitted, errors]).toEqual([reason, true, []]);
    }
    const { counts, last } = await scene.refusals();
    const reasons = tries.flatMap(([reason]) => reason ?? []);
    for (const reason of reasons) {
      const times = reasons.filter((one) => one === reason).length;
      expect([reason, counts[`soft.login.${reason}`]]).toEqual([reason, times]);
    }
    expect(Object.keys(counts).every((what) => what.startsWith("soft.login."))).toBe(true);
    expect(last.map(({ reason, admitted }) => [reason, admitted])).toEqual(
      reasons.map((reason) => [reason, true]),
    );
    const lines = scene.unibus.log.filter(({ event }) => event === "login.refused");
    expect(lines.map(({ reason }) => reason)).toEqual(reasons);
    expect(lines[0]?.message).toStartWith("enforce would have refused a login: ");
    expect((await scene.unibus.cli("refusals")).stdout).toContain("(let through: soft)");
  });

  test("whoever proves no key is nobody: what is meant for a user is the user's [G-03]", async () => {
    await using scene = await startSoft();
    const alice = await scene.addUser();
    using honest = await scene.login(alice);
    using forger = await openRaw(scene.port);
    forger.send(connectLine(testKey(), forger.info.nonce ?? "", { nkey: alice.user }));
    for (const client of [honest, forger]) client.subscribe(`me.${alice.user}.>`, "1");
    await settle(honest, forger);
    expect(honest.errors).toEqual([]);
    expect(forger.errors).toEqual([
      `'Permissions Violation for Subscription to "me.${alice.user}.>"'`,
    ]);
    await scene.addRoom([[alice, "owner"]]);
    await eventually(() => honest.messages.length > 0);
    expect(forger.messages).toEqual([]);
  });

  test("all rooms are open, nothing else is: no system, no JetStream, no events of others [G-15]", async () => {
    await using scene = await startSoft();
    using anonymous = await openRaw(scene.port);
    anonymous.send('CONNECT {"verbose":false,"pedantic":false}\r\n');
    const closed = [">", "*", "$SYS.>", "$JS.>", "$JS.API.INFO", "me.>", "cap.>", "x"];
    for (const subject of closed) {
      anonymous.subscribe(subject, "1");
      anonymous.publish(subject, "");
    }
    await anonymous.drain();
    expect(anonymous.errors).toHaveLength(2 * closed.length);
    for (const subject of ["rm.>", "_INBOX.>"]) anonymous.subscribe(subject, subject);
    anonymous.publish("rm.k.0.room.sender.msg", "open");
    await settle(anonymous);
    expect(anonymous.messages.map(({ sid }) => sid)).toEqual(["rm.>"]);
  });

  test("a publish that enforce would refuse is let through and counted once, by its subject [G-03]", async () => {
    await using scene = await startSoft();
    const member = await scene.addUser();
    const reader = await scene.addUser();
    const stranger = await scene.addUser();
    const room = await scene.addRoom([
      [member, "member"],
      [reader, "reader"],
    ]);
    using listener = await scene.login(member);
    listener.subscribe(`${room.subject}.>`, "1");
    await listener.drain();
    const refused = refusedUnderEnforce({ room, reader, stranger });
    using speaker = await scene.login(stranger);
    for (const subject of [...refused, ...refused, room.as(member), room.as(member, "a.b")]) {
      speaker.publish(subject, "");
    }
    await settle(speaker, listener);
    expect(speaker.errors).toEqual([]);
    const inRoom = refused.filter((subject) => subject.startsWith(`${room.subject}.`));
    expect(listener.messages).toHaveLength(2 * inRoom.length + 2);
    await eventually(async () => (await scene.refused("soft.publish.no-right")) > 0);
    const { counts, last } = await scene.refusals();
    expect(counts).toEqual({ "soft.publish.no-right": refused.length });
    // Fit for a terminal: a subject is any bytes of a stranger's.
    const shown = refused.map((subject) => subject.replace("\u001b", "?"));
    expect(last.map(({ subject }) => subject)).toEqual(shown);
    expect(last.map(({ user }) => user)).toContain(stranger.user);
  });
});

/** Subjects whose named sender could not have spoken there under enforce. */
function refusedUnderEnforce(who: {
  readonly room: SceneRoom;
  readonly reader: TestKey;
  readonly stranger: TestKey;
}): string[] {
  const { room, reader, stranger } = who;
  return [
    room.as(stranger),
    room.as(reader),
    room.as(testKey()),
    `${room.subject}.nobody.msg`,
    `rm.k.0.${room.id.split("").reverse().join("")}.${stranger.user}.msg`,
    room.as(reader).replace("rm.k.", "rm.n."),
    "rm.anything",
    "rm.\u001b[2J",
  ];
}

describe("under off", () => {
  async function connectFreely(port: number): Promise<NatsConnection> {
    return await connect({ servers: `127.0.0.1:${port}`, reconnect: false });
  }

  test("everybody is let in with all rights but the system's, and nothing is counted [M-065, G-15]", async () => {
    await using scene = await startScene({ args: ["--bus-auth", "off"] });
    using anonymous = await openRaw(scene.port);
    anonymous.send('CONNECT {"user":"x","pass":"y"}\r\n');
    using stranger = await loginRaw(scene.port, testKey());
    using forger = await loginRaw(scene.port, testKey(), { nkey: testKey().user, name: "100%" });
    for (const client of [anonymous, stranger, forger]) {
      client.subscribe(">", "1");
      client.subscribe("me.somebody.>", "2");
    }
    await settle(anonymous, stranger, forger);
    stranger.publish("any.subject", "hello");
    stranger.publish("$SYS.REQ.SERVER.PING", "");
    stranger.subscribe("$SYS.>", "3");
    await settle(stranger, anonymous, forger);
    for (const client of [anonymous, stranger, forger]) {
      expect(client.messages.map(({ subject }) => subject)).toEqual(["any.subject"]);
    }
    expect(stranger.errors).toEqual([
      `'Permissions Violation for Publish to "$SYS.REQ.SERVER.PING"'`,
      `'Permissions Violation for Subscription to "$SYS.>"'`,
    ]);
    const { counts } = await scene.refusals();
    expect(Object.keys(counts).filter((what) => what.startsWith("login."))).toEqual([]);
  });

  test("JetStream is there, and what a stream holds outlives the node [M-026, M-071]", async () => {
    using folder = temporaryFolder();
    const start = () => startUnibus({ dataDir: folder.path, args: ["--bus-auth", "off"] });
    {
      await using unibus = await start();
      const client = await connectFreely(unibus.natsPort);
      const manager = await jetstreamManager(client);
      await manager.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
      for (let at = 0; at < 10; at++) await jetstream(client).publish("orders.new", `${at}`);
      await client.close();
    }
    {
      await using unibus = await start();
      const client = await connectFreely(unibus.natsPort);
      const manager = await jetstreamManager(client);
      const { state } = await manager.streams.info("ORDERS");
      expect(state).toMatchObject({ messages: 10, first_seq: 1, last_seq: 10 });
      const last = await manager.streams.getMessage("ORDERS", { seq: 10 });
      expect(last?.string()).toBe("9");
      await client.close();
    }
  });
});
