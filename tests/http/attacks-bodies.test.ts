import { expect, test } from "bun:test";
import { JSON_BODY_BYTES_MAX, JSON_DEPTH_MAX } from "../../src/core/limits.ts";
import { openTestApi, problemOf } from "../harness/api.ts";
import { admitRaw, craft, rawIdentity } from "../harness/raw-signature.ts";

const headers = { "content-type": "application/json" };
const REDEEM = `/v1/invites/${"a".repeat(26)}/redeem`;

test("no body of a key that anybody can make takes more time than its bytes [M-084]", async () => {
  using api = openTestApi();
  const startedAt = performance.now();
  for (const text of ['\\"', '\\"aaaaaa', '"\\', '"\\\\', "[", '{"', '""']) {
    for (const sizeBytes of [JSON_BODY_BYTES_MAX / 2, JSON_BODY_BYTES_MAX]) {
      const body = text.repeat(sizeBytes / text.length);
      const stranger = rawIdentity();
      const request = craft(stranger, api.busId, { method: "POST", path: REDEEM, body });
      expect(problemOf(await api.send(request))).toBe("request-malformed");
    }
  }
  // One of them took half a second, in which the node answered nobody.
  expect(performance.now() - startedAt).toBeLessThan(1_500);
});

test("brackets count where they nest, and not in strings, however those end [M-084]", async () => {
  using api = openTestApi();
  const admin = await admitRaw(api.bus);
  const nested = (depth: number) => `{"name":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
  const isTooDeep = async (body: string) => {
    const request = craft(admin, api.busId, { method: "POST", path: "/v1/rooms", body, headers });
    const answer = await api.send(request);
    return answer.text.includes("nested deeper");
  };
  expect(await isTooDeep(nested(JSON_DEPTH_MAX))).toBe(false);
  expect(await isTooDeep(nested(JSON_DEPTH_MAX + 1))).toBe(true);
  const many = "[".repeat(100);
  for (const inString of [`"${many}"`, `"\\"${many}"`, `"\\\\\\"${many}"`]) {
    expect(await isTooDeep(`{"name":${inString}}`)).toBe(false);
  }
  expect(await isTooDeep(`{"name":"\\\\",${many}`)).toBe(true);
});
