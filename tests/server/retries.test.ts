import { describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import {
  type Answered,
  type Callers,
  openCallers,
  type Prepared,
  send,
} from "../harness/callers.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { listRetried, openAsking, prepareRetried, type Retried } from "../harness/retried.ts";
import { type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const repeats = count("retries");
/** These ask faster than anybody may. */
const RATES = ["--requests-per-address", "1000000", "--requests-per-user", "1000000"];
const SEQ = "unibus-seq";

/** A node that can be killed and started again where it was, on the same folder and port. */
async function startLasting() {
  const folder = temporaryFolder();
  let unibus: RunningUnibus;
  async function start(port: string): Promise<Callers> {
    const args = ["--http-port", port, ...RATES];
    unibus = await startUnibus({ dataDir: folder.path, args });
    return await openCallers(unibus);
  }
  const callers = await start("0");
  const { port } = new URL(callers.unsigned.prepare("GET", "/").url);
  return {
    callers,
    async kill(): Promise<void> {
      await unibus.end("SIGKILL");
    },
    restart: () => start(port),
    cli: (...args: string[]) => unibus.cli(...args),
    async [Symbol.asyncDispose]() {
      await unibus[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

function parallel<T>(times: number, job: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, job));
}

async function serial<T>(times: number, job: () => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let at = 0; at < times; at++) answers.push(await job());
  return answers;
}

/** All of an answer but when it was given. */
function wholeAnswer({ status, headers, text }: Answered): string {
  const lasting = [...headers].filter(([name]) => name !== "date");
  return JSON.stringify({ status, headers: lasting, text });
}

/** Expects that all of these are one answer, or one secret and nothing but refusals. */
function expectOneAnswer(one: Retried, answers: readonly Answered[], secrets = 1): void {
  const { title, told, secret } = one;
  const successes = answers.filter(({ status }) => status < 300);
  if (!secret) {
    expect([title, successes.length]).toEqual([title, answers.length]);
    expect(new Set(answers.map(wholeAnswer)).size).toBe(1);
    expect(answers[0]?.told).toBe(told);
    return;
  }
  expect([title, successes.map((answer) => answer.told)]).toEqual([
    title,
    Array.from({ length: secrets }, () => told),
  ]);
  const others = answers.filter(({ status }) => status >= 300);
  expect(new Set(others.map((answer) => answer.told))).toEqual(new Set(["409 already-issued"]));
  expect(others.map(({ text }) => text).join()).not.toMatch(/ub[it]_/);
}

describe("a change asked for again with its Idempotency-Key, signed anew each time", () => {
  test("is done once and answered alike: in parallel, one after the other, and after the node was killed", async () => {
    await using node = await startLasting();
    const asking = await openAsking(node.callers);
    const changes = await listRetried(asking);
    const keys = new Map(changes.map((change) => [change, randomUUID()]));
    const ask = (callers: Callers, change: Retried) =>
      send(prepareRetried(callers, change, keys.get(change)));
    const answers = new Map<Retried, Answered[]>();
    for (const change of changes) {
      const job = () => ask(node.callers, change);
      answers.set(change, [...(await parallel(repeats, job)), ...(await serial(repeats, job))]);
    }
    await node.kill();
    const callers = await node.restart();
    for (const change of changes) {
      const job = () => ask(callers, change);
      const all = answers.get(change) ?? [];
      all.push(...(await serial(repeats, job)), ...(await parallel(repeats, job)));
      expectOneAnswer(change, all);
      expect([change.title, await change.count(callers)]).toEqual([change.title, 1]);
    }
    const listed = await node.cli("user", "list", "--json");
    const added = changes.find(({ title }) => title === "a user added");
    const { name } = JSON.parse(JSON.stringify(added?.body));
    expect(listed.stdout.split(name)).toHaveLength(2);
    recordProof("repeats of a change with its Idempotency-Key", {
      changes: changes.length,
      requests: [...answers.values()].flat().length,
    });
  }, 240_000);

  test("leaves no second entry in the journal", async () => {
    await using node = await startLasting();
    const asking = await openAsking(node.callers);
    const { admin, owner, callers } = asking;
    const seqOf = async () =>
      Number((await admin.ask("POST", `/v1/users/${owner.user}/restore`)).headers.get(SEQ));
    for (const change of await listRetried(asking)) {
      const key = randomUUID();
      const before = await seqOf();
      await parallel(10, () => send(prepareRetried(callers, change, key)));
      expect([change.title, (await seqOf()) - before]).toEqual([change.title, 2]);
    }
  });

  test("is done once wherever the node is killed meanwhile, and its secret is shown once at most", async () => {
    for (let round = 0; round < count("node-kills"); round++) {
      await using node = await startLasting();
      const changes = await listRetried(await openAsking(node.callers));
      const keyOf = ({ title }: Retried) => `round ${round} ${title}`.replaceAll(" ", "-");
      const answered = new Map<Retried, Answered[]>(changes.map((change) => [change, []]));
      let sent = 0;
      const total = changes.length * 20;
      // Killed when about this many were answered: each round at another place.
      const killAt = Math.floor((total * (round + 1)) / (count("node-kills") + 1));
      let killed: Promise<void> | null = null;
      const attempts = changes.flatMap((change) =>
        Array.from({ length: 20 }, async () => {
          const request = prepareRetried(node.callers, change, keyOf(change));
          const answer = await send(request).catch(() => null);
          if (answer) answered.get(change)?.push(answer);
          if (++sent >= killAt) killed ??= node.kill();
        }),
      );
      await Promise.all(attempts);
      await killed;
      const callers = await node.restart();
      for (const change of changes) {
        const all = answered.get(change) ?? [];
        const shown = all.filter(({ status }) => status < 300).length;
        all.push(...(await serial(5, () => send(prepareRetried(callers, change, keyOf(change))))));
        const shownAfter = all.filter(({ status }) => status < 300).length;
        expectOneAnswer(change, all, change.secret ? shownAfter : undefined);
        if (change.secret) expect(shownAfter).toBeLessThanOrEqual(Math.max(shown, 1));
        expect([change.title, await change.count(callers)]).toEqual([change.title, 1]);
      }
    }
  }, 600_000);

  test("is refused where it asks for something else, and is nobody else's", async () => {
    await using node = await startLasting();
    const asking = await openAsking(node.callers);
    const { admin, owner, callers } = asking;
    for (const change of await listRetried(asking)) {
      const key = randomUUID();
      const ask = (more: Partial<Retried>) =>
        send(prepareRetried(callers, { ...change, ...more }, key));
      expect((await ask({})).told).toBe(change.told);
      for (const more of [
        { body: change.otherBody },
        { method: "POST", path: "/v1/rooms", body: { name: "by another path" } },
      ]) {
        const same =
          change.path === more.path && JSON.stringify(change.body) === JSON.stringify(more.body);
        if (same) continue;
        expect([change.title, more, (await ask(more)).told]).toEqual([
          ...[change.title, more, "422 idempotency-conflict"],
        ]);
      }
      expect([change.title, await change.count(callers)]).toEqual([change.title, 1]);
    }
    const key = randomUUID();
    const made = await Promise.all(
      [admin, owner].map(({ signer }) =>
        send(
          prepareRetried(
            callers,
            { by: signer, method: "POST", path: "/v1/rooms", body: { name: "shared key" } },
            key,
          ),
        ),
      ),
    );
    expect(made.map(({ told }) => told)).toEqual(["201", "201"]);
    const ids = made.map(({ text }) => JSON.parse(text).room);
    expect(new Set(ids).size).toBe(2);
  });
});

test("a repeat tells whoever has left the room since nothing of it", async () => {
  await using node = await startLasting();
  const { admin, owner, callers, room } = await openAsking(node.callers);
  const { operator } = callers;
  const path = `/v1/rooms/${room}/members/${admin.user}`;
  const changes = [
    { method: "PUT", path, body: { role: "reader" } },
    { method: "PATCH", path: `/v1/rooms/${room}`, body: { name: "renamed" } },
    { method: "PUT", path: `/v1/me/rooms/${room}`, body: {} },
  ];
  const ask = () =>
    Promise.all(
      changes.map((change, at) =>
        send(prepareRetried(callers, { by: owner.signer, ...change }, `change-${at}`)),
      ),
    );
  expect((await ask()).map(({ told }) => told)).toEqual(["201", "200", "200"]);
  await operator.get("PUT", path, { role: "owner" });
  await operator.get("DELETE", `/v1/rooms/${room}/members/${owner.user}`);
  const answers = await ask();
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
  expect(answers.map(({ text }) => text).join()).not.toMatch(/owner|renamed/);
});

describe("a signed request that comes again, the same to the byte", () => {
  test("is refused with 401 and tells nothing, at once, in parallel and after the node was killed", async () => {
    await using node = await startLasting();
    const asking = await openAsking(node.callers);
    const sent: Prepared[] = [];
    let refusedText = "";
    for (const key of [undefined, "with-a-key"]) {
      for (const change of await listRetried(asking)) {
        const idempotencyKey = key && `${key}-${change.method}-${change.path}`;
        const request = prepareRetried(node.callers, change, idempotencyKey);
        sent.push(request);
        const answers = await parallel(repeats, () => send(request));
        const told = answers.map((answer) => answer.told).sort();
        const refused = Array.from({ length: repeats - 1 }, () => "401 signature-repeated");
        expect([change.title, told]).toEqual([change.title, [change.told, ...refused].sort()]);
        refusedText += answers.filter(({ status }) => status === 401).map(({ text }) => text);
        expect([change.title, await change.count(node.callers)]).toEqual([change.title, 1]);
      }
    }
    const read = asking.owner.prepare("GET", "/v1/rooms");
    expect((await send(read)).told).toBe("200");
    expect((await send(read)).told).toBe("401 signature-repeated");
    await node.kill();
    // A read is known by its time to be older than the start, to the second and by its caller's clock.
    const readAt = Date.now();
    await eventually(() => Date.now() > readAt + 1_000);
    await node.restart();
    for (const request of sent) {
      const again = await send(request);
      expect(again.told).toBe("401 signature-repeated");
      refusedText += again.text;
    }
    expect((await send(read)).told).toBe("401 signature-before-start");
    expect(refusedText).not.toMatch(/ub[it]_|"room"|"user":/);
  }, 120_000);

  test("is another request once it is signed anew: without an Idempotency-Key it is done again", async () => {
    await using node = await startLasting();
    const { owner, callers } = await openAsking(node.callers);
    const body = { name: "again" };
    const answers = await parallel(repeats, () => owner.ask("POST", "/v1/rooms", { body }));
    expect(answers.map(({ told }) => told)).toEqual(answers.map(() => "201"));
    const { rooms } = await callers.operator.get<{ rooms: unknown[] }>(
      ...(["GET", "/v1/rooms?name=again&limit=1000"] as const),
    );
    expect(rooms).toHaveLength(repeats);
  });
});
