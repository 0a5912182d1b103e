import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromBase64url, toBase64url } from "../../src/core/base64url.ts";

describe("base64url", () => {
  test("is what other programs write, without padding", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const text = toBase64url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("base64url"));
        expect(fromBase64url(text)).toEqual(bytes);
      }),
    );
  });

  test("has one text for some bytes: no other reads as them", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        const bytes = fromBase64url(text);
        if (bytes) expect(toBase64url(bytes)).toBe(text);
      }),
    );
    for (const text of ["A", "AB", "AAB", "AA==", "AA AA", "A+AA", "A/AA", "AAAAA", "\u0100AAA"]) {
      expect([text, fromBase64url(text)]).toEqual([text, null]);
    }
    expect(fromBase64url("")).toEqual(new Uint8Array());
  });
});
