import { describe, expect, test } from "bun:test";
import type { Msg } from "@nats-io/transport-node";
import { KICKS_IN_FLIGHT_MAX } from "../../src/core/limits.ts";
import { createKicks } from "../../src/nats/kicks.ts";
import { createLog } from "../../src/system/log.ts";
import { eventually } from "../harness/eventually.ts";

/** A system connection whose answers the test gives. */
function aSystem() {
  const asked: { readonly subject: string; readonly cid: number; answer(): void; fail(): void }[] =
    [];
  const lines: string[] = [];
  const server = { id: "ONE" };
  const kicks = createKicks({
    system: {
      request(subject, payload) {
        const { promise, resolve, reject } = Promise.withResolvers<Msg>();
        asked.push({
          subject,
          cid: JSON.parse(String(payload)).cid,
          // Nobody reads the answer of a kick.
          answer: () => resolve(undefined as unknown as Msg),
          fail: () => reject(new Error("timeout")),
        });
        return promise;
      },
    },
    serverId: () => server.id,
    log: createLog({ format: "json", write: (line) => void lines.push(line) }),
  });
  return { asked, lines, server, kicks };
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

  test("that get no answer are tried again, and given up with a word in the log", async () => {
    const { asked, lines, kicks } = aSystem();
    kicks.kick(17);
    for (let tries = 1; tries <= 4; tries++) {
      await eventually(() => asked.length === tries, { everyMs: 0 });
      expect(lines).toEqual([]);
      asked.at(-1)?.fail();
    }
    await eventually(() => lines.length > 0, { everyMs: 0 });
    expect(asked.map(({ cid }) => cid)).toEqual([17, 17, 17, 17]);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "error",
      event: "connection.kick-failed",
      connection: 17,
    });
  });

  test("are not tried on another server, where the number is somebody else's", async () => {
    const { asked, lines, server, kicks } = aSystem();
    kicks.kick(17);
    server.id = "TWO";
    asked[0]?.fail();
    kicks.kick(18);
    expect(asked[1]).toMatchObject({ subject: "$SYS.REQ.SERVER.TWO.KICK", cid: 18 });
    asked[1]?.answer();
    // A second try would have begun by now.
    await new Promise(setImmediate);
    expect(asked.map(({ cid }) => cid)).toEqual([17, 18]);
    expect(lines).toEqual([]);
  });
});
