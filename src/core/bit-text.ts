/** Characters that stand for numbers: two to the power of `bits` of them. */
export interface Alphabet {
  readonly characters: string;
  readonly bits: number;
  readonly values: ReadonlyMap<string, number>;
}

export function alphabetOf(characters: string): Alphabet {
  const values = new Map([...characters].map((character, value) => [character, value]));
  return { characters, bits: Math.log2(characters.length), values };
}

/** Renders bytes as text, the highest bit first. What the last character has left over is zero. */
export function renderBits(bytes: Uint8Array, { characters, bits }: Alphabet): string {
  const mask = (1 << bits) - 1;
  let waiting = 0;
  let value = 0;
  let text = "";
  for (const byte of bytes) {
    value = (value << 8) | byte;
    waiting += 8;
    while (waiting >= bits) {
      waiting -= bits;
      text += characters.charAt((value >>> waiting) & mask);
      value &= (1 << waiting) - 1;
    }
  }
  return waiting > 0 ? text + characters.charAt((value << (bits - waiting)) & mask) : text;
}

/**
 * Reads what `renderBits` renders, or null. Bytes have one text only: what has bits left over that say
 * something, or any other character, is none.
 */
export function parseBits(text: string, { bits, values }: Alphabet): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * bits) / 8));
  let waiting = 0;
  let value = 0;
  let at = 0;
  for (const character of text) {
    const read = values.get(character);
    if (read === undefined) return null;
    value = (value << bits) | read;
    waiting += bits;
    if (waiting >= 8) {
      waiting -= 8;
      bytes[at++] = (value >>> waiting) & 0xff;
      value &= (1 << waiting) - 1;
    }
  }
  return waiting < bits && value === 0 ? bytes : null;
}
