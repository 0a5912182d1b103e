import { expect, test } from "bun:test";
import { nameKey, refuseLabel, refuseName } from "../../../src/core/rules/names.ts";
import { aRoom, aUser } from "../../harness/builders.ts";

test.each([
  "alice",
  "Release party",
  "部屋",
  "x".repeat(64),
  "U2",
  "a".repeat(25),
  "❤️ ops",
  "e\u0301",
])("%j can name a user or a room", (name) => {
  expect(refuseName(name)).toBeNull();
});

const SEED = `SU${"A".repeat(56)}`;
test.each([
  ["an empty text", ""],
  ["65 characters", "x".repeat(65)],
  ["a control character", "a\u0007"],
  ["a character that turns the text around", "a\u202eb"],
  ["a letter that shows nothing", "\u3164"],
  ["a symbol that shows nothing", "\u2800"],
  ["a mark that shows nothing", "alice\u034f"],
  ["a choice of form without an emoji", "alice\ufe0f"],
  ["two choices of form", "❤\ufe0f\ufe0f"],
  ["a rare choice of form", "葛\u{e0100}"],
  ["a mark without its letter", "\u0301a"],
  ["a space that is none of the keyboard's", "a\u00a0b"],
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
  expect(nameKey("❤️")).toBe(nameKey("❤"));
  expect(nameKey("alice")).not.toBe(nameKey("alicé"));
});

test("a token or an invite may be called anything that can be seen, and nothing", () => {
  for (const label of ["", "laptop", "CI of Zoë", aRoom()]) expect(refuseLabel(label)).toBeNull();
  for (const label of ["a\nb", " ", "x".repeat(65), SEED]) {
    expect(refuseLabel(label)).toMatchObject({ code: "request-invalid" });
  }
  expect(JSON.stringify(refuseLabel(SEED))).not.toContain(SEED.slice(0, 12));
});
