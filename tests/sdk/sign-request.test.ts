import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { signRequest } from "../../src/sdk/sign-request.ts";

const key = { keyid: "k".repeat(43), certificate: "U.c" };
const NOW = 1_700_000_000_001;
const request = { method: "GET", url: "https://Bus.Test:443/v1/me?x=1", body: null, now: NOW };

/** Signs, and tells what was signed beside the headers. */
async function signed(more: Partial<Parameters<typeof signRequest>[0]> = {}) {
  let base = "";
  const headers = await signRequest({ ...request, ...key, ...more }, async (bytes) => {
    base = new TextDecoder().decode(bytes);
    return new Uint8Array(64).fill(7);
  });
  return { base, headers };
}

describe("a request is signed", () => {
  test("by its line, its host as it will be sent, and the certificate of its key", async () => {
    const { base, headers } = await signed();
    const input = headers["signature-input"]?.replace("unibus=", "");
    expect(base.split("\n")).toEqual([
      '"@method": GET',
      '"@authority": bus.test',
      '"@path": /v1/me',
      '"@query": ?x=1',
      '"unibus-certificate": U.c',
      `"@signature-params": ${input}`,
    ]);
    expect(headers).toEqual({
      "signature-input": expect.stringMatching(
        /^unibus=\("@method" "@authority" "@path" "@query" "unibus-certificate"\);created=1700000001;expires=1700000061;nonce="[A-Za-z0-9_-]{22}";keyid="k{43}";alg="ed25519";tag="unibus\/1"$/,
      ),
      signature: `unibus=:${Buffer.alloc(64, 7).toString("base64")}:`,
      "unibus-certificate": "U.c",
    });
  });

  test("with the digest of its body, and the headers that say what it may do", async () => {
    const asked = { "idempotency-key": "once", "if-match": '"v"', accept: "text/plain" };
    for (const body of ['{"name":"ö"}', new TextEncoder().encode('{"name":"ö"}')]) {
      const { base, headers } = await signed({ method: "POST", body, headers: asked });
      const digest = createHash("sha256").update('{"name":"ö"}').digest("base64");
      expect(headers["content-digest"]).toBe(`sha-256=:${digest}:`);
      expect(base).toContain(
        `"content-digest": sha-256=:${digest}:\n"idempotency-key": once\n"if-match": "v"\n`,
      );
      expect(base).not.toContain("accept");
    }
  });

  test("without a digest where there is no body, or an empty one", async () => {
    for (const body of [null, "", new Uint8Array()]) {
      expect((await signed({ body })).headers).not.toHaveProperty("content-digest");
    }
  });

  test("with another nonce each time", async () => {
    const nonces = await Promise.all(
      Array.from({ length: 50 }, async () => (await signed()).headers["signature-input"]),
    );
    expect(new Set(nonces).size).toBe(50);
  });

  test("at the next second, so that a node that just started does not find it older", async () => {
    for (const [now, created] of [
      [1_700_000_000_000, 1_700_000_000],
      [1_700_000_000_001, 1_700_000_001],
      [1_700_000_000_999, 1_700_000_001],
    ] as const) {
      const { headers } = await signed({ now });
      expect(headers["signature-input"]).toContain(`;created=${created};expires=${created + 60};`);
    }
  });
});

test("RFC 9530: the digest of its example", async () => {
  const { headers } = await signed({ body: '{"hello": "world"}\n' });
  expect(headers["content-digest"]).toBe("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
});
