/** Every encoding of a point of small order. Source: IACR eprint 2020/1244, table 1. */
export const SMALL_ORDER_KEYS = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
] as const;

/** A signature that verifies for everybody under a key of small order: R the neutral point, S = 0. */
export const FORGED_SMALL_ORDER_SIGNATURE = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);

const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The same signature with S + L for S: what a lax verifier takes for another valid one. */
export function malleated(signature: Uint8Array): Buffer {
  const bytes = Buffer.from(signature);
  let s = GROUP_ORDER;
  for (let at = 63; at >= 32; at--) s += BigInt(bytes[at] ?? 0) << BigInt(8 * (at - 32));
  for (let at = 32; at < 64; at++) {
    bytes[at] = Number(s & 0xffn);
    s >>= 8n;
  }
  return bytes;
}
