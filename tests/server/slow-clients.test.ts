// Tries NATS_WRITE_DEADLINE_MS of src/core/limits.ts: what it costs those who read slowly.
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { NATS_PENDING_BYTES_MAX, NATS_WRITE_DEADLINE_MS } from "../../src/core/limits.ts";
import type { BurstOptions } from "../harness/bursts.ts";
import { writeCertificates } from "../harness/certificates.ts";
import { proving, recordProof } from "../harness/counts.ts";
import { openOwnNetwork, runInside } from "../harness/own-network.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const KIB = 1024;
const folder = temporaryFolder();
const network = await openOwnNetwork();
// The packets of a wire: those of loopback are 64 KiB, and its buffers ten times as large.
await runInside(network, ["ip", "link", "set", "lo", "mtu", "1500"]);
afterAll(async () => {
  await network?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const missing = network === null ? " (needs unshare, nsenter and ip)" : "";
const DEADLINES_MS = proving ? [10_000, 2_000, NATS_WRITE_DEADLINE_MS] : [NATS_WRITE_DEADLINE_MS];
/** From what everybody has to survive to what waits for one client at most, half as much more each time. */
const LEAST_BYTES = 64 * KIB;
const MOST_BYTES = 8 * KIB * KIB;
const SIZES = proving ? [...steps(LEAST_BYTES, MOST_BYTES), MOST_BYTES] : [LEAST_BYTES, MOST_BYTES];

const CLIENTS = [
  {
    what: "reads 20 kB a second, with small buffers",
    slow: { bytesPerSecond: 20_000, bufferBytes: 16 * KIB },
  },
  {
    what: "reads 20 kB a second, with Linux's buffers",
    slow: { bytesPerSecond: 20_000, bufferBytes: 128 * KIB },
  },
  { what: "is 200 ms away", slow: { delayMs: 200 } },
] as const;

test.skipIf(network === null)(
  `who reads 20 kB a second survives a burst of 64 KiB, and who is far away any that may wait${missing}`,
  async () => {
    const files = await writeCertificates(join(folder.path, "tls"));
    const all = [false, true].flatMap((tls) => CLIENTS.map((client) => ({ tls, ...client })));
    // In the test command one that reads slowly, and one that is far away.
    const cases = proving ? all : all.filter((_, at) => at === 0 || at === all.length - 1);
    const largest = cases.map((): Record<string, number> => ({}));
    for (const deadlineMs of DEADLINES_MS) {
      const answers = await Promise.all(
        cases.map(async ({ tls, slow }) => {
          const config = {
            write_deadline: `${deadlineMs}ms`,
            max_pending: NATS_PENDING_BYTES_MAX,
            ...(tls
              ? { tls: { cert_file: files.cert, key_file: files.key, handshake_first: true } }
              : {}),
          };
          return await closedBy({ config, tls, slow, sizes: SIZES, waitMs: 2 * deadlineMs + 500 });
        }),
      );
      for (const [at, { tls, what, slow }] of cases.entries()) {
        const closed = answers[at] ?? [];
        const survived = SIZES.filter((size) => size < (closed[0] ?? Number.POSITIVE_INFINITY));
        const name = `who ${what}, ${tls ? "TLS" : "plain"}, deadline ${deadlineMs / 1000} s`;
        Object.assign(largest[at] ?? {}, {
          [`kibAt${deadlineMs / 1000}s`]: Math.round((survived.at(-1) ?? 0) / KIB),
        });
        expect([name, survived]).toEqual([name, expect.arrayContaining([LEAST_BYTES])]);
        // The control: a burst is seen to be too large.
        expect([name, closed.includes(MOST_BYTES)]).toEqual([name, "bytesPerSecond" in slow]);
      }
    }
    for (const [at, { tls, what }] of cases.entries()) {
      const name = `the largest burst survived by who ${what}, ${tls ? "TLS" : "plain"}`;
      recordProof(name, largest[at] ?? {});
    }
  },
  180_000,
);

/** The sizes of the bursts whose client was closed, smallest first. */
async function closedBy(options: BurstOptions): Promise<readonly number[]> {
  const file = join(import.meta.dir, "../harness/bursts.ts");
  const said = await runInside(network, [process.execPath, file, JSON.stringify(options)]);
  // What bursts.ts writes.
  const { closed } = JSON.parse(said) as { closed: readonly number[] };
  return closed;
}

function steps(from: number, to: number): readonly number[] {
  return from < to ? [from, ...steps(from * 1.5, to)] : [];
}
