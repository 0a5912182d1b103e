import { describe, expect, test } from "bun:test";
import { isInBlock, parseAddress, parseBlock, renderAddress } from "../../src/core/addresses.ts";

describe("an address", () => {
  test.each([
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:192.0.2.33", "1:2:3:4:5:6:c000:221"],
    ["::ffff:192.0.2.33", "192.0.2.33"],
    ["::FFFF:C000:0221", "192.0.2.33"],
    ["0:0:0:0:0:ffff:c000:221", "192.0.2.33"],
  ])("%s is written %s", (text, written) => {
    const bits = parseAddress(text);
    expect(bits === null ? null : renderAddress(bits)).toBe(written);
    expect(parseAddress(written)).toBe(bits);
  });

  test.each([
    ...["", " ", "localhost", "1", "127.1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4"],
    ...["0x7f.0.0.1", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n", "1.2.3.4:80", "1.2.3.-4", "１.2.3.4"],
    ...[":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7:8::"],
    ...["::1:2:3:4:5:6:7:8", "12345::", "g::", "::1%lo", "[::1]", "1:2", ":1::", "::1:"],
    ...["1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.256", "::ffff:1.2.3"],
  ])("%j is none", (text) => {
    expect(parseAddress(text)).toBeNull();
  });
});

describe("a block", () => {
  const holds = (block: string, address: string): boolean => {
    const [bits, parsed] = [parseAddress(address), parseBlock(block)];
    if (bits === null || parsed === null) throw new Error(`${address} or ${block} is none`);
    return isInBlock(bits, parsed);
  };

  test.each([
    ["10.0.0.0/8", "10.255.255.255", "11.0.0.0"],
    ["192.0.2.128/25", "192.0.2.128", "192.0.2.127"],
    ["192.0.2.1", "192.0.2.1", "192.0.2.2"],
    ["192.0.2.1/32", "::ffff:192.0.2.1", "192.0.2.0"],
    ["0.0.0.0/0", "255.255.255.255", "::1"],
    ["2001:db8:aa::/48", "2001:db8:aa:ffff::1", "2001:db8:ab::"],
    ["::1", "::1", "::2"],
    ["::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0"],
  ])("%s holds %s and not %s", (block, inside, outside) => {
    expect(holds(block, inside)).toBe(true);
    expect(holds(block, outside)).toBe(false);
  });

  test("of all of IPv6 holds IPv4 too, as its addresses can be written so", () => {
    expect(holds("::/0", "1.2.3.4")).toBe(true);
  });

  test.each([
    ...["", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8"],
    ...["::/129", "10.0.0.1/8", "2001:db8::1/64", "10.0.0.0 /8", "10.0.0.0/8 ", "host/8", "*"],
  ])("%j is none", (text) => {
    expect(parseBlock(text)).toBeNull();
  });
});
