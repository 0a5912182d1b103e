import { describe, expect, test } from "bun:test";
import {
  mergeProof,
  type ProofRow,
  parseRecords,
  renderProof,
  rowsOf,
} from "../../scripts/proof.ts";

const PASSED = { passed: 3, failed: 0, skipped: 0, skips: [] };
const RUN = {
  file: "tests/server/kill.test.ts",
  date: "2026-11-22T05:10:35.123Z",
  commit: "4a7ee10",
  counts: PASSED,
};

function aRow(row: Partial<ProofRow>): ProofRow {
  const { counts: _, ...about } = RUN;
  return { ...about, name: "kills", numbers: { kills: 20 }, result: "passed", ...row };
}

describe("the rows of a test file", () => {
  test("are what its tests recorded, with the file's result", () => {
    const text = '{"name":"kills","numbers":{"kills":20}}\n{"name":"loss","numbers":{"lost":0}}\n';
    expect(rowsOf(parseRecords(text), RUN)).toEqual([
      aRow({}),
      aRow({ name: "loss", numbers: { lost: 0 } }),
    ]);
  });

  test("say failed on each when a test of the file failed", () => {
    const counts = { ...PASSED, failed: 1 };
    const rows = rowsOf([{ name: "kills", numbers: {} }], { ...RUN, counts });
    expect(rows.map((row) => row.result)).toEqual(["FAILED (1 of 4 tests)"]);
  });

  test("are one when it failed and recorded nothing, and none when it passed so", () => {
    expect(rowsOf([], RUN)).toEqual([]);
    expect(rowsOf([], { ...RUN, counts: { ...PASSED, failed: 1 } })).toHaveLength(1);
  });
});

test("a partial run replaces the rows of the files it ran, and keeps the others", () => {
  const before = [
    aRow({ file: "tests/a.test.ts", name: "old" }),
    aRow({ file: "tests/b.test.ts", name: "kept" }),
    aRow({ file: "tests/gone.test.ts", name: "gone" }),
  ];
  const after = mergeProof(before, {
    present: ["tests/a.test.ts", "tests/b.test.ts", "tests/c.test.ts"],
    ran: ["tests/a.test.ts", "tests/c.test.ts"],
    rows: [aRow({ file: "tests/c.test.ts", name: "new" })],
  });
  expect(after.map((row) => row.name)).toEqual(["kept", "new"]);
});

test("the table shows date, commit, counts, seed and result of each row", () => {
  const text = renderProof([aRow({ numbers: { kills: 20, p99Ms: 4.5, seed: 77 } })]);
  expect(text).toContain(
    "| 2026-11-22 05:10 | 4a7ee10 | kills | kills 20, p99Ms 4.5 | 77 | passed | `tests/server/kill.test.ts` |",
  );
});

test("a name with a bar or a line break stays in its cell", () => {
  expect(renderProof([aRow({ name: "a|b\nc" })])).toContain("| a\\|b c |");
});
