import { expect, test } from "bun:test";
import { codeOf, wordsOf } from "../../src/core/thrown.ts";

test("what the machine throws has words and a code, whatever else is thrown has neither", () => {
  const missing = Object.assign(new Error("no such file"), { code: "ENOENT" });
  expect([wordsOf(missing), codeOf(missing)]).toEqual(["no such file", "ENOENT"]);
  expect([wordsOf(new Error("words")), codeOf(new Error("words"))]).toEqual(["words", "unknown"]);
  for (const thrown of ["text", null, undefined, { message: "a secret", code: "EACCES" }]) {
    expect([wordsOf(thrown), codeOf(thrown)]).toEqual(["unknown", "unknown"]);
  }
});
