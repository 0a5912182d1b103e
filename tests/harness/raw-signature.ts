import { type KeyObject, sign } from "node:crypto";
import type { UserId } from "../../src/core/ids.ts";
import { OWN_HOST } from "./api.ts";
import { NOW, type TestBus } from "./builders.ts";
import { bytesOf, privateKeyOf, publicBytesOf } from "./ed25519.ts";
import { userKeyOf } from "./nkey.ts";
import {
  apiSeedOf,
  baseOf,
  componentsOf,
  digestOf,
  domainBytes,
  inputOf,
  type Parameters,
  parametersOf,
  replacementBytes,
} from "./signed-bytes.ts";

/** The keys of a user, made apart from the sources. */
export interface RawIdentity {
  readonly user: UserId;
  /** The API key, in base64url. */
  readonly keyid: string;
  readonly nkey: KeyObject;
  readonly apiKey: KeyObject;
  /** `unibus-certificate` for a bus. */
  certificate(busId: string): string;
}

/** The keys of a random user, or always the same ones for a label. */
export function rawIdentity(label?: string): RawIdentity {
  const seed = bytesOf(label);
  const nkey = privateKeyOf(seed);
  const apiKey = privateKeyOf(apiSeedOf(seed));
  const user = userKeyOf(publicBytesOf(nkey));
  const api = publicBytesOf(apiKey);
  return {
    user,
    keyid: api.toString("base64url"),
    nkey,
    apiKey,
    certificate: (busId) =>
      `${user}.${sign(null, domainBytes("api-key", busId, api), nkey).toString("base64url")}`,
  };
}

/** The keys of a random user who is admitted, as an admin. */
export async function admitRaw(bus: Pick<TestBus, "must">): Promise<RawIdentity> {
  const identity = rawIdentity();
  await bus.must({ kind: "user.add", user: identity.user, name: null, role: "admin" });
  return identity;
}

/** The body that puts a key in another's place, signed by both. */
export function replacement(
  busId: string,
  {
    number,
    old,
    by,
  }: { readonly number: number; readonly old: RawIdentity; readonly by: RawIdentity },
): string {
  const data = replacementBytes(busId, {
    number,
    old: publicBytesOf(old.nkey),
    by: publicBytesOf(by.nkey),
  });
  const [byNew, byOld] = [by, old].map((one) => sign(null, data, one.nkey).toString("base64url"));
  return JSON.stringify({ user: by.user, proof: { number, byNew, byOld } });
}

/** How a request is signed; what is left out is right. */
export interface Crafted {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string | null;
  readonly host?: string;
  /** Headers that are there when it is signed; null takes one away. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly components?: (right: readonly string[]) => readonly string[];
  /** What is signed of a component, instead of what the request says. */
  readonly signed?: Readonly<Record<string, string>>;
  readonly parameters?: Parameters;
  readonly key?: KeyObject;
  /** Last changes, when it is signed. */
  readonly after?: (headers: Headers) => void;
  /** A body that comes instead of the signed one. */
  readonly sentBody?: string;
}

/** Makes a signed request by hand, with whatever is to be wrong in it. */
export function craft(identity: RawIdentity, busId: string, crafted: Crafted = {}): Request {
  const { method = "GET", path = "/v1/me", body = null, host = OWN_HOST } = crafted;
  const url = new URL(`http://${host}${path}`);
  const headers = new Headers({ host, "unibus-certificate": identity.certificate(busId) });
  if (body !== null) {
    headers.set("content-type", "application/json");
    headers.set("content-digest", digestOf(body));
  }
  for (const [name, value] of Object.entries(crafted.headers ?? {})) {
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  const right = componentsOf((name) => headers.has(name));
  const components = crafted.components?.(right) ?? right;
  const values: Readonly<Record<string, string>> = {
    "@method": method,
    "@authority": url.host,
    "@path": url.pathname,
    "@query": url.search || "?",
    ...Object.fromEntries([...headers]),
    ...crafted.signed,
  };
  const input = inputOf(components, {
    ...parametersOf({ keyid: identity.keyid, created: NOW / 1000 }),
    ...crafted.parameters,
  });
  const base = baseOf(values, components, input);
  const signature = sign(null, Buffer.from(base), crafted.key ?? identity.apiKey);
  headers.set("signature-input", `sig=${input}`);
  headers.set("signature", `sig=:${signature.toString("base64")}:`);
  crafted.after?.(headers);
  const sent = crafted.sentBody ?? body;
  return new Request(url.href, { method, headers, ...(sent === null ? {} : { body: sent }) });
}
