import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isInnerList, parseDictionary } from "structured-headers";
import { Problem } from "../../src/core/problems.ts";
import { checkCovered, readSignature, signableOf } from "../../src/http/signature.ts";
import { count } from "../harness/counts.ts";

const INPUT =
  '("@method" "@path");created=1700000000;expires=1700000060;nonce="abcdefghijklmnopqrstuv";keyid="JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs";alg="ed25519";tag="unibus/1"';
const BYTES = Buffer.alloc(64, 7);

function headers(input: string, signature = `sig=:${BYTES.toString("base64")}:`): Headers {
  return new Headers({ "signature-input": input, signature });
}

/** What reading says: the signature, or a problem's code. Any other error is thrown. */
function read(input: string, signature?: string): ReturnType<typeof readSignature> | string {
  try {
    return readSignature(headers(input, signature));
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}

/** Texts near a signature: one that is right, with pieces of others put in its place. */
const nearly = fc
  .tuple(
    fc.nat({ max: INPUT.length + 4 }),
    fc.nat({ max: 12 }),
    fc.oneof(
      fc.constantFrom(...'()";:=, @?\\\t', '"@query"', ";created=1", ";tag", ", sig=()", "sig="),
      fc.string({ maxLength: 6, unit: "binary-ascii" }),
    ),
  )
  .map(([at, cut, piece]) => {
    const whole = `sig=${INPUT}`;
    return whole.slice(0, at) + piece + whole.slice(at + cut);
  })
  .filter((text) => isHeader(text));

function isHeader(text: string): boolean {
  try {
    return new Headers({ x: text }).get("x") !== null;
  } catch {
    return false;
  }
}

describe("reading a signature", () => {
  test("tells what it says, in the order it says it", () => {
    expect(read(`sig=${INPUT}`)).toEqual({
      created: 1_700_000_000,
      expires: 1_700_000_060,
      nonce: "abcdefghijklmnopqrstuv",
      keyid: "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
      input: INPUT,
      components: ["@method", "@path"],
      bytes: BYTES,
      text: BYTES.toString("base64"),
    });
  });

  test("takes the words in any order, and any label that both headers have", () => {
    const other = INPUT.replace(";created=1700000000", "").concat(";created=1700000000");
    expect(read(`*a.b-c_1=${other}`, `*a.b-c_1=:${BYTES.toString("base64")}:`)).toMatchObject({
      created: 1_700_000_000,
      input: other,
    });
    expect(read(`a=${INPUT}`)).toBe("signature-malformed");
  });

  test("refuses whatever could be read in another way, and never fails", () => {
    fc.assert(
      fc.property(nearly, (input) => {
        const found = read(input);
        if (typeof found === "string") expect(found).toBe("signature-malformed");
        else expectSameAs(parseDictionary(input.trim()), found);
      }),
      { numRuns: count("signature-texts") },
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }).filter(isHeader), (text) => {
        expect(read(text)).toBe("signature-malformed");
        expect(read(`sig=${INPUT}`, text)).toBe("signature-malformed");
      }),
    );
  });

  test.each([
    ["a component without quotes", INPUT.replace('"@path"', "path")],
    ["two spaces between components", INPUT.replace('" "', '"  "')],
    ["no components", INPUT.replace('"@method" "@path"', "")],
    ["a space before a word", INPUT.replace(";created", "; created")],
    ["a number with a zero in front", INPUT.replace("=1700000000", "=01700000000")],
    ["a negative number", INPUT.replace("=1700000000", "=-1700000000")],
    ["a number of 16 digits", INPUT.replace("=1700000000", "=1700000000000000")],
    ["a date", INPUT.replace("=1700000000", "=@1700000000")],
    ["an escaped quote", INPUT.replace("abcdefghij", 'abcdefghi\\"')],
    ["a nonce of 65 characters", INPUT.replace("abcdefghijklmnopqrstuv", "n".repeat(65))],
    ["a keyid with padding", INPUT.replace('5D0bs"', '5D0bs="')],
    ["a word in capitals", INPUT.replace("created", "Created")],
    ["a word without a value", `${INPUT};x`],
  ])("refuses %s", (_what, input) => {
    expect(read(`sig=${input}`)).toBe("signature-malformed");
  });

  test.each([
    ["base64url", BYTES.fill(255).toString("base64url")],
    ["no padding", BYTES.toString("base64").replace(/=+$/, "")],
    ["bits that say nothing", BYTES.toString("base64").replace(/.==$/, "x==")],
    ["65 bytes", Buffer.alloc(65).toString("base64")],
  ])("refuses bytes in %s", (_what, text) => {
    expect(read(`sig=${INPUT}`, `sig=:${text}:`)).toBe("signature-malformed");
  });

  test("takes time that grows with the text alone", () => {
    const startedAt = performance.now();
    for (const piece of ['"@path" ', ';a=""', "(", '"', ";created=1"]) {
      expect(read(`sig=("@path"${piece.repeat(4_000)}`)).toBe("signature-malformed");
      expect(read(`sig=${INPUT}${piece.repeat(4_000)}`)).toBe("signature-malformed");
    }
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});

describe("what a signature covers", () => {
  const request = new Request("http://bus.test/v1/me?x=1", { headers: { host: "Bus.Test:80" } });

  test("is the request as it came, with the Host that it was sent to", () => {
    expect(signableOf(request)).toMatchObject({
      "@method": "GET",
      "@authority": "bus.test",
      "@path": "/v1/me",
      "@query": "?x=1",
      "content-digest": null,
    });
  });

  test("may stand in any order", () => {
    const components = ["@query", "@path", "@authority", "@method"];
    const signature = { ...readSignature(headers(`sig=${INPUT}`)), components };
    expect(() => checkCovered(signature, signableOf(request))).not.toThrow();
  });
});

/** Demands that a parser of all of RFC 9651 reads the same. */
function expectSameAs(
  dictionary: ReturnType<typeof parseDictionary>,
  found: ReturnType<typeof readSignature>,
): void {
  const [member, ...others] = dictionary.values();
  if (!member || others.length > 0 || !isInnerList(member)) throw new Error("It is no signature");
  const [items, words] = member;
  expect(found.components).toEqual(items.map(([name]) => String(name)));
  expect(items.every(([, parameters]) => parameters.size === 0)).toBe(true);
  const { created, expires, nonce, keyid } = found;
  expect(Object.fromEntries(words)).toEqual({
    ...{ created, expires, nonce, keyid },
    alg: "ed25519",
    tag: "unibus/1",
  });
}
