import { describe, expect, test } from "bun:test";
import { allPages } from "../../src/cli/pages.ts";

/** Reads a list whose pages are given, over and over. */
function reading(
  pages: readonly { readonly rows: readonly string[]; readonly next: string | null }[],
) {
  const asked: (string | undefined)[] = [];
  const all = allPages<string>(async ({ after }) => {
    asked.push(after);
    return pages[(asked.length - 1) % pages.length] ?? { rows: [], next: null };
  });
  return { all, asked };
}

describe("a list", () => {
  test("is read to its end, page by page", async () => {
    const { all, asked } = reading([
      { rows: ["a", "b"], next: "b" },
      { rows: ["c"], next: "c" },
      { rows: [], next: null },
    ]);
    expect(await all).toEqual(["a", "b", "c"]);
    expect(asked).toEqual([undefined, "b", "c"]);
  });

  test.each([
    ["an empty page that leads on", [{ rows: [], next: "b" }]],
    ["the same page for ever", [{ rows: ["a"], next: "a" }]],
    [
      "pages in a circle",
      [
        { rows: ["a"], next: "a" },
        { rows: ["b"], next: "b" },
      ],
    ],
  ])("is given up when what answers has no end: %s", async (_what, pages) => {
    const { all, asked } = reading(pages);
    await expect(all).rejects.toMatchObject({ code: "node-unreachable" });
    expect(asked.length).toBeLessThan(4);
  });
});
