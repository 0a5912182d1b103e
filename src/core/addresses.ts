const IPV4 = /^(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
const GROUPS = 8;
const ADDRESS_BITS = 128;
/** What stands before an IPv4 address inside IPv6, `::ffff:0:0/96`. */
const MAPPED = 0xffffn << 32n;
const MAPPED_BITS = 96;

/** An IP address as the number of its 128 bits, IPv4 inside `::ffff:0:0/96`: one form for both. */
export type AddressBits = bigint;

/** A block of addresses, as its first bits. */
export interface AddressBlock {
  readonly bits: AddressBits;
  /** How many of the 128 bits count. */
  readonly length: number;
}

/** Reads an IP address, IPv6 without a zone; null when the text is none. Source: RFC 4291 §2.2. */
export function parseAddress(text: string): AddressBits | null {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== null) return MAPPED | ipv4;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half, at) => groupsOf(half, at === halves.length - 1));
  if (!head || (halves.length === 2 && !tail)) return null;
  const left = GROUPS - head.length - (tail?.length ?? 0);
  // "::" stands for one group at least.
  if (tail ? left < 1 : left !== 0) return null;
  const groups = [...head, ...Array.from({ length: left }, () => 0n), ...(tail ?? [])];
  return groups.reduce((bits, group) => (bits << 16n) | group, 0n);
}

/** Reads `address/length`, or an address alone; null when it is none or has bits behind its length. */
export function parseBlock(text: string): AddressBlock | null {
  const [, address = "", digits] = /^([^/]*)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? [];
  const bits = parseAddress(address);
  if (bits === null) return null;
  const most = address.includes(":") ? ADDRESS_BITS : ADDRESS_BITS - MAPPED_BITS;
  const told = digits === undefined ? most : Number(digits);
  if (told > most) return null;
  const length = ADDRESS_BITS - most + told;
  return bits === firstOf(bits, length) ? { bits, length } : null;
}

export function isInBlock(bits: AddressBits, block: AddressBlock): boolean {
  return firstOf(bits, block.length) === block.bits;
}

/** Writes an address in its one form: IPv4 with dots, IPv6 short. Source: RFC 5952. */
export function renderAddress(bits: AddressBits): string {
  if (isIpv4(bits)) {
    const ipv4 = Number(bits & 0xffff_ffffn);
    return `${ipv4 >>> 24}.${(ipv4 >> 16) & 0xff}.${(ipv4 >> 8) & 0xff}.${ipv4 & 0xff}`;
  }
  const groups = Array.from({ length: GROUPS }, (_, at) =>
    ((bits >> (16n * BigInt(GROUPS - 1 - at))) & 0xffffn).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

export function isIpv4(bits: AddressBits): boolean {
  return bits >> 32n === 0xffffn;
}

/** An address whose bits behind `length` are 0. */
export function firstOf(bits: AddressBits, length: number): AddressBits {
  const rest = BigInt(ADDRESS_BITS - length);
  return (bits >> rest) << rest;
}

function parseIpv4(text: string): bigint | null {
  const octets = IPV4.exec(text)?.slice(1).map(Number);
  if (!octets || octets.some((octet) => octet > 255)) return null;
  return BigInt(octets.reduce((bits, octet) => bits * 256 + octet, 0));
}

/** The groups of one side of "::", an IPv4 address at the very end as two; null when one is none. */
function groupsOf(side: string, isLast: boolean): readonly bigint[] | null {
  if (side === "") return [];
  const groups: bigint[] = [];
  const parts = side.split(":");
  for (const [at, part] of parts.entries()) {
    const ipv4 = isLast && at === parts.length - 1 ? parseIpv4(part) : null;
    if (ipv4 !== null) groups.push(ipv4 >> 16n, ipv4 & 0xffffn);
    else if (GROUP.test(part)) groups.push(BigInt(`0x${part}`));
    else return null;
  }
  return groups.length <= GROUPS ? groups : null;
}
