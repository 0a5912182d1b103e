import { describe, expect, test } from "bun:test";
import { verify } from "node:crypto";
import {
  authorityOf,
  componentsOf,
  renderSignatureBase,
  renderSignatureInput,
  type SignableRequest,
} from "../../src/core/request-signature.ts";
import { keyObjectOf } from "../../src/http/ed25519.ts";

const request: SignableRequest = {
  "@method": "GET",
  "@authority": "bus.test",
  "@path": "/v1/me",
  "@query": "?",
  "content-digest": null,
  "idempotency-key": null,
  "if-match": null,
  "unibus-certificate": null,
};

test("RFC 9421 B.2.6: its base is what we render, and its key signed that", () => {
  const example = {
    date: "Tue, 20 Apr 2021 02:07:55 GMT",
    "@method": "POST",
    "@path": "/foo",
    "@authority": "example.com",
    "content-type": "application/json",
    "content-length": "18",
  };
  const components = Object.keys(example);
  const input =
    '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"';
  const base = renderSignatureBase(example, components, input);
  expect(base).toBe(
    [
      '"date": Tue, 20 Apr 2021 02:07:55 GMT',
      '"@method": POST',
      '"@path": /foo',
      '"@authority": example.com',
      '"content-type": application/json',
      '"content-length": 18',
      `"@signature-params": ${input}`,
    ].join("\n"),
  );
  const key = keyObjectOf(Buffer.from("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs", "base64url"));
  const signature = Buffer.from(
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    "base64",
  );
  expect(verify(null, Buffer.from(base), key, signature)).toBe(true);
  expect(verify(null, Buffer.from(`${base} `), key, signature)).toBe(false);
});

describe("what a signature covers", () => {
  test("is the request's line, and each header of the profile that it has", () => {
    expect(componentsOf(request)).toEqual(["@method", "@authority", "@path", "@query"]);
    expect(componentsOf({ ...request, "if-match": "", "content-digest": "x" })).toEqual([
      "@method",
      "@authority",
      "@path",
      "@query",
      "content-digest",
      "if-match",
    ]);
  });

  test("is written in one way, with what it says of itself as the last line", () => {
    const components = componentsOf(request);
    const words = { created: 1, expires: 2, nonce: "n", keyid: "k" };
    const input = renderSignatureInput(components, words);
    expect(input).toBe(
      '("@method" "@authority" "@path" "@query");created=1;expires=2;nonce="n";keyid="k";alg="ed25519";tag="unibus/1"',
    );
    expect(renderSignatureBase(request, components, input)).toBe(
      `"@method": GET\n"@authority": bus.test\n"@path": /v1/me\n"@query": ?\n"@signature-params": ${input}`,
    );
  });
});

test("an authority is the Host in lower case, without the default port of the scheme", () => {
  expect(authorityOf("Bus.Test", "https:")).toBe("bus.test");
  expect(authorityOf("bus.test:443", "https:")).toBe("bus.test");
  expect(authorityOf("bus.test:80", "http:")).toBe("bus.test");
  expect(authorityOf("bus.test:443", "http:")).toBe("bus.test:443");
  expect(authorityOf("bus.test:80", "https:")).toBe("bus.test:80");
  expect(authorityOf("[::1]:8470", "http:")).toBe("[::1]:8470");
  expect(authorityOf("bus.test:1443", "https:")).toBe("bus.test:1443");
});
