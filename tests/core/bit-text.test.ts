import { expect, test } from "bun:test";
import fc from "fast-check";
import { alphabetOf, parseBits, renderBits } from "../../src/core/bit-text.ts";

const HEX = alphabetOf("0123456789abcdef");
const BASE32 = alphabetOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");

test("bytes are rendered highest bit first, as other programs do", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(renderBits(bytes, HEX)).toBe(bytes.toHex());
    }),
  );
  // RFC 4648, section 10, without the padding.
  expect(renderBits(new TextEncoder().encode("foobar"), BASE32)).toBe("MZXW6YTBOI");
  expect(renderBits(new TextEncoder().encode("foo"), BASE32)).toBe("MZXW6");
});

test("bytes have one text: no other is read as them", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("A", "B", "7", "Q"), maxLength: 12 }), (text) => {
      const bytes = parseBits(text, BASE32);
      if (bytes) expect(renderBits(bytes, BASE32)).toBe(text);
    }),
  );
  for (const text of ["A", "MZXW7", "MZXW6A", "mzxw6", "MZXW6=", "MZXW 6"]) {
    expect([text, parseBits(text, BASE32)]).toEqual([text, null]);
  }
  expect(parseBits("MZXW6", BASE32)).toEqual(new TextEncoder().encode("foo"));
});
