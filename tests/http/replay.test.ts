import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";
import { NOW } from "../harness/builders.ts";
import { admitRaw, type Crafted, craft, type RawIdentity } from "../harness/raw-signature.ts";

const makesRoom = { method: "POST", path: "/v1/rooms", body: '{"name":"ops"}' } as const;
const makesToken = { method: "POST", path: "/v1/tokens", body: '{"scope":"read"}' } as const;

/** A node that starts again on the same store, at a time after `NOW`. */
const later = { startedAt: NOW + 1, now: () => NOW + 2_000 };

/** One request, as often as it is sent: a second signature over the same is the same one. */
function repeatable(identity: RawIdentity, busId: string, crafted: Crafted = {}): () => Request {
  const nonce = `"${Buffer.from(`${crafted.method} ${crafted.path} again`).toString("base64url")}"`;
  return () => craft(identity, busId, { ...crafted, parameters: { nonce } });
}

describe("a signed request that comes again", () => {
  test("is refused by the node that answered it, whatever it asks", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    for (const [asked, status] of [
      [{}, 200],
      [{ method: "HEAD" }, 200],
      [makesRoom, 201],
      [makesToken, 201],
    ] as const) {
      const request = repeatable(identity, api.busId, asked);
      expect((await api.send(request())).status).toBe(status);
      const rows = api.bus.rows();
      const again = await api.send(request());
      expect(again.status).toBe(401);
      if (again.text !== "") expect(problemOf(again)).toBe("signature-repeated");
      expect(again.text).not.toContain("ubt_");
      expect(api.bus.rows()).toBe(rows);
    }
  });

  test("is refused by another node too, or after a restart: a change by the journal", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    for (const asked of [makesRoom, makesToken]) {
      const request = repeatable(identity, api.busId, asked);
      expect((await api.send(request())).status).toBe(201);
      const rows = api.bus.rows();
      for (const node of [openTestApi({}, api.bus), openTestApi(later, api.bus)]) {
        const again = await node.send(request());
        expect([again.status, problemOf(again)]).toEqual([401, "signature-repeated"]);
        expect(again.text).not.toContain("ubt_");
      }
      expect(api.bus.rows()).toBe(rows);
    }
  });

  test("is refused by the journal though it carries the Idempotency-Key of what it did", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    const headers = { "idempotency-key": "once" };
    const request = repeatable(identity, api.busId, { ...makesRoom, headers });
    expect((await api.send(request())).status).toBe(201);
    const again = await openTestApi(later, api.bus).send(request());
    expect([again.status, problemOf(again)]).toEqual([401, "signature-repeated"]);
    // Signed anew it is a repeat, and answered as the first one.
    const anew = await api.send(craft(identity, api.busId, { ...makesRoom, headers }));
    expect(anew.status).toBe(201);
  });

  test("is refused after a restart because it is older, where it only reads", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    const request = repeatable(identity, api.busId);
    expect((await api.send(request())).status).toBe(200);
    const restarted = openTestApi(later, api.bus);
    expect(problemOf(await restarted.send(request()))).toBe("signature-before-start");
    const anew = { created: NOW / 1000 + 1, expires: NOW / 1000 + 61 };
    const signed = craft(identity, api.busId, { parameters: anew });
    expect((await restarted.send(signed)).status).toBe(200);
  });

  test("is refused with another time of life, as the nonce is what counts", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    const nonce = `"${"n".repeat(22)}"`;
    const first = craft(identity, api.busId, { parameters: { nonce } });
    const second = craft(identity, api.busId, {
      parameters: { nonce, expires: NOW / 1000 + 30 },
    });
    expect((await api.send(first)).status).toBe(200);
    expect(problemOf(await api.send(second))).toBe("signature-repeated");
    // A nonce is one key's own.
    const other = craft(await admitRaw(api.bus), api.busId, { parameters: { nonce } });
    expect((await api.send(other)).status).toBe(200);
  });

  test("uses up no nonce while it is refused", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    const nonce = `"${"n".repeat(22)}"`;
    const wrong = craft(identity, api.busId, {
      parameters: { nonce },
      signed: { "@method": "POST" },
    });
    expect(problemOf(await api.send(wrong))).toBe("signature-wrong");
    const right = craft(identity, api.busId, { parameters: { nonce } });
    expect((await api.send(right)).status).toBe(200);
  });
});
