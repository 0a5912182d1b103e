import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { count, recordProof } from "../harness/counts.ts";
import type { RawNats, TestKey } from "../harness/raw-nats.ts";
import { type Scene, type SceneRoom, settle, startScene } from "../harness/scene.ts";

let scene: Scene;
let alice: TestKey;
let bob: TestKey;
let mallory: TestKey;
let reader: TestKey;
let writer: TestKey;
/** Alice and Bob talk here, Mallory is a stranger to it. */
let theirs: SceneRoom;
/** Mallory talks here with Alice. */
let own: SceneRoom;

beforeAll(async () => {
  scene = await startScene();
  [alice, bob, mallory, reader, writer] = [
    await scene.addUser(),
    await scene.addUser(),
    await scene.addUser(),
    await scene.addUser(),
    await scene.addUser(),
  ];
  theirs = await scene.addRoom([
    [alice, "owner"],
    [bob, "member"],
    [reader, "reader"],
    [writer, "writer"],
  ]);
  own = await scene.addRoom([
    [mallory, "owner"],
    [alice, "member"],
  ]);
});
afterAll(() => scene[Symbol.asyncDispose]());

/** What every client may be refused by, with nothing granted around it. */
function everybodys(): readonly string[] {
  const { id } = theirs;
  const [rm = "", history = "", shard = ""] = theirs.subject.split(".");
  return [
    ">",
    "*",
    "*.>",
    "*.*.*.*.*.*",
    "rm.>",
    "rm.*.>",
    `${rm}.${history}.${shard}.*.>`,
    `${rm}.*.*.${id}.>`,
    `${rm}.*.${shard}.${id}.>`,
    `${rm}.${history}.*.${id}.>`,
    `${theirs.subject}.>`,
    theirs.as(alice),
    theirs.as(mallory),
    `RM.${history}.${shard}.${id}.>`,
    "_INBOX.>",
    "_INBOX.*.>",
    "_INBOX.*",
    `_INBOX.${alice.user}.>`,
    `_INBOX.*.${id}.>`,
    `_INBOX.*.${own.id}.>`,
    theirs.inbox(alice),
    own.inbox(alice),
    "me.>",
    "me.*.>",
    `me.${alice.user}.>`,
    `me.${alice.user}.room.gained`,
    "$SYS.>",
    "$SYS.REQ.USER.AUTH",
    "$SYS.REQ.USER.INFO",
    "$SYS.REQ.ACCOUNT.PING.CONNZ",
    "$SYS.ACCOUNT.*.CONNECT",
    "$SYS.REQ.SERVER.PING",
    "$JS.>",
    "$JS.API.>",
    "$JS.API.INFO",
    "$JS.API.STREAM.LIST",
    "$KV.>",
    "$SRV.>",
    "$MQTT.>",
    "$NRG.>",
    "cap.>",
    "open.>",
    "cap.rm.>",
    "anything",
  ];
}

describe("a member of another room", () => {
  test("may subscribe to nothing of others, and receives none of it [G-01, G-15]", async () => {
    using outsider = await scene.login(mallory);
    using sender = await scene.login(alice);
    // The control: a subscription like those refused, which receives what is sent in between.
    outsider.subscribe(`${own.subject}.>`, "own");
    const subjects = everybodys();
    for (const [at, subject] of subjects.entries()) outsider.subscribe(subject, `${at}`);
    for (const [at, subject] of subjects.entries()) outsider.subscribe(subject, `q${at}`, "queue");
    await outsider.drain();
    expect(outsider.errors).toEqual([
      ...subjects.map((subject) => refusedSubscription(subject)),
      ...subjects.map((subject) => refusedSubscription(subject, "queue")),
    ]);
    const times = count("attacks");
    for (let at = 0; at < times; at++) {
      sender.publish(theirs.as(alice), "secret");
      sender.publish(theirs.inbox(bob), "secret");
      sender.publish(own.as(alice), `${at}`);
    }
    await settle(sender, outsider);
    expect(sender.errors).toEqual([]);
    expect(outsider.messages.filter(({ sid }) => sid !== "own")).toEqual([]);
    expect(outsider.messages.map(({ payload }) => payload)).toEqual(
      Array.from({ length: times }, (_, at) => `${at}`),
    );
    recordProof("reading a room, inbox or system subject of others", {
      subjects: subjects.length * 2,
      sent: 2 * times,
      received: 0,
    });
  });

  test("may publish nothing there, nor as somebody else, nor into an inbox outside its room [G-01, G-15]", async () => {
    using outsider = await scene.login(mallory);
    using victim = await scene.login(alice);
    for (const [at, subject] of victimsSubjects().entries()) victim.subscribe(subject, `${at}`);
    await victim.drain();
    expect(victim.errors).toEqual([]);
    const forbidden = [
      ...everybodys().filter(
        (subject) => subject !== own.inbox(alice) && !subject.includes(`_INBOX.*.${own.id}`),
      ),
      own.as(alice),
      own.as(bob),
      `${own.subject}.msg`,
      `${own.subject}.*.msg`,
      `${own.subject}.${mallory.user.toLowerCase()}.msg`,
      `${own.subject}.${mallory.user}`,
      `_INBOX.${alice.user}.${mallory.user}.x`,
      `_INBOX.${alice.user}.x`,
      `_INBOX.${alice.user}.${own.id}`,
      `_INBOX.${own.id}.x`,
      `_INBOX..${theirs.id}.x`,
      `me.${mallory.user}.room.gained`,
    ];
    const times = Math.ceil(count("attacks") / forbidden.length);
    for (let round = 0; round < times; round++) {
      for (const subject of forbidden) outsider.publish(subject, "forged");
    }
    await outsider.drain();
    expect(outsider.errors.slice(0, forbidden.length)).toEqual(forbidden.map(refusedPublish));
    expect(outsider.errors).toHaveLength(times * forbidden.length);
    // The control: the same two connections, and subjects beside those refused.
    outsider.publish(own.as(mallory), "mine");
    outsider.publish(own.inbox(alice), "answer");
    await settle(outsider, victim);
    expect(victim.messages.map(({ payload }) => payload)).toEqual(["mine", "answer"]);
    recordProof("publishing to a subject without a right", {
      tried: times * forbidden.length,
      received: 0,
    });
  });

  test("learns nothing of a publish that is refused: no reply comes, also not that nobody listens [G-01]", async () => {
    using outsider = await scene.login(mallory);
    outsider.subscribe(own.inbox(mallory, ">"), "1");
    for (const subject of everybodys()) {
      if (subject.includes(own.id)) continue;
      outsider.publish(subject, "", own.inbox(mallory));
    }
    // The control: a request of its own that nobody answers is told so by the server.
    outsider.publish(own.as(mallory, "nobody"), "", own.inbox(mallory, "control"));
    await settle(outsider);
    expect(outsider.messages.map(({ subject }) => subject)).toEqual([
      own.inbox(mallory, "control"),
    ]);
  });
});

/** Everything that Alice may hear: where a forged message to or as her would arrive. */
function victimsSubjects(): readonly string[] {
  return [
    `${theirs.subject}.>`,
    `${own.subject}.>`,
    `_INBOX.${alice.user}.>`,
    `me.${alice.user}.>`,
  ];
}

describe("in one's own room", () => {
  test("a reader hears everything, speaks nowhere and takes nothing from others [G-01]", async () => {
    using listener = await scene.login(reader);
    using worker = await scene.login(bob);
    using sender = await scene.login(alice);
    listener.subscribe(`${theirs.subject}.>`, "plain");
    worker.subscribe(theirs.as(alice, "jobs"), "jobs", "workers");
    const queued = [`${theirs.subject}.>`, theirs.as(alice, "jobs"), `${theirs.subject}.*.jobs`];
    const groups = ["workers", "*", ">", "workers.>", "a.b.c", "."];
    const joins = queued.flatMap((subject) => groups.map((queue) => ({ subject, queue })));
    for (const [at, { subject, queue }] of joins.entries()) {
      listener.subscribe(subject, `${at}`, queue);
    }
    listener.publish(theirs.as(reader), "spoken");
    listener.publish(theirs.inbox(alice), "spoken");
    await settle(worker, listener);
    expect(listener.errors).toEqual([
      ...joins.map(({ subject, queue }) => refusedSubscription(subject, queue)),
      refusedPublish(theirs.as(reader)),
      refusedPublish(theirs.inbox(alice)),
    ]);
    const times = count("attacks");
    for (let at = 0; at < times; at++) sender.publish(theirs.as(alice, "jobs"), `${at}`);
    await settle(sender, worker, listener);
    expect(worker.messages).toHaveLength(times);
    expect(listener.messages).toHaveLength(times);
    expect(new Set(listener.messages.map(({ sid }) => sid))).toEqual(new Set(["plain"]));
    recordProof("a reader in a queue group", { jobs: times, taken: 0 });
  });

  test("a writer speaks as itself and hears nothing, not even itself [G-01]", async () => {
    using speaker = await scene.login(writer);
    using listener = await scene.login(bob);
    listener.subscribe(`${theirs.subject}.>`, "1");
    await listener.drain();
    speaker.subscribe(`${theirs.subject}.>`, "1");
    speaker.subscribe(theirs.as(writer), "2");
    speaker.publish(theirs.as(writer), "spoken");
    speaker.publish(theirs.as(alice), "forged");
    await settle(speaker, listener);
    expect(speaker.errors).toEqual([
      refusedSubscription(`${theirs.subject}.>`),
      refusedSubscription(theirs.as(writer)),
      refusedPublish(theirs.as(alice)),
    ]);
    expect(speaker.messages).toEqual([]);
    expect(listener.messages.map(({ payload }) => payload)).toEqual(["spoken"]);
  });

  test("who is in no room at all may publish nowhere [G-01]", async () => {
    using lonely: RawNats = await scene.login(await scene.addUser());
    const subjects = [...everybodys(), own.as(mallory)];
    for (const subject of subjects) lonely.publish(subject, "forged");
    await lonely.drain();
    expect(lonely.errors).toEqual(subjects.map(refusedPublish));
  });
});

function refusedSubscription(subject: string, queue?: string): string {
  const using = queue === undefined ? "" : ` using queue "${queue}"`;
  return `'Permissions Violation for Subscription to "${subject}"${using}'`;
}

function refusedPublish(subject: string): string {
  return `'Permissions Violation for Publish to "${subject}"'`;
}
