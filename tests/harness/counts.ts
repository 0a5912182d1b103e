import { appendFileSync } from "node:fs";

/** How often each repeated test repeats: small in the test command, more in `npm run prove`. */
const COUNTS = {
  "adds-and-removes": { small: 50, prove: 1_000 },
  attacks: { small: 50, prove: 1_000 },
  "byte-flips": { small: 100, prove: 100_000 },
  "cluster-freeze-seconds": { small: 3, prove: 30 },
  "cluster-kills": { small: 2, prove: 30 },
  "cluster-load-per-second": { small: 60, prove: 200 },
  "cluster-mixed-operations": { small: 300, prove: 10_000 },
  "cluster-node-kills": { small: 2, prove: 12 },
  "cluster-operations": { small: 400, prove: 10_000 },
  "cluster-partitions": { small: 1, prove: 6 },
  "cluster-revocations": { small: 5, prove: 200 },
  "cluster-rotations": { small: 3, prove: 100 },
  "cluster-slow-operations": { small: 150, prove: 6_000 },
  "cluster-stalls": { small: 2, prove: 30 },
  "cluster-wal-damages": { small: 1, prove: 12 },
  "cluster-revocations-everywhere": { small: 10, prove: 200 },
  "cold-start-pause-seconds": { small: 1, prove: 70 },
  "cold-starts": { small: 2, prove: 20 },
  "command-kills": { small: 8, prove: 200 },
  "command-processes": { small: 10, prove: 100 },
  "connections-of-one-user": { small: 60, prove: 1_100 },
  "file-attacks": { small: 7, prove: 52 },
  "file-flips": { small: 300, prove: 5_000 },
  "full-disk-revocations": { small: 6, prove: 50 },
  "full-disks": { small: 1, prove: 20 },
  "flood-connects-per-second": { small: 200, prove: 1_500 },
  "flood-revocations": { small: 8, prove: 200 },
  "flood-revocations-at-most": { small: 2, prove: 50 },
  "fuzz-examples": { small: 2, prove: 40 },
  "fuzzed-requests": { small: 1_000, prove: 20_000 },
  "hung-nodes": { small: 1, prove: 20 },
  "hung-lone-nodes": { small: 1, prove: 10 },
  keys: { small: 200, prove: 1_000 },
  "loader-operations-per-second": { small: 50, prove: 200 },
  "model-operations": { small: 300, prove: 5_000 },
  "node-kills": { small: 2, prove: 20 },
  "other-clients": { small: 40, prove: 500 },
  "roll-kills": { small: 1, prove: 6 },
  "racing-revocations": { small: 5, prove: 100 },
  revocations: { small: 10, prove: 200 },
  "own-connection-cuts": { small: 6, prove: 200 },
  "refused-change-seconds": { small: 1, prove: 600 },
  "refused-changes-at-once": { small: 60, prove: 500 },
  "refused-routes": { small: 12, prove: 500 },
  "requests-in-a-flood": { small: 2_000, prove: 20_000 },
  retries: { small: 50, prove: 400 },
  rotations: { small: 3, prove: 100 },
  "signature-texts": { small: 2_000, prove: 200_000 },
  "slow-sockets": { small: 200, prove: 500 },
  "sql-payloads": { small: 40, prove: 200 },
  "start-kills": { small: 5, prove: 50 },
  "start-races": { small: 2, prove: 100 },
  "stalled-readers": { small: 1, prove: 100 },
  "store-kills": { small: 2, prove: 20 },
  strangers: { small: 2_000, prove: 50_000 },
  toggles: { small: 20, prove: 200 },
  "wal-cuts": { small: 3, prove: 25 },
  "wal-flips": { small: 2, prove: 25 },
} as const satisfies Readonly<Record<string, { small: number; prove: number }>>;

/** True when `npm run prove` runs the tests. */
export const proving = process.env.UNIBUS_TEST_DEPTH === "prove";

/** The count of a repeated test at the depth of this run. */
export function count(name: keyof typeof COUNTS): number {
  return proving ? COUNTS[name].prove : COUNTS[name].small;
}

/** Records what a test counted or measured, for docs/proof.md. A no-op in the test command. */
export function recordProof(
  name: string,
  numbers: Readonly<Record<string, number | string>>,
): void {
  const file = process.env.UNIBUS_PROOF_FILE;
  if (file) appendFileSync(file, `${JSON.stringify({ name, numbers })}\n`);
}
