import { expect, test } from "bun:test";
import { nameKey, refuseName } from "../../../src/core/rules/names.ts";
import { aRoom, aUser } from "../../harness/builders.ts";

test.each(["alice", "Release party", "部屋", "x".repeat(64), "U2", "a".repeat(25)])(
  "%j can name a user or a room",
  (name) => {
    expect(refuseName(name)).toBeNull();
  },
);

const SEED = `SU${"A".repeat(56)}`;
test.each([
  ["an empty text", ""],
  ["65 characters", "x".repeat(65)],
  ["a control character", "a\u0007"],
  ["a user key", aUser()],
  ["a user key in lower case", aUser().toLowerCase()],
  ["a room id", aRoom()],
  ["a room id in upper case", aRoom().toUpperCase()],
  ["a seed", SEED],
])("%s cannot", (_, name) => {
  expect(refuseName(name)).toMatchObject({ code: "request-invalid" });
});

test("a seed given as a name is not repeated in the answer", () => {
  expect(JSON.stringify(refuseName(SEED))).not.toContain(SEED.slice(0, 12));
});

test("names are one when they differ in case or typography alone", () => {
  expect(nameKey("Zoë")).toBe(nameKey("ZOE\u0308"));
  expect(nameKey("ﬁona")).toBe(nameKey("FIONA"));
  expect(nameKey("alice")).not.toBe(nameKey("alicé"));
});
