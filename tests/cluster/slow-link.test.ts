// Tries tests/harness/slow-link.ts, whose faults the tests of a cluster rely on.
import { afterAll, describe, expect, test } from "bun:test";
import { createConnection, createServer, type Socket } from "node:net";
import { eventually } from "../harness/eventually.ts";
import { openPort } from "../harness/loopback.ts";
import { createRandom } from "../harness/random.ts";
import { type LinkFaults, openSlowLink } from "../harness/slow-link.ts";

const SEED = 7;
const FAULTS: LinkFaults = {
  ...{ delayMs: 100, jitterMs: 50, loss: 0, resentMs: 0 },
  ...{ stallEveryMs: 60_000, stallMs: 0, cutEveryMs: 60_000 },
};

/** Answers everything with the same, at once. */
const echo = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
});
const echoPort = await openPort(echo);
afterAll(() => void echo.close());

async function openLink(faults: Partial<LinkFaults> = {}) {
  const host = "127.0.0.1";
  const link = await openSlowLink({
    ends: [{ from: { host, port: 0 }, to: { host, port: echoPort } }],
    faults: { ...FAULTS, ...faults },
    random: createRandom(SEED),
  });
  const connect = (): { socket: Socket; heard: () => string } => {
    let heard = "";
    const socket = createConnection({ host, port: link.ports[0] ?? 0 });
    socket.on("data", (chunk) => {
      heard += chunk;
    });
    socket.on("error", () => socket.destroy());
    return { socket, heard: () => heard };
  };
  return { link, connect };
}

describe("a bad link", () => {
  test("brings all that is said, whole and in order, and no chunk before its time", async () => {
    const { link, connect } = await openLink({ loss: 0.2, resentMs: 20 });
    await using _ = link;
    const { socket, heard } = connect();
    const startedAt = performance.now();
    const words = Array.from({ length: 200 }, (_word, at) => `${at} `);
    for (const word of words) await new Promise((sent) => socket.write(word, sent));
    await eventually(() => heard().length >= words.join("").length);
    expect(heard()).toBe(words.join(""));
    expect(performance.now() - startedAt).toBeGreaterThan(2 * (FAULTS.delayMs - FAULTS.jitterMs));
    const { chunks, waitedMs } = link.counts();
    expect(chunks).toBeGreaterThan(1);
    expect(waitedMs / chunks).toBeGreaterThan(FAULTS.delayMs - FAULTS.jitterMs);
    socket.destroy();
  });

  test("hands on the end of what is said after all of it", async () => {
    const { link, connect } = await openLink();
    await using _ = link;
    const { socket, heard } = connect();
    const ended = new Promise((resolve) => socket.once("end", resolve));
    socket.end("the last words");
    await ended;
    expect(heard()).toBe("the last words");
  });

  test("stands still, and cuts, only when it is told to make trouble", async () => {
    const { link, connect } = await openLink({ cutEveryMs: 20, stallEveryMs: 20 });
    await using _ = link;
    const { socket, heard } = connect();
    socket.write("before");
    await eventually(() => heard() === "before");
    expect(link.counts()).toMatchObject({ connections: 1, cuts: 0, stalls: 0 });
    link.setTrouble("on");
    await eventually(() => socket.destroyed);
    expect(link.counts().cuts).toBe(1);
  });

  test("that is closed lets nothing through", async () => {
    const { link, connect } = await openLink();
    await using _ = link;
    const before = connect();
    before.socket.write("x");
    await eventually(() => before.heard() === "x");
    link.close();
    await eventually(() => before.socket.destroyed);
    const late = connect();
    late.socket.write("late");
    await eventually(() => late.socket.destroyed);
    expect(late.heard()).toBe("");
  });
});
