import { createHash, hkdfSync, randomBytes } from "node:crypto";
import { type TestKey, testKey } from "./raw-nats.ts";

/** A request as far as its signature covers it. */
export interface Signable {
  readonly method: string;
  readonly url: string;
  readonly body: string | Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Signs for a user of one bus, written apart from the sources: RFC 9421 for requests, RFC 9530 for
 * bodies, and the product's own words in front of what its nkey certifies.
 */
export interface Signer {
  readonly key: TestKey;
  /** The headers that sign a request now, with a nonce of their own. */
  sign(request: Signable): Record<string, string>;
  /** The first record of an encrypted room, as the body of `POST /v1/rooms` carries it. */
  genesis(): { readonly record: string; readonly signature: string };
  /** Proves that this user holds an invite. */
  proveInvite(text: string): { readonly invite: string; readonly proof: string };
}

const LIFE_S = 60;
/** Headers that are signed when a request has them, in the order of the profile. */
const SIGNED_HEADERS = ["content-digest", "idempotency-key", "if-match", "unibus-certificate"];

export function createSigner(busId: string, key: TestKey = testKey()): Signer {
  const derived = hkdfSync("sha256", key.seed, new Uint8Array(), "unibus/1 api-key", 32);
  const api = testKey(new Uint8Array(derived));
  const certificate = key.sign(domainBytes("api-key", busId, publicBytes(api)));
  const keyid = base64url(publicBytes(api));
  return {
    key,
    sign({ method, url, body, headers }) {
      const { host, pathname, search } = new URL(url);
      const digest = createHash("sha256")
        .update(body ?? "")
        .digest("base64");
      const signed: Record<string, string> = {
        "unibus-certificate": `${key.user}.${base64url(certificate)}`,
        ...(body === null ? {} : { "content-digest": `sha-256=:${digest}:` }),
      };
      const values: Record<string, string> = {
        ...{ "@method": method, "@authority": host, "@path": pathname, "@query": search || "?" },
        ...headers,
        ...signed,
      };
      const names = ["@method", "@authority", "@path", "@query", ...SIGNED_HEADERS].filter(
        (name) => values[name] !== undefined,
      );
      const input = `(${names.map((name) => `"${name}"`).join(" ")})${parameters(keyid)}`;
      const lines = names.map((name) => `"${name}": ${values[name]}\n`);
      const signature = api.sign(`${lines.join("")}"@signature-params": ${input}`);
      return {
        ...signed,
        "signature-input": `sig1=${input}`,
        signature: `sig1=:${signature.toString("base64")}:`,
      };
    },
    genesis() {
      const bytes = Buffer.from(JSON.stringify(genesisOf(busId, key)));
      const signature = key.sign(domainBytes("record", busId, bytes));
      return { record: base64url(bytes), signature: base64url(signature) };
    },
    proveInvite(text) {
      const [, invite = "", secret = ""] = /^ubi_([a-z2-7]{26})_(.+)$/.exec(text) ?? [];
      const said = Buffer.concat([Buffer.from(invite), publicBytes(key)]);
      const proof = testKey(Buffer.from(secret, "base64url")).sign(
        domainBytes("invite", busId, said),
      );
      return { invite, proof: base64url(proof) };
    },
  };
}

function parameters(keyid: string): string {
  // Rounded up: a node refuses reads that were signed before its start, in the second of its start.
  const created = Math.ceil(Date.now() / 1000);
  const nonce = base64url(randomBytes(24));
  return `;created=${created};expires=${created + LIFE_S};nonce="${nonce}";keyid="${keyid}";alg="ed25519";tag="unibus/1"`;
}

/** What an nkey signs beside the nonces of logins: no text of a NATS server can be this. */
export function domainBytes(kind: string, busId: string, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0xff), Buffer.from(`unibus/1 ${kind}\0${busId}`), bytes]);
}

/** Its members in the order of canonical JSON. */
function genesisOf(busId: string, { user }: TestKey) {
  return {
    bus: busId,
    created: Date.now(),
    history: "all",
    kind: "genesis",
    nonce: randomBytes(16).toString("hex"),
    owner: user,
    suite: 1,
    version: 1,
  };
}

/** The 32 bytes behind a public nkey: five bits a letter, after the byte that says which kind. */
export function publicBytes({ user }: TestKey): Buffer {
  const bits = [...user]
    .map((letter) =>
      "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"),
    )
    .join("");
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
  return Buffer.from(bytes.slice(1, 33));
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
