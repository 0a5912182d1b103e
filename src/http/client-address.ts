import {
  type AddressBits,
  type AddressBlock,
  firstOf,
  isInBlock,
  isIpv4,
  parseAddress,
  parseBlock,
  renderAddress,
} from "../core/addresses.ts";

/** A site gets a /64 or more, so whoever has one IPv6 address has all of those. */
const IPV6_SITE_BITS = 64;

/**
 * Finds whose request it is: the peer of the connection, unless that is one of our own proxies. Then
 * `x-forwarded-for` is read from its end, where each proxy writes whom it heard: the first address
 * that is no proxy of ours is the client's. What stands before that is the client's own word, and a
 * peer that is no proxy is not asked at all. At an entry that is no address the walk ends: the last
 * proxy it came to is taken for the client.
 * `trusted` are CIDRs. Returns the address in its one form; the peer as it is when it is no address.
 */
export function clientAddress(headers: Headers, peer: string, trusted: readonly string[]): string {
  // IPv4 has one form: there is nothing to compare here, and nothing to write anew.
  if (trusted.length === 0 && !peer.includes(":")) return peer;
  let bits = parseAddress(withoutZone(peer));
  if (bits === null) return peer;
  const proxies = blocksOf(trusted);
  let rest = headers.get("x-forwarded-for");
  while (rest !== null && isOneOf(bits, proxies)) {
    const comma: number = rest.lastIndexOf(",");
    const before = parseEntry(rest.slice(comma + 1).trim());
    if (before === null) break;
    bits = before;
    rest = comma === -1 ? null : rest.slice(0, comma);
  }
  return renderAddress(bits);
}

/** Names the one whose requests are counted together: an IPv4 address, or the /64 of an IPv6 one. */
export function rateKey(address: string): string {
  if (!address.includes(":")) return address;
  const bits = parseAddress(withoutZone(address));
  if (bits === null || isIpv4(bits)) return address;
  return `${renderAddress(firstOf(bits, IPV6_SITE_BITS))}/${IPV6_SITE_BITS}`;
}

/** An address as proxies write it: some add the client's port. */
function parseEntry(entry: string): AddressBits | null {
  const [, ipv6, ipv4] = /^(?:\[([^\]]*)\](?::[0-9]+)?|([0-9.]+):[0-9]+)$/.exec(entry) ?? [];
  return parseAddress(ipv6 ?? ipv4 ?? entry);
}

/** A link-local peer comes with the interface that it was heard on. */
function withoutZone(address: string): string {
  const zone = address.indexOf("%");
  return zone === -1 ? address : address.slice(0, zone);
}

/** The settings of a node do not change, and each request asks for them. */
const parsed = new WeakMap<readonly string[], readonly AddressBlock[]>();

function blocksOf(trusted: readonly string[]): readonly AddressBlock[] {
  const known = parsed.get(trusted);
  if (known) return known;
  const blocks = trusted.map(parseBlock).filter((block) => block !== null);
  parsed.set(trusted, blocks);
  return blocks;
}

function isOneOf(bits: AddressBits, blocks: readonly AddressBlock[]): boolean {
  return blocks.some((block) => isInBlock(bits, block));
}
