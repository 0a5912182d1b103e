import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";
import { NOW } from "../harness/builders.ts";
import { admitRaw, craft } from "../harness/raw-signature.ts";
import { ROWS, WHOLE, withKeyid } from "../harness/signature-rows.ts";
import { SMALL_ORDER_KEYS } from "../harness/small-order.ts";

const parts = { startedAt: NOW - 30_000 };

describe("a signature", () => {
  test("that is as it has to be is accepted, with everything that can be signed", async () => {
    using api = openTestApi(parts);
    const identity = await admitRaw(api.bus);
    expect((await api.send(craft(identity, api.busId))).status).toBe(200);
    const { headers } = WHOLE;
    const { "idempotency-key": key } = headers;
    const whole = { ...WHOLE, headers: { "idempotency-key": key } };
    expect((await api.send(craft(identity, api.busId, whole))).status).toBe(201);
  });

  test.each(ROWS.map((row) => [row.what, row] as const))(
    "is refused: %s [M-069]",
    async (_what, { crafted, code }) => {
      using api = openTestApi(parts);
      const identity = await admitRaw(api.bus);
      const before = api.bus.rows();
      const answer = await api.send(craft(identity, api.busId, crafted));
      expect(problemOf(answer)).toBe(code);
      expect(answer.status).toBe(code === "digest-wrong" ? 400 : 401);
      expect(api.bus.rows()).toBe(before);
      if (answer.status !== 401) return;
      expect(answer.headers.get("www-authenticate")).toBe(
        'Signature realm="unibus", Bearer realm="unibus"',
      );
      expect(answer.headers.get("date")).toBe(new Date(NOW).toUTCString());
      expect(api.refusals.map((one) => `${one.reason} ${one.admitted}`)).toEqual([`${code} false`]);
    },
  );

  test("that is expired or of the future tells how far the clocks are apart", async () => {
    using api = openTestApi(parts);
    const identity = await admitRaw(api.bus);
    const skewOf = async (createdAt: number) => {
      const parameters = { created: createdAt / 1000, expires: createdAt / 1000 + 60 };
      const answer = await api.send(craft(identity, api.busId, { parameters }));
      return answer.headers.get("unibus-skew-ms");
    };
    expect(await skewOf(NOW - 3_600_000)).toBe("3600000");
    expect(await skewOf(NOW + 3_600_000)).toBe("-3600000");
    expect(await skewOf(NOW)).toBeNull();
  });

  test("by a key of small order is refused before it is verified, in each of its encodings", async () => {
    using api = openTestApi(parts);
    const identity = await admitRaw(api.bus);
    for (const hex of SMALL_ORDER_KEYS) {
      const crafted = withKeyid(Buffer.from(hex, "hex"));
      expect([hex, problemOf(await api.send(craft(identity, api.busId, crafted)))]).toEqual([
        hex,
        "key-unusable",
      ]);
    }
  });

  test("with another user's keyid is not that user's", async () => {
    using api = openTestApi(parts);
    const [mallory, alice] = [await admitRaw(api.bus), await admitRaw(api.bus)];
    const asAlice = {
      parameters: { keyid: `"${alice.keyid}"` },
      headers: { "unibus-certificate": alice.certificate(api.busId) },
    };
    expect(problemOf(await api.send(craft(mallory, api.busId, asAlice)))).toBe("signature-wrong");
    // The same once the node knows her key, with her certificate and without.
    expect((await api.send(craft(alice, api.busId))).status).toBe(200);
    expect(problemOf(await api.send(craft(mallory, api.busId, asAlice)))).toBe("signature-wrong");
    const headers = { "unibus-certificate": null };
    expect(problemOf(await api.send(craft(mallory, api.busId, { ...asAlice, headers })))).toBe(
      "signature-wrong",
    );
  });

  test("for another bus is refused, by its authority and by its certificate", async () => {
    using api = openTestApi(parts);
    const identity = await admitRaw(api.bus);
    const host = "other.test:8470";
    expect(problemOf(await api.send(craft(identity, api.busId, { host })))).toBe("host-unknown");
    const elsewhere = craft(identity, "0".repeat(32));
    expect(problemOf(await api.send(elsewhere))).toBe("certificate-wrong");
  });
});
