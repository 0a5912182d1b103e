/**
 * Load generator, a process of its own: one connection publishes, another one subscribes, both raw.
 * Reads a job as JSON from stdin and prints the rate at which all messages arrived.
 */
import { NATS_PENDING_BYTES_MAX } from "../../src/core/limits.ts";
import { testKey } from "../../tests/harness/raw-nats.ts";
import { login, type RawLogin } from "./raw-client.ts";

export interface MessageJob {
  /** Where the publisher connects. */
  readonly port: number;
  /** Where the subscriber does, if not at the same server. */
  readonly subscriberPort?: number;
  readonly seed: string;
  readonly subject: string;
  readonly payloadBytes: number;
  readonly count: number;
}

/** nats-server asks a connection now and again whether it lives. */
const PINGS_BYTES_MAX = "PING\r\n".length * 3;
/** Messages of one write. */
const BATCH = 500;
/**
 * Bytes under way at most: behind a route nobody holds back whoever publishes, and a subscriber with
 * more than a node keeps for it is closed.
 */
const UNDER_WAY_BYTES_MAX = NATS_PENDING_BYTES_MAX / 2;

const job: MessageJob = JSON.parse(await Bun.stdin.text());
const key = testKey(Buffer.from(job.seed, "hex"));
const payload = "x".repeat(job.payloadBytes);
const wire = Buffer.from(`PUB ${job.subject} ${job.payloadBytes}\r\n${payload}\r\n`);
const arrivingBytes = Buffer.byteLength(
  `MSG ${job.subject} 1 ${job.payloadBytes}\r\n${payload}\r\n`,
);
const batch = Buffer.concat(Array.from({ length: BATCH }, () => wire));

/** Sends `count` messages and waits until as many bytes as they have arrived. Returns their rate. */
async function send(count: number): Promise<number> {
  const all = Promise.withResolvers<void>();
  let drained = Promise.withResolvers<void>();
  let arrived = Promise.withResolvers<void>();
  let left = count * arrivingBytes;
  let heard = "";
  let begun = false;
  const closed = (who: string) => (): void => {
    const error = new Error(`The connection that ${who} was closed`);
    for (const one of [all, drained, arrived]) {
      // Nobody waits for all of them.
      one.promise.catch(() => undefined);
      one.reject(error);
    }
  };
  const listens = await login(job.subscriberPort ?? job.port, key, {
    onData: (data) => {
      if (!begun) {
        heard += data.toString("latin1");
        return;
      }
      left -= data.length;
      arrived.resolve();
      if (left <= 0) all.resolve();
      if (left < -PINGS_BYTES_MAX) all.reject(new Error("More arrived than was sent"));
    },
    onClose: closed("subscribes"),
  });
  const speaks = await login(job.port, key, {
    onDrain: () => drained.resolve(),
    onClose: closed("publishes"),
  });
  if (!listens.admitted || !speaks.admitted) throw new Error("A login was refused");
  listens.socket.write(`SUB ${job.subject} 1\r\n`);
  await untilSubscribed(speaks, () => heard);
  begun = true;
  const startedAt = performance.now();
  for (let sent = 0; sent < count; sent += BATCH) {
    while (left - (count - sent) * arrivingBytes > UNDER_WAY_BYTES_MAX) {
      arrived = Promise.withResolvers();
      await arrived.promise;
    }
    const piece = batch.subarray(0, Math.min(count - sent, BATCH) * wire.length);
    for (let at = 0; at < piece.length; ) {
      drained = Promise.withResolvers();
      at += Math.max(0, speaks.socket.write(piece.subarray(at)));
      if (at < piece.length) await drained.promise;
    }
  }
  await all.promise;
  const seconds = (performance.now() - startedAt) / 1_000;
  listens.socket.end();
  speaks.socket.end();
  return count / seconds;
}

/** Publishes until something arrives: a route knows of a subscription a moment later. */
async function untilSubscribed(speaks: RawLogin, heard: () => string): Promise<void> {
  const say = (word: string): void => {
    speaks.socket.write(`PUB ${job.subject} ${word.length}\r\n${word}\r\n`);
  };
  while (heard() === "") {
    say("early");
    await Bun.sleep(1);
  }
  // Behind this one nothing more comes of those before.
  say("last");
  while (!heard().endsWith("last\r\n")) await Bun.sleep(1);
}

await send(Math.ceil(job.count / 10));
process.stdout.write(JSON.stringify(await send(job.count)));
