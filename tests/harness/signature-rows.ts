import { generateKeyPairSync } from "node:crypto";
import type { ProblemCode } from "../../src/core/problems.ts";
import { NOW } from "./builders.ts";
import { type Crafted, rawIdentity } from "./raw-signature.ts";
import { digestOf } from "./signed-bytes.ts";
import { FORGED_SMALL_ORDER_SIGNATURE, malleated } from "./small-order.ts";

/** Everything that a signature can cover, with what else there may be in its place. */
const COMPONENTS = {
  "@method": "PUT",
  "@authority": "other.test:8470",
  "@path": "/v1/users",
  "@query": "?limit=2",
  "content-digest": digestOf('{"name":"other"}'),
  "idempotency-key": "other",
  "if-match": '"other"',
  "unibus-certificate": "other",
} as const;

/** Every parameter, with another right value, and one that is none. */
const PARAMETERS = {
  created: [NOW / 1000 + 1, '"1700000000"'],
  expires: [NOW / 1000 + 59, "1700000060.0"],
  nonce: [`"${"A".repeat(22)}"`, '"too short"'],
  keyid: [`"${rawIdentity("another").keyid}"`, '"U"'],
  alg: [null, '"rsa-pss-sha512"'],
  tag: [null, '"unibus/2"'],
} as const;

/** A request with everything in it that can be signed. */
export const WHOLE = {
  method: "POST",
  path: "/v1/rooms",
  body: '{"name":"ops"}',
  headers: { "idempotency-key": "once", "if-match": '"seen"' },
} as const satisfies Crafted;

export interface Row {
  readonly what: string;
  readonly crafted: Crafted;
  readonly code: ProblemCode;
}

function rowsOfComponents(): readonly Row[] {
  return Object.entries(COMPONENTS).flatMap(([name, other]) => {
    const without = (right: readonly string[]) => right.filter((one) => one !== name);
    const header = name.startsWith("@") ? [] : rowsOfHeader(name, other);
    const row = (what: string, crafted: Crafted, code: ProblemCode): Row => ({
      what: `${name} ${what}`,
      crafted: { ...WHOLE, ...crafted },
      code,
    });
    return [
      row("left out", { components: without }, "signature-incomplete"),
      row("signed as another", { signed: { [name]: other } }, "signature-wrong"),
      row("twice", { components: (right) => [...right, name] }, "signature-malformed"),
      row(
        "with a parameter",
        { components: (right) => [...without(right), `${name};sf`] },
        "signature-malformed",
      ),
      ...header,
    ];
  });
}

/** A header that is signed, and then taken away, changed, or not signed where it is. */
function rowsOfHeader(name: string, other: string): readonly Row[] {
  const row = (what: string, after: Crafted["after"], code: ProblemCode): Row => ({
    what: `${name} ${what}`,
    crafted: { ...WHOLE, ...(after ? { after } : {}) },
    code,
  });
  const isDigest = name === "content-digest";
  return [
    row(
      "taken away",
      (headers) => headers.delete(name),
      // A body has to have a digest; of the others none is needed.
      isDigest ? "signature-incomplete" : "signature-malformed",
    ),
    row(
      "changed",
      (headers) => headers.set(name, other),
      name === "unibus-certificate" ? "certificate-wrong" : "signature-wrong",
    ),
  ];
}

function rowsOfParameters(): readonly Row[] {
  return Object.entries(PARAMETERS).flatMap(([name, [other, none]]) => {
    const row = (what: string, crafted: Crafted, code: ProblemCode): Row => ({
      what: `${name} ${what}`,
      crafted,
      code,
    });
    const twice = (headers: Headers) => {
      const input = headers.get("signature-input") ?? "";
      const [written = ""] = new RegExp(`;${name}=[^;]+`).exec(input) ?? [];
      headers.set("signature-input", input + written);
    };
    const changed = (headers: Headers) => {
      const input = headers.get("signature-input") ?? "";
      headers.set(
        "signature-input",
        input.replace(new RegExp(`;${name}=[^;]+`), `;${name}=${other}`),
      );
    };
    return [
      row("left out", { parameters: { [name]: null } }, "signature-malformed"),
      row("of the wrong form", { parameters: { [name]: none } }, "signature-malformed"),
      row("twice", { after: twice }, "signature-malformed"),
      ...(other === null
        ? []
        : [
            row(
              "changed when it was signed",
              { after: changed },
              // The certificate is that of the first key.
              name === "keyid" ? "certificate-wrong" : "signature-wrong",
            ),
          ]),
    ];
  });
}

/** Every way in which a signed request is not as it has to be, with what is answered. */
export const ROWS: readonly Row[] = [
  ...rowsOfComponents(),
  ...rowsOfParameters(),
  {
    what: "a component beyond the profile",
    crafted: { components: (right) => [...right, "host"] },
    code: "signature-malformed",
  },
  {
    what: "a header that the request does not have",
    crafted: { components: (right) => [...right, "if-match"] },
    code: "signature-malformed",
  },
  {
    what: "a parameter beyond the profile",
    crafted: { parameters: { context: '"x"' } },
    code: "signature-malformed",
  },
  {
    what: "a body that is not the signed one",
    crafted: { ...WHOLE, headers: {}, sentBody: '{"name":"sop"}' },
    code: "digest-wrong",
  },
  {
    what: "a digest of another algorithm",
    crafted: { ...WHOLE, headers: { "content-digest": "sha-512=:AAAA:" } },
    code: "digest-wrong",
  },
  {
    what: "a body without a digest",
    crafted: { ...WHOLE, headers: { "content-digest": null } },
    code: "signature-incomplete",
  },
  {
    what: "a digest without a body",
    crafted: { headers: { "content-digest": digestOf("") } },
    code: "signature-malformed",
  },
  {
    what: "expired",
    crafted: { parameters: { created: NOW / 1000 - 60, expires: NOW / 1000 } },
    code: "signature-expired",
  },
  {
    what: "of the future",
    crafted: { parameters: { created: NOW / 1000 + 31, expires: NOW / 1000 + 91 } },
    code: "signature-future",
  },
  {
    what: "long-lived",
    crafted: { parameters: { expires: NOW / 1000 + 61 } },
    code: "signature-long-lived",
  },
  {
    what: "that expires before it is created",
    crafted: { parameters: { expires: NOW / 1000 } },
    code: "signature-malformed",
  },
  {
    what: "older than the node's start",
    crafted: { parameters: { created: NOW / 1000 - 31, expires: NOW / 1000 + 29 } },
    code: "signature-before-start",
  },
  {
    what: "two of them",
    crafted: {
      after: (headers) => {
        for (const name of ["signature", "signature-input"]) {
          const one = headers.get(name) ?? "";
          headers.set(name, `${one}, ${one.replace("sig=", "other=")}`);
        }
      },
    },
    code: "signature-malformed",
  },
  {
    what: "two of one label",
    crafted: {
      after: (headers) => headers.append("signature-input", headers.get("signature-input") ?? ""),
    },
    code: "signature-malformed",
  },
  {
    what: "without its input",
    crafted: { after: (headers) => headers.delete("signature-input") },
    code: "signature-malformed",
  },
  {
    what: "without its bytes",
    crafted: { after: (headers) => headers.delete("signature") },
    code: "signature-malformed",
  },
  {
    what: "of 63 bytes",
    crafted: {
      after: (headers) => headers.set("signature", `sig=:${Buffer.alloc(63).toString("base64")}:`),
    },
    code: "signature-malformed",
  },
  {
    what: "of another key",
    crafted: { key: generateKeyPairSync("ed25519").privateKey },
    code: "signature-wrong",
  },
  {
    what: "with the group's order added, which a lax verifier takes for another right one",
    crafted: {
      after: (headers) => {
        const bytes = Buffer.from((headers.get("signature") ?? "").slice(5, -1), "base64");
        headers.set("signature", `sig=:${malleated(bytes).toString("base64")}:`);
      },
    },
    code: "signature-wrong",
  },
  {
    what: "by a key that is no point of the curve",
    crafted: withKeyid(Buffer.alloc(32, 2)),
    code: "key-unusable",
  },
  {
    what: "without a certificate of a key that is not known",
    crafted: { headers: { "unibus-certificate": null } },
    code: "key-unknown",
  },
  {
    what: "with a certificate that is none",
    crafted: { headers: { "unibus-certificate": "x" } },
    code: "certificate-wrong",
  },
  {
    what: "beside a token",
    crafted: { headers: { authorization: "Bearer x" } },
    code: "signature-malformed",
  },
];

/** Signs as a key that nobody has to have the secret of. */
export function withKeyid(bytes: Uint8Array): Crafted {
  return {
    parameters: { keyid: `"${Buffer.from(bytes).toString("base64url")}"` },
    after: (headers) =>
      headers.set("signature", `sig=:${FORGED_SMALL_ORDER_SIGNATURE.toString("base64")}:`),
  };
}
