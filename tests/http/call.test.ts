import { describe, expect, test } from "bun:test";
import { NOBODY } from "../../src/http/authenticate.ts";
import { callOf, makeCall, readIfMatch } from "../../src/http/call.ts";
import { openTestApi, problemOf } from "../harness/api.ts";
import { anOperationId, aUser } from "../harness/builders.ts";

const body = { value: {}, text: "{}", digest: "d" };
const signature = { created: 1, expires: 2, nonce: "n", keyid: "k" };

function idsOf(said: Partial<Parameters<typeof makeCall>[0]>) {
  const defaults = { identity: NOBODY, idempotencyKey: null, ifMatch: null, body };
  const newOperationId = () => anOperationId();
  const { operationId, signatureId } = makeCall({ ...defaults, newOperationId, ...said });
  return { operationId, signatureId };
}

describe("the operation that a request asks for", () => {
  const alice = { ...NOBODY, actor: { kind: "user", user: aUser("alice") } } as const;
  const bob = { ...NOBODY, actor: { kind: "user", user: aUser("bob") } } as const;

  test("is named by its sender and Idempotency-Key, however it is signed", () => {
    const one = idsOf({ identity: { ...alice, signature }, idempotencyKey: "once" });
    const again = idsOf({
      identity: { ...alice, signature: { ...signature, nonce: "m" } },
      idempotencyKey: "once",
    });
    expect(again.operationId).toBe(one.operationId);
    expect(again.signatureId).not.toBe(one.signatureId);
    expect(idsOf({ identity: bob, idempotencyKey: "once" }).operationId).not.toBe(one.operationId);
    expect(idsOf({ identity: alice, idempotencyKey: "twice" }).operationId).not.toBe(
      one.operationId,
    );
  });

  test("is named by the signature where it has no other name", () => {
    const identity = { ...alice, signature };
    const { operationId, signatureId } = idsOf({ identity });
    expect(idsOf({ identity })).toEqual({ operationId, signatureId });
    expect(operationId as string).not.toBe(signatureId ?? "");
    const other = { ...alice, signature: { ...signature, nonce: "m" } };
    expect(idsOf({ identity: other }).operationId).not.toBe(operationId);
  });

  test("is another one each time where nothing names it, and one for one request", () => {
    expect(idsOf({}).operationId).not.toBe(idsOf({}).operationId);
    const newOperationId = () => anOperationId();
    const call = makeCall({
      ...{ identity: NOBODY, idempotencyKey: null, ifMatch: null, body, newOperationId },
    });
    expect(call.operationId).toBe(call.operationId);
  });

  test("has no signature in the journal when it changes nothing", () => {
    expect(idsOf({ identity: { ...alice, signature }, body: null }).signatureId).toBeNull();
  });
});

describe("If-Match", () => {
  test("is one version in quotes", () => {
    const headers = new Headers({ "if-match": '"a-Z_9"' });
    expect(readIfMatch({ method: "PATCH", headers })).toBe("a-Z_9");
    expect(readIfMatch({ method: "PATCH", headers: new Headers() })).toBeNull();
  });

  test.each(["*", "abc", 'W/"abc"', '"a", "b"', '""', '"a"b"', `"${"a".repeat(200)}"`])(
    "is nothing else: %s",
    async (value) => {
      using api = openTestApi();
      const headers = { "if-match": value };
      const answer = await api.atSocket("GET", "/v1/me", { headers });
      expect([answer.status, problemOf(answer)]).toEqual([400, "request-malformed"]);
    },
  );
});

test("If-Match is never passed over: a change that does not compare versions refuses it", async () => {
  using api = openTestApi();
  const room = await api.bus.addRoom();
  const headers = { "if-match": '"of-another-time"' };
  for (const [method, path] of [
    ["DELETE", `/v1/rooms/${room}`],
    ["PUT", `/v1/rooms/${room}/members/${aUser("alice")}`],
    ["POST", "/v1/rooms"],
  ] as const) {
    const answer = await api.atSocket(method, path, { headers });
    expect([answer.status, problemOf(answer)]).toEqual([400, "request-malformed"]);
  }
  expect((await api.atSocket("GET", `/v1/rooms/${room}`)).status).toBe(200);
});

test("a route that is reached past the door is a fault of ours", () => {
  expect(() => callOf(new Request("http://bus.test/"))).toThrow("without the door");
});
