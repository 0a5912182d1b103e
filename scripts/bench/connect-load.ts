/**
 * Load generator, a process of its own: reads one job as JSON from stdin, does it, prints its numbers
 * as JSON. `logins` logs in again and again; `storm` sends bad logins until it is killed.
 */
import { testKey } from "../../tests/harness/raw-nats.ts";
import { login } from "./raw-client.ts";
import { quantile } from "./statistics.ts";

export type ConnectJob =
  | {
      readonly kind: "logins";
      readonly port: number;
      /** Seeds in hex of admitted users. */
      readonly seeds: readonly string[];
      readonly count: number;
      readonly inFlight: number;
    }
  | {
      readonly kind: "storm";
      readonly port: number;
      readonly seeds: readonly string[];
      readonly sockets: number;
    };

export interface LoginNumbers {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function logins(job: Extract<ConnectJob, { kind: "logins" }>): Promise<LoginNumbers> {
  const keys = job.seeds.map((seed) => testKey(Buffer.from(seed, "hex")));
  let next = 0;
  const one = async (): Promise<number> => {
    const key = keys[next++ % keys.length];
    if (!key) throw new Error("A job needs keys");
    const at = performance.now();
    const { admitted, socket } = await login(job.port, key);
    const ms = performance.now() - at;
    socket.end();
    if (!admitted) throw new Error("A good login was refused");
    return ms;
  };
  // The first ones are slower for reasons of this process.
  for (let warm = 0; warm < 50; warm++) await one();
  const times: number[] = [];
  let left = job.count;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: job.inFlight }, async () => {
      while (left-- > 0) times.push(await one());
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  return {
    perSecond: times.length / seconds,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
  };
}

/** Half of them know a user's key but not its secret, which costs a verification; half know nothing. */
async function storm(job: Extract<ConnectJob, { kind: "storm" }>): Promise<never> {
  const [known] = job.seeds.map((seed) => testKey(Buffer.from(seed, "hex")));
  process.stdout.write("begun\n");
  await Promise.all(
    Array.from({ length: job.sockets }, async (_, at) => {
      const stranger = testKey();
      for (;;) {
        const wrong = at % 2 === 0 && known !== undefined;
        const { admitted } = await login(job.port, wrong ? known : stranger, { wrong });
        if (admitted) throw new Error("A bad login was admitted");
      }
    }),
  );
  throw new Error("A storm has no end");
}

const job: ConnectJob = JSON.parse(await Bun.stdin.text());
if (job.kind === "logins") process.stdout.write(JSON.stringify(await logins(job)));
else await storm(job);
