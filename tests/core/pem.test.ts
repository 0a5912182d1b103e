import { expect, test } from "bun:test";
import { certificateBlocks } from "../../src/core/pem.ts";

const one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
const two = one.replace("AAAA", "BBBB");
const key = "-----BEGIN PRIVATE KEY-----\nCCCC\n-----END PRIVATE KEY-----";

test("the certificates of a text come in its order, and nothing else of it does", () => {
  expect(certificateBlocks(`a chain\n${one}\n${key}\n\r\n${two}\n`)).toEqual([one, two]);
  for (const none of ["", key, "-----BEGIN CERTIFICATE-----\nAAAA\n"]) {
    expect(certificateBlocks(none)).toEqual([]);
  }
});
