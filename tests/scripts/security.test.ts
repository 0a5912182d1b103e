// Reads docs/security.md as its reader does: each promise with what breaks it, and tests that are there.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const PAGE = readFileSync(join(ROOT, "docs/security.md"), "utf8");
const PROMISES = PAGE.split(/^## /m).filter((section) => /^[1-9]\. /.test(section));

test("each promise of docs/security.md names tests, and says what still breaks it where it is kept", () => {
  expect(PROMISES).toHaveLength(5);
  for (const promise of PROMISES) {
    expect(promise).toContain("`tests/");
    if (!promise.includes("Not in this version"))
      expect(promise).toContain("*What still breaks it:*");
  }
});

test("docs/security.md names no test that is not there", () => {
  const named = [...PAGE.matchAll(/`(tests\/[^`]+)`/g)].map(([, path = ""]) => path);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});
