const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES: ReadonlyMap<string, number> = new Map(
  [...ALPHABET].map((character, value) => [character, value]),
);

/** Renders bytes in base64url without padding. Source: RFC 4648, section 5. */
export function toBase64url(bytes: Uint8Array): string {
  let bits = 0;
  let value = 0;
  let text = "";
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += ALPHABET.charAt((value >>> bits) & 63);
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET.charAt((value << (6 - bits)) & 63) : text;
}

/**
 * Reads base64url without padding, or null. Bytes have one text only: what has bits left over that say
 * something, or any other character, is none.
 */
export function fromBase64url(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8));
  let bits = 0;
  let value = 0;
  let at = 0;
  for (const character of text) {
    const six = VALUES.get(character);
    if (six === undefined) return null;
    value = (value << 6) | six;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (value >>> bits) & 0xff;
      value &= (1 << bits) - 1;
    }
  }
  return bits < 6 && value === 0 ? bytes : null;
}
