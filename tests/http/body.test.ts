import { describe, expect, test } from "bun:test";
import { JSON_BODY_BYTES_MAX, JSON_DEPTH_MAX } from "../../src/core/limits.ts";
import { openTestApi, problemOf } from "../harness/api.ts";

const headers = { "content-type": "application/json" };

function post(raw: string | Uint8Array<ArrayBuffer> | ReadableStream) {
  return async (api: ReturnType<typeof openTestApi>) =>
    api.atSocket("POST", "/v1/rooms", { raw, headers });
}

describe("a body", () => {
  test("of the greatest size is read, and one byte more is refused [M-084]", async () => {
    using api = openTestApi();
    const filled = (sizeBytes: number) => `{"name":"ops"${" ".repeat(sizeBytes - 14)}}`;
    expect((await post(filled(JSON_BODY_BYTES_MAX))(api)).status).toBe(201);
    const answer = await post(filled(JSON_BODY_BYTES_MAX + 1))(api);
    expect([answer.status, problemOf(answer)]).toEqual([413, "request-too-large"]);
    expect(answer.headers.get("connection")).toBe("close");
  });

  test("without an end is refused while it comes in [M-084]", async () => {
    using api = openTestApi();
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 16_384;
        controller.enqueue(new Uint8Array(16_384).fill(0x20));
      },
    });
    const answer = await post(endless)(api);
    expect([answer.status, problemOf(answer)]).toEqual([413, "request-too-large"]);
    expect(answer.headers.get("connection")).toBe("close");
    expect(sent).toBeLessThan(4 * 1024 * 1024);
  });

  test("that stalls after too much is answered in a moment", async () => {
    using api = openTestApi();
    const stalled = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(JSON_BODY_BYTES_MAX + 1));
      },
    });
    expect(problemOf(await post(stalled)(api))).toBe("request-too-large");
  });

  test("that is too large is let go of, not kept until somebody collects it", async () => {
    using api = openTestApi();
    let isLetGo = false;
    const large = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(JSON_BODY_BYTES_MAX)),
      cancel() {
        isLetGo = true;
      },
    });
    expect(problemOf(await post(large)(api))).toBe("request-too-large");
    expect(isLetGo).toBe(true);
  });

  test("that is cut off is no request", async () => {
    using api = openTestApi();
    const broken = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"name":'));
        controller.error(new Error("gone"));
      },
    });
    expect(problemOf(await post(broken)(api))).toBe("request-malformed");
    expect(api.log[0]?.level).toBe("info");
  });

  test.each([
    ["half a document", '{"name":'],
    ["two documents", '{"name":"ops"}{}'],
    ["a document behind a byte order mark", '\ufeff{"name":"ops"}'],
    ["bytes that are no UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
  ])("that is no JSON is refused, and not repeated: %s", async (_what, raw) => {
    using api = openTestApi();
    const answer = await post(raw)(api);
    expect([answer.status, problemOf(answer)]).toEqual([400, "request-malformed"]);
    expect(answer.text).not.toContain("ops");
  });

  test("nested too deep is refused, and a bracket in a text is none", async () => {
    using api = openTestApi();
    const deep = "[".repeat(JSON_DEPTH_MAX + 1) + "]".repeat(JSON_DEPTH_MAX + 1);
    expect((await post(`{"name":${deep}}`)(api)).json.detail).toContain("nested deeper");
    expect(problemOf(await post("[".repeat(16_000))(api))).toBe("request-malformed");
    const answer = await post(JSON.stringify({ name: `\\"${"[".repeat(40)}` }))(api);
    expect(answer.status).toBe(201);
  });

  test.each([
    ["a list", "[]"],
    ["a text", '"x"'],
    ["a number", "1"],
    ["null", "null"],
  ])("that is no object is refused: %s", async (_what, raw) => {
    using api = openTestApi();
    const answer = await post(raw)(api);
    expect([answer.status, problemOf(answer)]).toEqual([422, "request-invalid"]);
  });

  test("of a route that takes none may be empty or {}, and nothing else", async () => {
    using api = openTestApi();
    const user = await api.bus.addUser();
    const path = `/v1/users/${user}/revoke`;
    expect((await api.atSocket("POST", path, { raw: "", headers })).status).toBe(200);
    expect((await api.atSocket("POST", path, { raw: "{}", headers })).status).toBe(200);
    const answer = await api.atSocket("POST", path, { body: { force: true } });
    expect(problemOf(answer)).toBe("request-invalid");
  });
});
