import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  interleave,
  quantile,
  ratioOf,
  spreadOf,
  wordsOf,
} from "../../scripts/bench/statistics.ts";
import { runProcess } from "../harness/run-process.ts";

const MAIN = join(import.meta.dir, "../../scripts/bench/main.ts");

function bench(...args: string[]) {
  return runProcess([process.execPath, MAIN, ...args]);
}

describe("the bench", () => {
  test("takes the middle, and the middle half, of its runs", () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([1, 2], 0.5)).toBe(1.5);
    expect(spreadOf([5, 1, 4, 2, 3])).toEqual({ median: 3, q1: 2, q3: 4, runs: 5 });
    expect(wordsOf({ median: 1_234.5, q1: 0.123, q3: 45.67, runs: 3 })).toBe(
      "1,235 (0.12 to 45.7)",
    );
  });

  test("compares run with run, so that what disturbs both leaves the ratio alone", () => {
    expect(ratioOf([2, 20, 200], [1, 10, 100])).toEqual({ median: 2, q1: 2, q3: 2, runs: 3 });
  });

  test("lets what it compares take turns, first forwards, then backwards", async () => {
    const order: string[] = [];
    const part = (name: string) => async () => order.push(name);
    const measured = await interleave(2, { a: part("a"), b: part("b") });
    expect(order.join("")).toBe("abba");
    expect(measured).toEqual({ a: [1, 4], b: [2, 3] });
  });

  test("measures a node and a command, and prints a document", async () => {
    const { stdout, code } = await bench("--quick", "--json", "starts", "commands");
    expect(code).toBe(0);
    const { parts } = JSON.parse(stdout);
    expect(parts.map((part: { name: string }) => part.name)).toEqual(["starts", "commands"]);
    for (const { rows } of parts) {
      for (const { spread } of rows) expect(spread.median).toBeGreaterThan(0);
    }
  });

  test("writes its page for a whole run only", async () => {
    const { stderr, code } = await bench("--quick", "--write");
    expect(code).not.toBe(0);
    expect(stderr).toContain("--write takes a whole run");
  });
});
