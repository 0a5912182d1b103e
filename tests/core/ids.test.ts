import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isName, isOperationId, isRoomId, roomIdOf } from "../../src/core/ids.ts";

describe("a room id", () => {
  test("is 26 characters of base32 that say all of the first 130 random bits", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 17, maxLength: 40 }), (random) => {
        const room = roomIdOf(random);
        expect(isRoomId(room)).toBe(true);
        let bits = "";
        for (const byte of random) bits += byte.toString(2).padStart(8, "0");
        const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
        let expected = "";
        for (let at = 0; at < 130; at += 5) {
          expected += alphabet[Number.parseInt(bits.slice(at, at + 5), 2)];
        }
        expect(room).toBe(expected as typeof room); // A text of the same form.
      }),
    );
  });

  test.each([
    "",
    "a".repeat(25),
    "a".repeat(27),
    "A".repeat(26),
    `${"a".repeat(25)}1`,
    `${"a".repeat(25)}.`,
    `${"a".repeat(26)}\n`,
    `${"a".repeat(25)}>`,
  ])("is not %j", (text) => {
    expect(isRoomId(text)).toBe(false);
  });
});

test.each([
  ["0".repeat(64), true],
  ["f0".repeat(32), true],
  ["F0".repeat(32), false],
  ["0".repeat(63), false],
  ["0".repeat(65), false],
  [`${"0".repeat(64)}\n`, false],
])("the text %j being an operation id is %p", (text, is) => {
  expect(isOperationId(text)).toBe(is);
});

describe("a name", () => {
  test.each(["alice", "Zoë 2", "部屋", "a.b-c_d", "🦊", "O'Brien & sons", "x".repeat(64)])(
    "may be %j",
    (text) => {
      expect(isName(text)).toBe(true);
    },
  );

  test.each([
    "",
    " ",
    " a",
    "a ",
    "a  b",
    "a\tb",
    "a\nb",
    "a\u0000b",
    "a\u202eb",
    "a\u200bb",
    "a\u00a0b",
    "a\ud800",
    "x".repeat(65),
  ])("may not be %j", (text) => {
    expect(isName(text)).toBe(false);
  });
});
