import { alphabetOf, parseBits, renderBits } from "./bit-text.ts";

const BASE64URL = alphabetOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

/** Renders bytes in base64url without padding. Source: RFC 4648, section 5. */
export function toBase64url(bytes: Uint8Array): string {
  return renderBits(bytes, BASE64URL);
}

/** Reads base64url without padding, or null: bytes have one text only. */
export function fromBase64url(text: string): Uint8Array | null {
  return parseBits(text, BASE64URL);
}
