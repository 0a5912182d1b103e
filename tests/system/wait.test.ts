import { describe, expect, test } from "bun:test";
import { withTimeout } from "../../src/system/wait.ts";

const never = new Promise<never>(() => undefined);

describe("a wait with a bound", () => {
  test("answers what the promise answers", async () => {
    expect(await withTimeout(Promise.resolve(7), 1_000)).toBe(7);
  });

  test("throws what the promise throws", () => {
    expect(withTimeout(Promise.reject(new Error("no")), 1_000)).rejects.toThrow("no");
  });

  test("answers that it is over when it is", async () => {
    const startedAt = performance.now();
    expect(await withTimeout(never, 20)).toBe("timeout");
    expect(performance.now() - startedAt).toBeGreaterThan(15);
  });

  test("leaves no timer behind that would keep a process alive", async () => {
    const wait = JSON.stringify(new URL("../../src/system/wait.ts", import.meta.url).pathname);
    const script = `const { withTimeout } = await import(${wait});
      await withTimeout(Promise.resolve(), 60_000);`;
    const startedAt = performance.now();
    expect(await Bun.spawn([process.execPath, "-e", script]).exited).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});
