import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { count, recordProof } from "../harness/counts.ts";
import { type RawMessage, type RawNats, type TestKey, testKey } from "../harness/raw-nats.ts";
import { type Scene, type SceneRoom, settle, startAttack } from "../harness/scene.ts";
import { connectStock } from "../harness/stock-client.ts";

let scene: Scene;
let alice: TestKey;
let bob: TestKey;
let mallory: TestKey;
/** Alice and Bob talk here, Mallory is a stranger to it. */
let theirs: SceneRoom;
/** Mallory talks here with Alice. */
let own: SceneRoom;

beforeAll(async () => {
  ({ scene, alice, bob, mallory, theirs, own } = await startAttack());
});
afterAll(() => scene[Symbol.asyncDispose]());

/** Subjects where Mallory may not publish, and where a reply would do harm. */
function foreignSubjects(): readonly string[] {
  return [
    theirs.as(alice, "cmd"),
    theirs.as(bob, "cmd"),
    theirs.as(mallory),
    `${theirs.subject}.msg`,
    theirs.inbox(alice),
    theirs.inbox(bob),
    `_INBOX.${bob.user}.x`,
    own.as(alice, "cmd"),
    `me.${alice.user}.room.gained`,
    `me.${bob.user}.room.lost`,
    "$SYS.REQ.USER.INFO",
    "$SYS.REQ.USER.AUTH",
    "$SYS.REQ.SERVER.PING.CONNZ",
    "$JS.API.INFO",
    "$JS.API.STREAM.CREATE.stolen",
    "_R_.x",
    "$GR.x",
  ];
}

/** Raw clients of Alice and Bob that hear all they may: whatever arrives was delivered by somebody. */
interface Witnesses extends Disposable {
  readonly clients: readonly [RawNats, RawNats];
  /** What they heard, of rooms, inboxes and events of theirs. */
  heard(): readonly RawMessage[];
}

async function openWitnesses(): Promise<Witnesses> {
  const clients = [await scene.login(alice), await scene.login(bob)] as const;
  for (const [at, { user }] of [alice, bob].entries()) {
    clients[at]?.subscribe(`${theirs.subject}.>`, "room");
    clients[at]?.subscribe(`_INBOX.${user}.>`, "inbox");
    clients[at]?.subscribe(`me.${user}.>`, "me");
  }
  await settle(...clients);
  return {
    clients,
    heard: () => clients.flatMap(({ messages }) => messages),
    [Symbol.dispose]: () => clients.forEach((client) => void client[Symbol.dispose]()),
  };
}

describe("a reply subject where one may not publish", () => {
  test("is never followed by the server itself, with nobody listening, one connection or two [G-01]", async () => {
    using witnesses = await openWitnesses();
    using asker = await scene.login(mallory);
    using helper = await scene.login(mallory);
    for (const client of [asker, helper]) {
      client.subscribe(`${own.subject}.>`, "room");
      client.subscribe(`_INBOX.${mallory.user}.>`, "inbox");
    }
    await settle(asker, helper);
    const replies = foreignSubjects();
    const times = count("attacks");
    for (let at = 0; at < times; at++) {
      const reply = replies[at % replies.length];
      // Into the own room, where both connections listen; into an inbox that nobody has; to itself.
      asker.publish(own.as(mallory, "ask"), "request", reply);
      asker.publish(own.inbox(testKey()), "request", reply);
      asker.publish(own.inbox(mallory), "request", reply);
    }
    await settle(asker, helper, ...witnesses.clients);
    expect(witnesses.heard()).toEqual([]);
    // The control: the requests came where they were sent, with their reply; and the witnesses hear.
    expect(helper.messages.filter(({ sid }) => sid === "room").length).toBeGreaterThan(times / 2);
    witnesses.clients[0].publish(theirs.as(alice), "control");
    await settle(...witnesses.clients);
    expect(witnesses.heard().map(({ payload }) => payload)).toEqual(["control", "control"]);
    recordProof("a request whose reply subject is not the asker's to publish to", {
      tried: 3 * times,
      delivered: 0,
    });
  });

  test("is of no use to the asker's second connection: its answer is refused [G-01]", async () => {
    using witnesses = await openWitnesses();
    using asker = await scene.login(mallory);
    using responder = await scene.login(mallory);
    responder.subscribe(own.as(mallory, "ask"), "1");
    await responder.drain();
    const replies = foreignSubjects().filter((subject) => !/^(_R_|\$GR)/.test(subject));
    const times = count("attacks");
    for (let at = 0; at < times; at++) {
      asker.publish(own.as(mallory, "ask"), "", replies[at % replies.length]);
    }
    await settle(asker, responder);
    expect(responder.messages).toHaveLength(times);
    for (const { reply } of responder.messages) responder.publish(reply, "answer");
    await settle(responder, ...witnesses.clients);
    expect(responder.errors).toEqual(
      responder.messages.map(({ reply }) => `'Permissions Violation for Publish to "${reply}"'`),
    );
    expect(witnesses.heard()).toEqual([]);
    // The control: a reply subject that is theirs to use is answered the same way.
    asker.subscribe(own.inbox(mallory), "2");
    asker.publish(own.as(mallory, "ask"), "", own.inbox(mallory));
    await settle(asker, responder);
    responder.publish(responder.messages.at(-1)?.reply ?? "", "answer");
    await settle(responder, asker);
    expect(asker.messages.map(({ payload }) => payload)).toEqual(["answer"]);
    recordProof("an answer to a reply subject without a right", { tried: times, delivered: 0 });
  });

  test("makes the server tell 'no responders' to the asker alone, where the asker listens itself [G-01]", async () => {
    using witnesses = await openWitnesses();
    using asker = await scene.login(mallory, { headers: true, no_responders: true });
    asker.subscribe(`_INBOX.${mallory.user}.>`, "1");
    const replies = foreignSubjects();
    const times = count("attacks");
    for (let at = 0; at < times; at++) {
      asker.publish(own.as(mallory, "nobody"), "", replies[at % replies.length]);
    }
    asker.publish(own.as(mallory, "nobody"), "", own.inbox(mallory, "control"));
    await settle(asker, ...witnesses.clients);
    expect(witnesses.heard()).toEqual([]);
    expect(asker.messages.map(({ subject }) => subject)).toEqual([own.inbox(mallory, "control")]);
    expect(asker.messages[0]?.payload).toStartWith("NATS/1.0 503\r\n");
    recordProof("a 'no responders' answer to somebody else", { tried: times, delivered: 0 });
  });
});

describe("a stock responder that is in two rooms", () => {
  test("can be tricked to speak, but never under a name that is not its own [G-01]", async () => {
    const responder = await connectStock(scene.port, alice);
    answerEverything(responder, [own, theirs]);
    await responder.flush();
    using witnesses = await openWitnesses();
    using asker = await scene.login(mallory);
    const replies = foreignSubjects();
    const times = count("attacks");
    for (let at = 0; at < times; at++) {
      asker.publish(own.as(mallory, "ask"), `${at}`, replies[at % replies.length]);
    }
    // The control: the responder is alive, and answers where it is asked to.
    asker.subscribe(own.inbox(mallory), "1");
    asker.publish(own.as(mallory, "ask"), "control", own.inbox(mallory));
    await settle(asker);
    await responder.flush();
    await settle(asker, ...witnesses.clients);
    expect(asker.messages.map(({ payload }) => payload)).toEqual(["answer to control"]);
    const heard = witnesses.heard().filter(({ sid }) => sid === "room");
    // What the trick achieves: Alice's own words, under her own name, in a room that she is in.
    expect(heard.length).toBeGreaterThan(0);
    expect(new Set(heard.map(({ subject }) => subject))).toEqual(
      new Set([theirs.as(alice, "cmd")]),
    );
    expect(witnesses.heard().filter(({ sid }) => sid === "me")).toEqual([]);
    await responder.close();
    recordProof("a tricked responder speaking under a foreign name", {
      tried: times,
      delivered: 0,
    });
  });
});

function answerEverything(responder: NatsConnection, rooms: readonly SceneRoom[]): void {
  for (const { subject } of rooms) {
    responder.subscribe(`${subject}.*.ask`, {
      callback: (_error, message) => void message.respond(`answer to ${message.string()}`),
    });
  }
}

describe("request and reply in a room", () => {
  test("work between two members with stock clients, once the inbox prefix is the room's [G-01]", async () => {
    const asker = await connectStock(scene.port, bob, theirs);
    const responder = await connectStock(scene.port, alice, theirs);
    answerEverything(responder, [theirs]);
    await responder.flush();
    const times = count("attacks");
    for (let at = 0; at < times; at++) {
      const answer = await asker.request(theirs.as(bob, "ask"), `${at}`, { timeout: 5_000 });
      expect(answer.string()).toBe(`answer to ${at}`);
    }
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, at) => asker.request(theirs.as(bob, "ask"), `${at}`)),
    );
    expect(many.map((answer) => answer.string())).toEqual(
      Array.from({ length: 20 }, (_, at) => `answer to ${at}`),
    );
    // With nobody to answer, the stock client is told at once.
    await expect(asker.request(theirs.as(bob, "nobody"))).rejects.toThrow("no responders");
    await Promise.all([asker.close(), responder.close()]);
  });

  test("are refused to a member of another room, as itself and as somebody else [G-01]", async () => {
    const outsider = await connectStock(scene.port, mallory, theirs);
    const responder = await connectStock(scene.port, alice, theirs);
    answerEverything(responder, [theirs]);
    await responder.flush();
    for (const subject of [theirs.as(mallory, "ask"), theirs.as(bob, "ask")]) {
      const refused = outsider.request(subject, "", { timeout: 300 });
      await expect(refused).rejects.toThrow("Permissions Violation");
    }
    await Promise.all([outsider.close(), responder.close()]);
  });
});
