/**
 * Load generator, a process of its own: one connection publishes, another one subscribes, both raw.
 * Reads a job as JSON from stdin and prints the rate at which all messages arrived.
 */
import { testKey } from "../../tests/harness/raw-nats.ts";
import { login } from "./raw-client.ts";

export interface MessageJob {
  readonly port: number;
  readonly seed: string;
  readonly subject: string;
  readonly payloadBytes: number;
  readonly count: number;
}

/** Messages of one write. */
const BATCH = 500;

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
  const subscribed = Promise.withResolvers<void>();
  const all = Promise.withResolvers<void>();
  let wanted = count * arrivingBytes + "PONG\r\n".length;
  const listens = await login(job.port, key, {
    onData: (data) => {
      wanted -= data.length;
      subscribed.resolve();
      if (wanted === 0) all.resolve();
      if (wanted < 0) all.reject(new Error("More arrived than was sent"));
    },
  });
  let drained = Promise.withResolvers<void>();
  const speaks = await login(job.port, key, { onDrain: () => drained.resolve() });
  if (!listens.admitted || !speaks.admitted) throw new Error("A login was refused");
  listens.socket.write(`SUB ${job.subject} 1\r\nPING\r\n`);
  await subscribed.promise;
  const startedAt = performance.now();
  for (let left = count; left > 0; left -= BATCH) {
    const piece = batch.subarray(0, Math.min(left, BATCH) * wire.length);
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

await send(Math.ceil(job.count / 10));
process.stdout.write(JSON.stringify(await send(job.count)));
