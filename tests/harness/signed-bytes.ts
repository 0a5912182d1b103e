import { createHash, hkdfSync, randomBytes } from "node:crypto";

// What is signed on a bus, to the byte, written apart from the sources.

const DERIVED = ["@method", "@authority", "@path", "@query"];
const FIELDS = ["content-digest", "idempotency-key", "if-match", "unibus-certificate"];
const LIFE_S = 60;

/** Parameters as they are written; null leaves one out. */
export type Parameters = Readonly<Record<string, string | number | null>>;

/** What an nkey signs beside the nonces of logins: no text of a NATS server can be this. */
export function domainBytes(kind: string, busId: string, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0xff), Buffer.from(`unibus/1 ${kind}\0${busId}`), bytes]);
}

/** The seed of the API key of whoever has this seed. */
export function apiSeedOf(seed: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", seed, new Uint8Array(), "unibus/1 api-key", 32));
}

/** `content-digest` of a body. Source: RFC 9530. */
export function digestOf(body: string | Uint8Array): string {
  return `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
}

/** What a signature has to cover of a request that has these headers, in the order of the profile. */
export function componentsOf(has: (header: string) => boolean): readonly string[] {
  return [...DERIVED, ...FIELDS.filter(has)];
}

/** The right parameters, with a nonce of their own. `created` is in seconds since the epoch. */
export function parametersOf({ keyid, created }: { keyid: string; created: number }): Parameters {
  return {
    created,
    expires: created + LIFE_S,
    nonce: `"${randomBytes(16).toString("base64url")}"`,
    keyid: `"${keyid}"`,
    alg: '"ed25519"',
    tag: '"unibus/1"',
  };
}

/** Now, rounded up: a node refuses reads from before its start, in the second of its start too. */
export function createdNow(): number {
  return Math.ceil(Date.now() / 1000);
}

/** `signature-input`, less its label. */
export function inputOf(components: readonly string[], parameters: Parameters): string {
  const written = Object.entries(parameters)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `;${name}=${value}`);
  return `(${components.map(quoted).join(" ")})${written.join("")}`;
}

/** What is signed of a request. Source: RFC 9421, section 2.5. */
export function baseOf(
  values: Readonly<Record<string, string | undefined>>,
  components: readonly string[],
  input: string,
): string {
  const lines = components.map((name) => `${quoted(name)}: ${values[name] ?? ""}\n`);
  return `${lines.join("")}"@signature-params": ${input}`;
}

/** A component's name in quotes; parameters behind it stay outside of them. */
function quoted(component: string): string {
  const [name = "", ...parameters] = component.split(";");
  return [`"${name}"`, ...parameters].join(";");
}

/** What both keys sign of a replacement: the new key's number, the old key and the new one. */
export function replacementBytes(
  busId: string,
  replacement: { readonly number: number; readonly old: Uint8Array; readonly by: Uint8Array },
): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(replacement.number);
  const said = Buffer.concat([number, replacement.old, replacement.by]);
  return domainBytes("key-replacement", busId, said);
}
