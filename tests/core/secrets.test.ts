import { describe, expect, test } from "bun:test";
import {
  parseInviteText,
  parseTokenText,
  renderInviteText,
  renderTokenText,
} from "../../src/core/secrets.ts";
import { anInvite, aToken } from "../harness/builders.ts";

const secret = "s".repeat(43);
const token = aToken("one");
const invite = anInvite("one");

describe("a token", () => {
  test("is read as it was written", () => {
    const text = renderTokenText({ token, secret });
    expect(text).toBe(`ubt_${token}_${secret}`);
    expect(parseTokenText(text)).toEqual({ token, secret });
  });

  test("is nothing else, however near", () => {
    const text = renderTokenText({ token, secret });
    for (const other of [
      "",
      text.slice(1),
      text.slice(0, -1),
      `${text}s`,
      ` ${text}`,
      `${text}\n`,
      text.replace("ubt_", "ubi_"),
      text.toUpperCase(),
      text.replace(token, `${token.slice(1)}1`),
      `ubt_${token}_${"+".repeat(43)}`,
    ]) {
      expect([other, parseTokenText(other)]).toEqual([other, null]);
    }
  });
});

describe("an invite", () => {
  test("is read as it was written, and is no token", () => {
    const text = renderInviteText({ invite, secret });
    expect(text).toBe(`ubi_${invite}_${secret}`);
    expect(parseInviteText(text)).toEqual({ invite, secret });
    expect(parseTokenText(text)).toBeNull();
    expect(parseInviteText(renderTokenText({ token, secret }))).toBeNull();
    expect(parseInviteText(`${text}\n`)).toBeNull();
  });
});
