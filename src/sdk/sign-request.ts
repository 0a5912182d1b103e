import { toBase64url } from "../core/base64url.ts";
import { SIGNATURE_LIFE_MS_MAX } from "../core/limits.ts";
import {
  CERTIFICATE_HEADER,
  componentsOf,
  renderSignatureBase,
  renderSignatureInput,
} from "../core/request-signature.ts";

/** A request as it will be sent. */
export interface RequestToSign {
  readonly method: string;
  readonly url: string;
  /** Null for a request without a body. */
  readonly body: string | Uint8Array | null;
  /** Those of its headers that are signed where there are any; others are left alone. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, by the node's clock. */
  readonly now: number;
}

const LABEL = "unibus";
const NONCE_BYTES = 16;

/**
 * Signs a request by an API key. Returns the headers to add: its signature, what it covers, the key's
 * certificate, and the digest of the body. Source: RFC 9421, section 3.1; RFC 9530.
 */
export async function signRequest(
  request: RequestToSign & { readonly keyid: string; readonly certificate: string },
  sign: (bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<Record<string, string>> {
  const { method, url, body, headers = {}, now, keyid, certificate } = request;
  const { host, pathname, search } = new URL(url);
  const digest = body === null || body.length === 0 ? null : await contentDigest(body);
  const signable = {
    "@method": method,
    "@authority": host,
    "@path": pathname,
    "@query": search === "" ? "?" : search,
    "content-digest": digest,
    "idempotency-key": headers["idempotency-key"] ?? null,
    "if-match": headers["if-match"] ?? null,
    [CERTIFICATE_HEADER]: certificate,
  };
  // Rounded up: a node that started within this second would find it older than itself.
  const created = Math.ceil(now / 1000);
  const expires = created + SIGNATURE_LIFE_MS_MAX / 1000;
  const nonce = toBase64url(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  const components = componentsOf(signable);
  const input = renderSignatureInput(components, { created, expires, nonce, keyid });
  const base = renderSignatureBase(signable, components, input);
  const signature = await sign(new TextEncoder().encode(base));
  return {
    "signature-input": `${LABEL}=${input}`,
    signature: `${LABEL}=:${toBase64(signature)}:`,
    [CERTIFICATE_HEADER]: certificate,
    ...(digest === null ? {} : { "content-digest": digest }),
  };
}

async function contentDigest(body: string | Uint8Array): Promise<string> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return `sha-256=:${toBase64(new Uint8Array(digest))}:`;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
