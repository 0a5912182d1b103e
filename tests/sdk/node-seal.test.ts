import { describe, expect, test } from "bun:test";
import { fromBase64url, toBase64url } from "../../src/core/base64url.ts";
import { parseNodeToken, renderNodeToken } from "../../src/core/node-token.ts";
import {
  type JoinAnswer,
  type JoinRequest,
  nodeTokenId,
  openJoinRequest,
  sealJoinRequest,
} from "../../src/sdk/node-seal.ts";

const token = { secret: toBase64url(new Uint8Array(32).fill(7)), ca: "4f".repeat(32) };
const other = { ...token, secret: toBase64url(new Uint8Array(32).fill(8)) };
const request: JoinRequest = { certificateRequest: "a request", node: null, route: "10.0.0.3:1" };
const answer: JoinAnswer = { kind: "refused", code: "forbidden", detail: "Cannot join" };

/** Each text that is this one with one bit of one byte changed. */
function* changed(sealed: string): Generator<string> {
  const bytes = fromBase64url(sealed) ?? new Uint8Array();
  for (let at = 0; at < bytes.length; at++) {
    const copy = new Uint8Array(bytes);
    copy[at] = (copy[at] ?? 0) ^ 1;
    yield toBase64url(copy);
  }
}

describe("a token for a node", () => {
  const whole = { urls: ["https://bus.example.org:8470"], expiresAt: 1_700_000_000_000, ...token };

  test("reads back as what it was made of", () => {
    expect(renderNodeToken(whole)).toMatch(/^ubn_[A-Za-z0-9_-]+$/);
    expect(parseNodeToken(renderNodeToken(whole))).toEqual(whole);
  });

  test.each([
    "",
    "ubn_",
    "ubn_e30",
    `ubt_${renderNodeToken(whole).slice(4)}`,
    renderNodeToken(whole).slice(0, -2),
    renderNodeToken({ ...whole, urls: [] }),
    renderNodeToken({ ...whole, urls: ["ftp://bus.example.org"] }),
    renderNodeToken({ ...whole, urls: ["http://user:word@bus.example.org"] }),
    renderNodeToken({ ...whole, secret: "short" }),
    renderNodeToken({ ...whole, ca: "none" }),
    renderNodeToken({ ...whole, urls: Array(9).fill("http://bus.example.org") }),
    `ubn_${"A".repeat(5_000)}`,
  ])("is not %s", (text) => {
    expect(parseNodeToken(text)).toBeNull();
  });

  test("has an id that tells nothing of its secret, and is another one for another CA", async () => {
    const id = await nodeTokenId(token);
    expect(id).toMatch(/^[a-z2-7]{26}$/);
    expect(await nodeTokenId(token)).toBe(id);
    expect(await nodeTokenId(other)).not.toBe(id);
    expect(await nodeTokenId({ ...token, ca: "50".repeat(32) })).not.toBe(id);
  });
});

describe("what a new node and whoever lets it in say to each other", () => {
  test("is read by them, and by nobody else", async () => {
    const { sealed, openAnswer } = await sealJoinRequest(token, request);
    expect(await openJoinRequest(other, sealed)).toBeNull();
    expect(await openJoinRequest({ ...token, ca: "50".repeat(32) }, sealed)).toBeNull();
    const opened = await openJoinRequest(token, sealed);
    expect(opened?.request).toEqual(request);
    expect(await openAnswer((await opened?.sealAnswer(answer)) ?? "")).toEqual(answer);
  });

  test("is nothing any more when a bit of it is changed on the way", async () => {
    const { sealed, openAnswer } = await sealJoinRequest(token, request);
    for (const wrong of changed(sealed)) expect(await openJoinRequest(token, wrong)).toBeNull();
    const opened = await openJoinRequest(token, sealed);
    const answered = (await opened?.sealAnswer(answer)) ?? "";
    for (const wrong of changed(answered)) expect(await openAnswer(wrong)).toBeNull();
    for (const wrong of ["", "AAAA", "not base64!", sealed]) {
      expect(await openJoinRequest(token, wrong === sealed ? `${sealed}AAAA` : wrong)).toBeNull();
      expect(await openAnswer(wrong)).toBeNull();
    }
  });

  test("an answer is for one request: to another of the same token it is none", async () => {
    const [one, two] = [
      await sealJoinRequest(token, request),
      await sealJoinRequest(token, request),
    ];
    expect(one.sealed).not.toBe(two.sealed);
    const opened = await openJoinRequest(token, one.sealed);
    const answered = (await opened?.sealAnswer(answer)) ?? "";
    expect(await two.openAnswer(answered)).toBeNull();
    expect(await one.openAnswer(answered)).toEqual(answer);
  });

  test("whoever has the token alone, later, cannot read an answer that was recorded", async () => {
    const { sealed } = await sealJoinRequest(token, request);
    const opened = await openJoinRequest(token, sealed);
    const answered = (await opened?.sealAnswer(answer)) ?? "";
    // The request can be opened again, but the keys of the answer were those two processes' own.
    const again = await sealJoinRequest(token, request);
    expect(await again.openAnswer(answered)).toBeNull();
  });
});
