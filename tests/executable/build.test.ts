import { expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { copyCheckout } from "../harness/checkout.ts";
import { proving, recordProof } from "../harness/counts.ts";
import { testedExecutable } from "../harness/executable.ts";
import { temporaryFolder } from "../harness/unibus.ts";

/** Builds a copy of this checkout that lies in some folder, as its user would. */
async function buildIn(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  copyCheckout(folder, { installed: true });
  const child = Bun.spawn([process.execPath, "scripts/build.ts"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const words = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(words);
  const bytes = readFileSync(join(folder, "dist/unibus"));
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

test("two builds in two folders are the same, byte for byte", async () => {
  using folder = temporaryFolder();
  const one = await buildIn(join(folder.path, "one"));
  const other = await buildIn(join(folder.path, "a/much longer/path to another"));
  expect(other).toBe(one);
  if (proving) recordProof("reproducible-build", { builds: 2, sha256: one });
}, 120_000);

test("the executable tells what it was built from", async () => {
  const { path } = await testedExecutable();
  const { stdout } = Bun.spawnSync([path, "version", "--verbose", "--json"], { env: {} });
  expect(JSON.parse(stdout.toString())).toEqual({
    unibus: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    commit: expect.stringMatching(/^(unknown|[0-9a-f]{7,}(\+changes)?)$/),
    build: expect.stringMatching(/^linux-(x64|arm64)(-musl)?$/),
    bun: expect.stringContaining(Bun.version),
    sqlite: expect.stringMatching(/^3\./),
    natsServer: { version: "2.15.0", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
});
