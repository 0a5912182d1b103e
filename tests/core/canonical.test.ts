import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type CanonicalValue, canonicalJson } from "../../src/core/canonical.ts";

describe("the canonical form", () => {
  test("sorts members by UTF-16 code units, at every depth, and has no white space", () => {
    const value = { b: [1, { z: null, a: true }], a: "x", B: -7, "": false, "\u20ac": "", 1: 2 };
    expect(canonicalJson(value)).toBe(
      '{"":false,"1":2,"B":-7,"a":"x","b":[1,{"a":true,"z":null}],"€":""}',
    );
  });

  test("escapes as RFC 8785 does and leaves other characters as they are", () => {
    // RFC 8785 §3.2.2: the string of its example, less the lone escapes.
    expect(canonicalJson('\u20ac$\u000f\nA\'B"\\"/')).toBe('"€$\\u000f\\nA\'B\\"\\\\\\"/"');
  });

  test("quotes every well-formed text as JSON does", () => {
    const text = fc.oneof(fc.string({ unit: "binary-ascii" }), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(text, (one) => {
        expect(canonicalJson(one)).toBe(JSON.stringify(one));
        expect(canonicalJson({ [one]: 1 })).toBe(JSON.stringify({ [one]: 1 }));
      }),
    );
  });

  test("is one form for one value, whatever the order of its members, and reads back", () => {
    const { value } = fc.letrec<{ value: CanonicalValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constant(null),
        fc.boolean(),
        fc.maxSafeInteger(),
        fc.string({ unit: "grapheme" }),
        fc.array(tie("value"), { maxLength: 5 }),
        fc.dictionary(fc.string({ unit: "grapheme" }), tie("value"), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(value, (json) => {
        const rendered = canonicalJson(json);
        expect(JSON.parse(rendered)).toEqual(JSON.parse(JSON.stringify(json)));
        expect(canonicalJson(reversed(json))).toBe(rendered);
      }),
    );
  });

  const without: readonly [string, unknown][] = [
    ["a float", 1.5],
    ["an unsafe integer", 2 ** 53],
    ["minus zero", -0],
    ["not a number", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["undefined", undefined],
    ["an undefined member", { a: undefined }],
    ["an undefined element", [undefined]],
    ["a lone surrogate", "\ud800"],
    ["a lone surrogate as a member's name", { "\udc00": 1 }],
    ["a function", () => 1],
    ["a bigint", 1n],
  ];
  test.each(without)("refuses %s, which has no single form", (_, value) => {
    // Outside the type on purpose.
    expect(() => canonicalJson(value as CanonicalValue)).toThrow(TypeError);
  });
});

function reversed(value: CanonicalValue): CanonicalValue {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}
