import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildForTarget } from "../../scripts/build/for-target.ts";
import { TARGETS } from "../../scripts/build/targets.ts";
import { proving, recordProof } from "../harness/counts.ts";
import { type Foreign, makeEmptyRoot, missingForEmptyRoot } from "../harness/empty-root.ts";
import { eventually } from "../harness/eventually.ts";
import { childrenOf } from "../harness/machine.ts";
import { isGone, temporaryFolder } from "../harness/unibus.ts";

const ROOT = join(import.meta.dir, "../..");
/** Debian: qemu-user-static, libc6-arm64-cross. */
const QEMU = Bun.which("qemu-aarch64-static") ?? "";
const LIBRARIES = "/usr/aarch64-linux-gnu/lib";

/** Programs of 64-bit ARM are run by QEMU. Source: qemu, `scripts/qemu-binfmt-conf.sh`. */
const ARM64: Foreign = {
  libraries: LIBRARIES,
  format: [
    "",
    "arm64",
    "M",
    "",
    String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`,
    String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`,
    QEMU,
    // It hands QEMU the opened file: nats-server is run from memory, where it has no path.
    "OF",
  ].join(":"),
};

function findMissing(): string | null {
  if (!proving) return "prove: it takes a minute";
  if (QEMU === "") return "missing: qemu-aarch64-static";
  if (!existsSync(LIBRARIES)) return `missing: ${LIBRARIES}`;
  if (!Bun.which("go")) return "missing: go";
  return missingForEmptyRoot();
}

const missing = findMissing();

test.skipIf(missing !== null)(
  `the executable for arm64 runs a node under emulation${missing === null ? "" : ` (${missing})`}`,
  async () => {
    using folder = temporaryFolder();
    const outfile = join(folder.path, "unibus");
    const target = TARGETS.find(({ name }) => name === "linux-arm64");
    if (!target) throw new Error("There is no target linux-arm64");
    await buildForTarget({ root: ROOT, target, outfile, say: () => undefined });
    await using root = await makeEmptyRoot(outfile, ARM64);

    const version = await root.run("version", "--verbose", "--json");
    expect(JSON.parse(version.stdout)).toMatchObject({ build: "linux-arm64" });
    const startedAt = performance.now();
    await using node = root.start("up", "--http-port", "0", "--nats-port", "0");
    const ready = () => node.log.some(({ event }) => event === "node.ready");
    await eventually(ready, { timeoutMs: 120_000, what: "the node to be ready" });
    const readyMs = Math.round(performance.now() - startedAt);

    expect((await root.run("key", "new", "alice.nk")).code).toBe(0);
    const key = (await root.run("key", "show", "alice.nk")).stdout.trim();
    expect((await root.run("user", "add", key, "--name", "alice")).code).toBe(0);
    expect((await root.run("user", "revoke", "alice")).code).toBe(0);
    expect((await root.run("health")).code).toBe(0);

    const [natsServer = 0] = childrenOf(node.pid);
    expect(await isGone(natsServer)).toBe(false);
    process.kill(node.pid, "SIGKILL");
    await eventually(() => isGone(natsServer), { what: "nats-server to be gone" });
    recordProof("arm64-emulated", { readyMs });
  },
  10 * 60_000,
);
