import { randomBytes } from "node:crypto";
import { type TestKey, testKey } from "./raw-nats.ts";
import {
  apiSeedOf,
  baseOf,
  componentsOf,
  createdNow,
  digestOf,
  domainBytes,
  inputOf,
  parametersOf,
  replacementBytes,
} from "./signed-bytes.ts";

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
  /** The body that puts another key in the place of this one, signed by both; its second by default. */
  replaceBy(next: TestKey, number?: number): object;
  /** Proves that this user holds an invite. */
  proveInvite(text: string): { readonly invite: string; readonly proof: string };
}

export function createSigner(busId: string, key: TestKey = testKey()): Signer {
  const api = testKey(apiSeedOf(key.seed));
  const certificate = key.sign(domainBytes("api-key", busId, api.publicKey));
  const keyid = base64url(api.publicKey);
  return {
    key,
    sign({ method, url, body, headers }) {
      const { host, pathname, search } = new URL(url);
      const signed: Record<string, string> = {
        "unibus-certificate": `${key.user}.${base64url(certificate)}`,
        ...(body === null ? {} : { "content-digest": digestOf(body) }),
      };
      const values: Record<string, string> = {
        ...{ "@method": method, "@authority": host, "@path": pathname, "@query": search || "?" },
        ...headers,
        ...signed,
      };
      const components = componentsOf((name) => values[name] !== undefined);
      const input = inputOf(components, parametersOf({ keyid, created: createdNow() }));
      const signature = api.sign(baseOf(values, components, input));
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
    replaceBy(next, number = 2) {
      const data = replacementBytes(busId, { number, old: key.publicKey, by: next.publicKey });
      const [byNew, byOld] = [next, key].map((one) => base64url(one.sign(data)));
      return { user: next.user, proof: { number, byNew, byOld } };
    },
    proveInvite(text) {
      const [, invite = "", secret = ""] = /^ubi_([a-z2-7]{26})_(.+)$/.exec(text) ?? [];
      const said = Buffer.concat([Buffer.from(invite), key.publicKey]);
      const proof = testKey(Buffer.from(secret, "base64url")).sign(
        domainBytes("invite", busId, said),
      );
      return { invite, proof: base64url(proof) };
    },
  };
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

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
