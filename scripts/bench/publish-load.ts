/**
 * Load generator, a process of its own: publishes into the journal's stream of a bare nats-server and
 * waits for each acknowledgement. Reads a job as JSON from stdin, prints its numbers as JSON.
 */
import { connectService } from "../../src/nats/connection.ts";
import { SUBJECT } from "../../src/nats/follow-stream.ts";
import { serviceKey } from "../../src/nats/service-key.ts";
import { quantile } from "./statistics.ts";

export interface PublishJob {
  readonly port: number;
  /** Seed of the key that the journal's account admits, in hex. */
  readonly control: string;
  /** What is published. */
  readonly message: string;
  /** Messages to publish, the first tenth of them not measured. */
  readonly count: number;
  readonly inFlight: number;
}

export interface PublishNumbers {
  readonly perSecond: number;
  readonly p50Ms: number;
}

const TIMEOUT_MS = 10_000;

const job: PublishJob = JSON.parse(await Bun.stdin.text());
const connection = await connectService({
  endpoint: { host: "127.0.0.1", port: job.port, tls: false },
  key: serviceKey("user", Buffer.from(job.control, "hex")),
  name: "bench",
});
const message = Buffer.from(job.message);
const warm = Math.ceil(job.count / 10);
const times: number[] = [];
let begun = 0;
let startedAt = 0;

async function publish(): Promise<void> {
  while (begun < job.count) {
    if (begun++ === warm) startedAt = performance.now();
    const sentAt = performance.now();
    const answer = await connection.request(SUBJECT, message, { timeout: TIMEOUT_MS });
    if (!answer.json<{ seq?: number }>().seq) throw new Error(`Not taken: ${answer.string()}`);
    if (startedAt > 0) times.push(performance.now() - sentAt);
  }
}

await Promise.all(Array.from({ length: job.inFlight }, publish));
const seconds = (performance.now() - startedAt) / 1_000;
const numbers: PublishNumbers = {
  perSecond: times.length / seconds,
  p50Ms: quantile(times, 0.5),
};
process.stdout.write(JSON.stringify(numbers));
await connection.close();
