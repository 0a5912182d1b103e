import { describe, expect, test } from "bun:test";
import { count, recordProof } from "../harness/counts.ts";
import { createPool } from "../harness/pool.ts";
import { testKey } from "../harness/raw-nats.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

describe("commands beside a loaded node", () => {
  test("all succeed, and the end state is theirs [M-014, M-015]", async () => {
    await using unibus = await startUnibus();
    const processes = count("command-processes");
    const perSecond = count("loader-operations-per-second");
    const loader = startLoader(unibus, perSecond);
    const keys = Array.from({ length: Math.ceil(processes / 3) }, () => testKey());
    const pooled = createPool(4);
    const commands = keys.flatMap(({ user }, at) => [
      ["add", user, "--name", `user-${at}`],
      ["list"],
      ["revoke", user],
    ]);
    // The three commands of a key follow one another; the keys do not wait for each other.
    const ran = await Promise.all(
      keys.map((_, at) =>
        pooled(async () => {
          const results = [];
          for (const words of commands.slice(at * 3, at * 3 + 3)) {
            results.push(await unibus.cli("user", ...words));
          }
          return results;
        }),
      ),
    );
    const load = await loader.stop();

    const results = ran.flat();
    expect(results.filter(({ code }) => code !== 0)).toEqual([]);
    for (const { user } of keys) {
      const { state } = await unibus.ask<{ state: string }>("GET", `/v1/users/${user}`);
      expect(state).toBe("revoked");
    }
    const said = [...results.flatMap(({ stdout, stderr }) => [stdout, stderr])].join();
    const logged = unibus.log.map(({ message }) => message).join();
    expect(`${said}${logged}`).not.toMatch(/SQLITE_BUSY|database is locked/i);
    expect(load.failed).toBe(0);
    // Without a load the test would prove nothing.
    expect(load.operations).toBeGreaterThan(processes);
    recordProof("commands beside a loader", {
      commands: results.length,
      failed: results.filter(({ code }) => code !== 0).length,
      loaderOperationsPerSecond: Math.round(load.operations / load.seconds),
    });
  }, 120_000);
});

/** Adds users over the admin socket, so many a second, until it is stopped. */
function startLoader(
  unibus: RunningUnibus,
  perSecond: number,
): {
  stop(): Promise<{
    readonly operations: number;
    readonly failed: number;
    readonly seconds: number;
  }>;
} {
  const startedAt = performance.now();
  const open = new Set<Promise<void>>();
  let operations = 0;
  let failed = 0;
  async function addOne(): Promise<void> {
    const response = await unibus.api("POST", "/v1/users", { user: testKey().user });
    await response.text();
    operations++;
    if (response.status !== 201) failed++;
  }
  const everyMs = 20;
  // A little more than asked for: what a timer is late must not make the load too small.
  const batch = Math.ceil(((perSecond * everyMs) / 1000) * 1.5);
  const timer = setInterval(() => {
    for (let one = 0; one < batch; one++) {
      const adding = addOne().finally(() => open.delete(adding));
      open.add(adding);
    }
  }, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      return { operations, failed, seconds: (performance.now() - startedAt) / 1000 };
    },
  };
}
