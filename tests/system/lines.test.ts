import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { readLines } from "../../src/system/lines.ts";

const LINE_CHARS_MAX = 8_192;

/** Reads pieces as a stream would bring them. */
async function linesOf(pieces: Iterable<string | Uint8Array>): Promise<readonly string[]> {
  const encoder = new TextEncoder();
  const rest = pieces[Symbol.iterator]();
  const lines: string[] = [];
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = rest.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
    },
  });
  await readLines(stream, (line) => void lines.push(line));
  return lines;
}

describe("lines of a stream", () => {
  test("are whole, however they were cut on the way", async () => {
    expect(await linesOf(["one\ntw", "o\n", "\nthr", "e", "e\n"])).toEqual([
      "one",
      "two",
      "",
      "three",
    ]);
  });

  test("include a last one without an end, and none when there is nothing", async () => {
    expect(await linesOf(["one\ntwo"])).toEqual(["one", "two"]);
    expect(await linesOf([])).toEqual([]);
  });

  test("keep a character whose bytes came apart", async () => {
    const bytes = new TextEncoder().encode("a会\n");
    expect(await linesOf([bytes.subarray(0, 2), bytes.subarray(2)])).toEqual(["a会"]);
  });

  test("that are too long are cut, and the next one is whole again", async () => {
    const long = "x".repeat(LINE_CHARS_MAX + 1);
    const lines = await linesOf([`${long}\nnext\n`]);
    expect(lines.map((line) => line.length)).toEqual([LINE_CHARS_MAX, 4]);
  });

  test("that never end are not gathered", async () => {
    const piece = "x".repeat(1_000_000);
    const held = (): number => {
      Bun.gc(true);
      const { heapSize, extraMemorySize } = heapStats();
      return heapSize + extraMemorySize;
    };
    // Other files ran in this process before.
    const heldBefore = held();
    let grownBytes = 0;
    function* endless() {
      for (let at = 0; at < 200; at++) yield piece;
      grownBytes = held() - heldBefore;
      yield "\nnext\n";
    }
    const lines = await linesOf(endless());
    expect(lines.map((line) => line.length)).toEqual([LINE_CHARS_MAX, 4]);
    expect(grownBytes).toBeLessThan(100_000_000);
  });
});
