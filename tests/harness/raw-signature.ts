import {
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import type { UserId } from "../../src/core/ids.ts";
import { NOW, OWN_HOST } from "./api.ts";
import type { TestBus } from "./builders.ts";
import { userKeyOf } from "./nkey.ts";

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

/** PKCS #8 in front of the 32 bytes of an Ed25519 seed. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

export function privateKeyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
}

export function publicBytesOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
}

/** What an nkey signs of an API key: written out here once more. */
export function certifiedBytes(busId: string, apiKey: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0xff), Buffer.from(`unibus/1 api-key\0${busId}`), apiKey]);
}

/** The keys of a random user, or always the same ones for a label. */
export function rawIdentity(label?: string): RawIdentity {
  const seed = label === undefined ? randomBytes(32) : createHash("sha256").update(label).digest();
  const nkey = privateKeyOf(seed);
  const derived = hkdfSync("sha256", seed, new Uint8Array(), "unibus/1 api-key", 32);
  const apiKey = privateKeyOf(new Uint8Array(derived));
  const user = userKeyOf(publicBytesOf(nkey));
  const api = publicBytesOf(apiKey);
  return {
    user,
    keyid: api.toString("base64url"),
    nkey,
    apiKey,
    certificate: (busId) =>
      `${user}.${sign(null, certifiedBytes(busId, api), nkey).toString("base64url")}`,
  };
}

/** The keys of a random user who is admitted, as an admin. */
export async function admitRaw(bus: Pick<TestBus, "must">): Promise<RawIdentity> {
  const identity = rawIdentity();
  await bus.must({ kind: "user.add", user: identity.user, name: null, role: "admin" });
  return identity;
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
  /** Parameters as they are written; null leaves one out. */
  readonly parameters?: Readonly<Record<string, string | number | null>>;
  readonly key?: KeyObject;
  /** Last changes, when it is signed. */
  readonly after?: (headers: Headers) => void;
  /** A body that comes instead of the signed one. */
  readonly sentBody?: string;
}

const DERIVED = ["@method", "@authority", "@path", "@query"];
const FIELDS = ["content-digest", "idempotency-key", "if-match", "unibus-certificate"];

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
  const right = [...DERIVED, ...FIELDS.filter((name) => headers.has(name))];
  const components = crafted.components?.(right) ?? right;
  const values: Readonly<Record<string, string>> = {
    "@method": method,
    "@authority": url.host,
    "@path": url.pathname,
    "@query": url.search || "?",
    ...Object.fromEntries([...headers]),
    ...crafted.signed,
  };
  const input = inputOf(components, { ...parametersOf(identity), ...crafted.parameters });
  const lines = components.map((name) => `${quoted(name)}: ${values[name] ?? ""}`);
  const base = [...lines, `"@signature-params": ${input}`].join("\n");
  const signature = sign(null, Buffer.from(base), crafted.key ?? identity.apiKey);
  headers.set("signature-input", `sig=${input}`);
  headers.set("signature", `sig=:${signature.toString("base64")}:`);
  crafted.after?.(headers);
  const sent = crafted.sentBody ?? body;
  return new Request(url.href, { method, headers, ...(sent === null ? {} : { body: sent }) });
}

export function digestOf(body: string): string {
  return `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
}

function parametersOf({ keyid }: RawIdentity): Record<string, string | number | null> {
  return {
    created: NOW / 1000,
    expires: NOW / 1000 + 60,
    nonce: `"${randomBytes(16).toString("base64url")}"`,
    keyid: `"${keyid}"`,
    alg: '"ed25519"',
    tag: '"unibus/1"',
  };
}

function inputOf(
  components: readonly string[],
  parameters: Readonly<Record<string, string | number | null>>,
): string {
  const written = Object.entries(parameters)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `;${name}=${value}`);
  return `(${components.map(quoted).join(" ")})${written.join("")}`;
}

/** A component's name in quotes; parameters behind it stay outside of them. */
function quoted(component: string): string {
  const [name = "", ...parameters] = component.split(";");
  return [`"${name}"`, ...parameters].join(";");
}
