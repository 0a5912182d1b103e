import { describe, expect, test } from "bun:test";
import { createPublicKey, randomBytes, sign, verify } from "node:crypto";
import { createSignature, verifySignature } from "http-message-sig";
import { httpbis } from "http-message-signatures";
import { openTestApi, problemOf, requestOf } from "../harness/api.ts";
import { NOW } from "../harness/builders.ts";
import { anAdmitted } from "../harness/identity.ts";
import { admitRaw, type RawIdentity } from "../harness/raw-signature.ts";
import { digestOf } from "../harness/signed-bytes.ts";

/** What the profile wants of any library. */
const PARAMETERS = ["created", "expires", "nonce", "keyid", "alg", "tag"];
const BODY = '{"name":"ops"}';

interface Message {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** Requests to be signed, with all that there may be to sign. */
function messages(identity: RawIdentity, busId: string): readonly (readonly [Message, number])[] {
  const host = "bus.test:8470";
  const own = { host, "unibus-certificate": identity.certificate(busId) };
  const withBody = {
    ...own,
    "content-type": "application/json",
    "content-digest": digestOf(BODY),
    "idempotency-key": "once",
  };
  return [
    [{ method: "GET", url: `http://${host}/v1/me`, headers: own }, 200],
    [{ method: "GET", url: `http://${host}/v1/rooms?limit=2&name=a%20b`, headers: own }, 200],
    [{ method: "POST", url: `http://${host}/v1/rooms`, headers: withBody }, 201],
  ];
}

function componentsOf({ headers }: Message): string[] {
  const fields = ["content-digest", "idempotency-key", "unibus-certificate"];
  return ["@method", "@authority", "@path", "@query", ...fields.filter((name) => name in headers)];
}

function requestFor({ method, url, headers }: Message): Request {
  return new Request(url, { method, headers, ...(method === "POST" ? { body: BODY } : {}) });
}

const nonce = () => randomBytes(16).toString("base64url");

/** Signs as a user of each library would, by its own words. */
const LIBRARIES: Readonly<
  Record<string, (identity: RawIdentity, message: Message) => Promise<Message>>
> = {
  "http-message-signatures": async ({ apiKey, keyid }, message) => {
    const signed = await httpbis.signMessage(
      {
        key: { id: keyid, alg: "ed25519", sign: async (data) => sign(null, data, apiKey) },
        name: "sig1",
        fields: componentsOf(message),
        params: PARAMETERS,
        paramValues: {
          created: new Date(NOW),
          expires: new Date(NOW + 60_000),
          nonce: nonce(),
          tag: "unibus/1",
        },
      },
      message,
    );
    // Headers that came as texts go as texts.
    return { ...message, headers: signed.headers as Record<string, string> };
  },
  "http-message-sig": async ({ apiKey, keyid }, message) => {
    const { signature, signatureInput } = await createSignature(requestFor(message), {
      label: "sig2",
      components: componentsOf(message).reverse(),
      parameters: {
        tag: "unibus/1",
        alg: "ed25519",
        keyid,
        nonce: nonce(),
        expires: NOW / 1000 + 60,
        created: NOW / 1000,
      },
      signer: {
        algorithm: "ed25519",
        sign: (data) => new Uint8Array(sign(null, data, apiKey)),
      },
    });
    const headers = { ...message.headers, signature, "signature-input": signatureInput };
    return { ...message, headers };
  },
};

describe.each(Object.entries(LIBRARIES))("a request signed by %s", (_name, signBy) => {
  test("is accepted, whatever there is to sign and in which order", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    for (const [message, status] of messages(identity, api.busId)) {
      const answer = await api.send(requestFor(await signBy(identity, message)));
      expect([message.url, answer.status]).toEqual([message.url, status]);
    }
  });

  test("is refused when it came to be another one", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    for (const [message] of messages(identity, api.busId)) {
      const signed = await signBy(identity, message);
      const other = { ...signed, url: `${signed.url}#`.replace("/v1/", "/v1//") };
      expect(problemOf(await api.send(requestFor(other)))).toBe("signature-wrong");
    }
  });
});

describe("our signature", () => {
  const asked = [
    ["GET", "/v1/me", {}],
    ["GET", "/v1/rooms?limit=2&name=a%20b", {}],
    ["POST", "/v1/rooms", { raw: BODY, headers: { "idempotency-key": "once" } }],
    ["PATCH", "/v1/me", { raw: BODY, headers: { "if-match": '"v"' } }],
  ] as const;

  /** Requests signed by our client, with the key that verifies them. */
  async function signedByUs() {
    using api = openTestApi();
    const identity = await anAdmitted(api.bus);
    const { keyid } = await identity.certify(api.busId);
    const jwk = { kty: "OKP", crv: "Ed25519", x: keyid };
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const requests = await Promise.all(
      asked.map(async ([method, path, rest]) => {
        const request = requestOf(method, path, rest);
        const headers = { ...Object.fromEntries([...request.headers]) };
        const body = "raw" in rest ? rest.raw : null;
        const signable = { busId: api.busId, method, url: request.url, body, headers, now: NOW };
        const added = await identity.signRequest(signable);
        return { method, url: request.url, headers: { ...headers, ...added } };
      }),
    );
    return { key, keyid, requests };
  }

  test("is right for http-message-signatures", async () => {
    const { key, keyid, requests } = await signedByUs();
    const verdictOf = (request: Message) =>
      httpbis.verifyMessage(
        {
          keyLookup: async ({ keyid: id }) =>
            id === keyid
              ? {
                  id: keyid,
                  algs: ["ed25519"],
                  verify: async (data, signature) => verify(null, data, key, signature),
                }
              : null,
          notAfter: NOW / 1000,
          // It has no clock but the machine's.
          tolerance: Date.now() / 1000 - NOW / 1000,
          requiredParams: PARAMETERS,
          requiredFields: ["@method", "@authority", "@path", "@query"],
        },
        request,
      );
    for (const request of requests) {
      expect(await verdictOf(request)).toBe(true);
      expect(await verdictOf({ ...request, method: "DELETE" })).toBe(false);
    }
  });

  test("is right for http-message-sig", async () => {
    const { key, keyid, requests } = await signedByUs();
    const verdictOf = async (request: Message) =>
      verifySignature(requestFor(request), {
        policy: {
          algorithms: ["ed25519"],
          requiredComponents: ["@method", "@authority", "@path", "@query"],
          requiredParameters: PARAMETERS,
          now: NOW / 1000,
        },
        resolveVerifier: () => ({
          algorithm: "ed25519",
          verify: (data, signature) => verify(null, data, key, signature),
        }),
      }).then(
        ({ parameters }) => parameters.keyid,
        (error: Error) => error.message,
      );
    for (const request of requests) {
      expect(await verdictOf(request)).toBe(keyid);
      expect(await verdictOf({ ...request, url: `${request.url}x` })).not.toBe(keyid);
    }
  });
});
