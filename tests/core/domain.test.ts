import { describe, expect, test } from "bun:test";
import {
  type DomainKind,
  domainBytes,
  encryptionKeyBytes,
  inviteBytes,
} from "../../src/core/domain.ts";
import { anInvite } from "../harness/builders.ts";

const KINDS: readonly DomainKind[] = ["api-key", "encryption-key", "invite", "record"];
const BUS = "0123456789abcdef0123456789abcdef";

describe("what a key signs for a purpose", () => {
  test("begins with a byte that is in no text, so no login is ever one", () => {
    for (const kind of KINDS) {
      const bytes = domainBytes(kind, BUS, new Uint8Array());
      expect(bytes[0]).toBe(0xff);
      expect(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)).toThrow();
    }
  });

  test("names the purpose and the bus, and ends with what is said", () => {
    expect(Buffer.from(domainBytes("record", BUS, Uint8Array.of(1, 2))).toString("latin1")).toBe(
      `\xffunibus/1 record\0${BUS}\x01\x02`,
    );
  });

  test("is never the same for two purposes, buses or contents", () => {
    const contents = ["", "\0", BUS, `\0${BUS}`].map((text) => new TextEncoder().encode(text));
    const all = KINDS.flatMap((kind) =>
      [BUS, BUS.replace("0", "f")].flatMap((bus) =>
        contents.map((bytes) => Buffer.from(domainBytes(kind, bus, bytes)).toString("hex")),
      ),
    );
    expect(new Set(all).size).toBe(KINDS.length * 2 * contents.length);
  });

  test("of an encryption key holds its generation in four bytes", () => {
    const bytes = encryptionKeyBytes(258, new Uint8Array(32).fill(7));
    expect([...bytes.subarray(0, 5), bytes.length]).toEqual([0, 0, 1, 2, 7, 36]);
  });

  test("of an invite holds its id and the newcomer's key", () => {
    const invite = anInvite("one");
    const bytes = inviteBytes(invite, new Uint8Array(32).fill(7));
    expect(Buffer.from(bytes).toString("latin1")).toBe(`${invite}${"\x07".repeat(32)}`);
  });
});
