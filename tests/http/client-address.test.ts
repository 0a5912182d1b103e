import { describe, expect, test } from "bun:test";
import { clientAddress, rateKey } from "../../src/http/client-address.ts";

const PROXIES = ["10.0.0.0/8", "192.0.2.1", "2001:db8:aa::/48"];

function addressOf(peer: string, forwarded: string | null, trusted = PROXIES): string {
  const headers = new Headers(forwarded === null ? {} : { "x-forwarded-for": forwarded });
  return clientAddress(headers, peer, trusted);
}

describe("X-Forwarded-For", () => {
  test.each([
    ["a stranger", "203.0.113.9", PROXIES],
    ["a stranger by IPv6", "2001:db8:bb::1", PROXIES],
    ["anybody where no proxy is trusted", "10.0.0.1", []],
    ["loopback, which is trusted no more than others", "127.0.0.1", PROXIES],
  ])("of %s is not heard", (_who, peer, trusted) => {
    for (const forged of ["198.51.100.7", "10.0.0.1", "10.0.0.1, 198.51.100.7", "x", ""]) {
      expect(addressOf(peer, forged, trusted)).toBe(peer);
    }
  });

  test.each([
    ["one proxy", "10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["one proxy that is named alone", "192.0.2.1", "198.51.100.7", "198.51.100.7"],
    ["one proxy by IPv6", "2001:db8:aa::1", "2001:db8:cc::7", "2001:db8:cc::7"],
    ["a chain of proxies", "10.0.0.1", "198.51.100.7, 10.0.0.3, 10.0.0.2", "198.51.100.7"],
    ["no spaces", "10.0.0.1", "198.51.100.7,10.0.0.2", "198.51.100.7"],
    ["more spaces", "10.0.0.1", "  198.51.100.7 \t,  10.0.0.2 ", "198.51.100.7"],
    ["a proxy that adds ports", "10.0.0.1", "198.51.100.7:50123", "198.51.100.7"],
    ["the same by IPv6", "10.0.0.1", "[2001:db8:cc::7]:50123", "2001:db8:cc::7"],
    ["brackets alone", "10.0.0.1", "[2001:db8:cc::7]", "2001:db8:cc::7"],
    ["another spelling", "10.0.0.1", "2001:0DB8:cc:0:0:0:0:7", "2001:db8:cc::7"],
    ["an IPv4 address inside IPv6", "10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"],
    ["a peer inside IPv6", "::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"],
  ])("of a trusted proxy is heard: %s", (_what, peer, forwarded, address) => {
    expect(addressOf(peer, forwarded)).toBe(address);
  });

  test.each([
    ["an address", "203.0.113.66, 198.51.100.7"],
    ["a proxy of ours", "10.0.0.9, 198.51.100.7"],
    ["an address behind a proxy of ours", "203.0.113.66, 10.0.0.9, 198.51.100.7"],
    ["no address", "unknown, 198.51.100.7"],
    ["a thousand entries", `${"10.0.0.9, ".repeat(1_000)}198.51.100.7`],
  ])("is read from its end: what a client wrote before it does not matter: %s", (_what, text) => {
    expect(addressOf("10.0.0.1", text)).toBe("198.51.100.7");
    expect(addressOf("10.0.0.1", `${text}, 10.0.0.2`)).toBe("198.51.100.7");
  });

  test.each([
    ["none", null, "10.0.0.1"],
    ["nothing", "", "10.0.0.1"],
    ["a word", "unknown", "10.0.0.1"],
    ["an empty entry", "198.51.100.7,", "10.0.0.1"],
    ["a word behind a proxy", "198.51.100.7, unknown, 10.0.0.2", "10.0.0.2"],
    ["a hidden one", "_hidden, 10.0.0.2", "10.0.0.2"],
    ["half an address", "198.51.100", "10.0.0.1"],
    ["an address too many", "198.51.100.7 198.51.100.8", "10.0.0.1"],
    ["a block", "198.51.100.0/24", "10.0.0.1"],
    ["a zone", "fe80::1%eth0", "10.0.0.1"],
    ["nobody but proxies", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
  ])("ends at the last proxy when it does not say whom that heard: %s", (_what, text, address) => {
    expect(addressOf("10.0.0.1", text)).toBe(address);
  });

  test("is one list when it comes as several headers", () => {
    const headers = new Headers();
    headers.append("x-forwarded-for", "203.0.113.66");
    headers.append("x-forwarded-for", "198.51.100.7");
    expect(clientAddress(headers, "10.0.0.1", PROXIES)).toBe("198.51.100.7");
  });
});

describe("a peer", () => {
  test("has one form, however the machine listens", () => {
    expect(addressOf("::ffff:203.0.113.9", null)).toBe("203.0.113.9");
    expect(addressOf("::FFFF:cb00:7109", null, [])).toBe("203.0.113.9");
    expect(addressOf("fe80::1%eth0", null)).toBe("fe80::1");
  });

  test("that is no address stays as it is", () => {
    expect(addressOf("", "198.51.100.7")).toBe("");
  });
});

describe("requests are counted together", () => {
  test("by IPv4 address, and by /64 of IPv6, which whoever has one address has whole", () => {
    expect(rateKey("198.51.100.7")).toBe("198.51.100.7");
    expect(rateKey("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(rateKey("2001:db8:1:2::")).toBe(rateKey("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    expect(rateKey("2001:db8:1:2::1")).not.toBe(rateKey("2001:db8:1:3::1"));
    expect(rateKey("fe80::1%eth0")).toBe("fe80::/64");
    expect(rateKey("")).toBe("");
  });
});
