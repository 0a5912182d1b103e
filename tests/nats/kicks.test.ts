import { describe, expect, test } from "bun:test";
import type { Msg } from "@nats-io/transport-node";
import { KICKS_IN_FLIGHT_MAX } from "../../src/core/limits.ts";
import { createKicks } from "../../src/nats/kicks.ts";
import { createLog } from "../../src/system/log.ts";
import { eventually } from "../harness/eventually.ts";

/** What nats-server answers: that it closed the connection, or that it has none of that number. */
const CLOSED = { server: { id: "ONE" } };
const NO_SUCH = {
  server: { id: "ONE" },
  error: { code: 500, description: "no such client or leafnode id" },
};

/** A system connection whose answers the test gives. */
function aSystem() {
  const asked: {
    readonly subject: string;
    readonly cid: number;
    answer(body?: object): void;
    fail(): void;
  }[] = [];
  const lines: string[] = [];
  const server = { id: "ONE" };
  const kicks = createKicks({
    system: {
      request(subject, payload) {
        const { promise, resolve, reject } = Promise.withResolvers<Msg>();
        asked.push({
          subject,
          cid: JSON.parse(String(payload)).cid,
          // Nothing but the body of the answer is read.
          answer: (body = CLOSED) => resolve({ json: () => body } as unknown as Msg),
          fail: () => reject(new Error("timeout")),
        });
        return promise;
      },
      isClosed: () => false,
    },
    serverId: () => server.id,
    log: createLog({ format: "json", write: (line) => void lines.push(line) }),
  });
  const cids = (): number[] => asked.map(({ cid }) => cid);
  /** Waits longer than a kick waits for its next try: the control's next try comes in that time. */
  async function untilControlIsTriedAgain(): Promise<void> {
    kicks.kick(1);
    asked.at(-1)?.fail();
    await eventually(() => cids().filter((cid) => cid === 1).length === 2, { everyMs: 1 });
    asked.at(-1)?.answer();
  }
  return { asked, cids, lines, server, kicks, untilControlIsTriedAgain };
}

describe("kicks", () => {
  test("are asked of the server that numbered the connection", () => {
    const { asked, kicks } = aSystem();
    kicks.kick(17);
    expect(asked).toMatchObject([{ subject: "$SYS.REQ.SERVER.ONE.KICK", cid: 17 }]);
  });

  test("go so many at a time, each connection once, and all of them in the end", async () => {
    const { asked, kicks } = aSystem();
    const total = 5 * KICKS_IN_FLIGHT_MAX;
    for (let times = 0; times < 2; times++) {
      for (let cid = KICKS_IN_FLIGHT_MAX + 1; cid <= total; cid++) kicks.kick(cid);
    }
    for (let answered = 0; answered < asked.length; answered++) {
      expect(asked.length - answered).toBeLessThanOrEqual(KICKS_IN_FLIGHT_MAX);
      asked[answered]?.answer();
      await eventually(() => asked.length > answered + 1 || asked.length >= total - 32, {
        everyMs: 0,
      });
    }
    const waited = asked.map(({ cid }) => cid);
    expect(new Set(waited).size).toBe(total - KICKS_IN_FLIGHT_MAX);
  });

  test("that get no answer are tried again until the connection is gone, with one word in the log [M-013]", async () => {
    const { asked, cids, lines, kicks, untilControlIsTriedAgain } = aSystem();
    kicks.kick(17);
    for (let tries = 1; tries <= 8; tries++) {
      await eventually(() => asked.length === tries, { everyMs: 1 });
      expect(lines).toHaveLength(tries > 4 ? 1 : 0);
      asked.at(-1)?.fail();
    }
    await eventually(() => asked.length === 9, { everyMs: 1 });
    asked.at(-1)?.answer();
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "error",
      event: "connection.kick-failed",
      connection: 17,
    });
    await untilControlIsTriedAgain();
    expect(cids()).toEqual([...Array.from({ length: 9 }, () => 17), 1, 1]);
    expect(lines).toHaveLength(1);
  });

  test("end with an answer that there is no such connection, but with no other error", async () => {
    const { asked, cids, kicks, untilControlIsTriedAgain } = aSystem();
    kicks.kick(17);
    asked.at(-1)?.answer({ ...CLOSED, error: { code: 400, description: "bad request" } });
    await eventually(() => asked.length === 2, { everyMs: 1 });
    asked.at(-1)?.answer(NO_SUCH);
    await untilControlIsTriedAgain();
    expect(cids()).toEqual([17, 17, 1, 1]);
  });

  test("end with the event that the connection is gone", async () => {
    const { asked, cids, kicks, untilControlIsTriedAgain } = aSystem();
    kicks.kick(17);
    kicks.settle(17);
    asked.at(-1)?.fail();
    await untilControlIsTriedAgain();
    expect(cids()).toEqual([17, 1, 1]);
  });

  test("whose questions were lost with a connection are asked anew at once, however many", () => {
    const { asked, kicks } = aSystem();
    const total = 2 * KICKS_IN_FLIGHT_MAX;
    for (let cid = 1; cid <= total; cid++) kicks.kick(cid);
    expect(asked).toHaveLength(KICKS_IN_FLIGHT_MAX);
    kicks.retry();
    expect(asked).toHaveLength(2 * KICKS_IN_FLIGHT_MAX);
    expect(asked.at(KICKS_IN_FLIGHT_MAX)?.cid).toBe(1);
  });

  test("are not tried on another server, where the number is somebody else's", async () => {
    const { asked, cids, lines, server, kicks, untilControlIsTriedAgain } = aSystem();
    kicks.kick(17);
    server.id = "TWO";
    asked[0]?.fail();
    kicks.kick(18);
    expect(asked[1]).toMatchObject({ subject: "$SYS.REQ.SERVER.TWO.KICK", cid: 18 });
    asked[1]?.answer();
    await untilControlIsTriedAgain();
    expect(cids()).toEqual([17, 18, 1, 1]);
    expect(lines).toEqual([]);
  });
});
