import { fromBase64url, toBase64url } from "./base64url.ts";
import { NODE_TOKEN_CHARS_MAX, NODE_TOKEN_URLS_MAX } from "./limits.ts";

/** What a machine needs to become a node: whom to ask, and what shows both sides to each other. */
export interface NodeToken {
  /** Origins of the API at which somebody waits for the new node. */
  readonly urls: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** 32 bytes in base64url, for one node alone. Every key of the exchange is made from it. */
  readonly secret: string;
  /** SHA-256 of the certificate of the authority for routes, in hex. */
  readonly ca: string;
}

const TEXT = /^ubn_([A-Za-z0-9_-]+)$/;
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const MEMBERS = ["ca", "expiresAt", "secret", "urls"];

/** Renders a token for a node, as it is handed over. */
export function renderNodeToken({ urls, expiresAt, secret, ca }: NodeToken): string {
  const json = JSON.stringify({ urls, expiresAt, secret, ca });
  return `ubn_${toBase64url(new TextEncoder().encode(json))}`;
}

/** Reads a token for a node, or null. */
export function parseNodeToken(text: string): NodeToken | null {
  if (text.length > NODE_TOKEN_CHARS_MAX) return null;
  const bytes = fromBase64url(TEXT.exec(text)?.[1] ?? "");
  if (!bytes) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isNodeToken(value) ? value : null;
  } catch {
    return null;
  }
}

function isNodeToken(value: unknown): value is NodeToken {
  if (typeof value !== "object" || value === null) return false;
  if (Object.keys(value).sort().join() !== MEMBERS.join()) return false;
  const { urls, expiresAt, secret, ca }: Partial<Record<keyof NodeToken, unknown>> = value;
  return (
    Array.isArray(urls) &&
    urls.length > 0 &&
    urls.length <= NODE_TOKEN_URLS_MAX &&
    urls.every(isOrigin) &&
    Number.isSafeInteger(expiresAt) &&
    typeof secret === "string" &&
    SECRET.test(secret) &&
    typeof ca === "string" &&
    DIGEST.test(ca)
  );
}

function isOrigin(value: unknown): boolean {
  const url = typeof value === "string" ? URL.parse(value) : null;
  return (url?.protocol === "http:" || url?.protocol === "https:") && url.origin === value;
}
