import { describe, expect, test } from "bun:test";
import { loadNodeSettings } from "../../src/config/load.ts";
import { SETTINGS } from "../../src/config/schema.ts";
import { faultOf } from "../../src/config/value-fault.ts";
import { TRUSTED_PROXIES_MAX } from "../../src/core/limits.ts";

const faultOfProxies = (text: string): string | null =>
  faultOf({ name: "trusted-proxies", ...SETTINGS["trusted-proxies"] }, text);

describe("--trusted-proxies", () => {
  test.each([
    ["", []],
    ["10.0.0.2", ["10.0.0.2"]],
    ["10.0.0.0/8, 2001:db8::/64,", ["10.0.0.0/8", "2001:db8::/64"]],
    ["::ffff:10.0.0.0/104,::1,127.0.0.1/32", ["::ffff:10.0.0.0/104", "::1", "127.0.0.1/32"]],
    ["0.0.0.0/1", ["0.0.0.0/1"]],
  ])("%j is a list of blocks", (text, blocks) => {
    expect(loadNodeSettings({ "trusted-proxies": text }, {}).trustedProxies).toEqual(blocks);
    expect(loadNodeSettings({}, { UNIBUS_TRUSTED_PROXIES: text }).trustedProxies).toEqual(blocks);
  });

  test.each([
    ...["proxy.example.org", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "[::1]", "fe80::1%eth0"],
    ...["10.0.0.0-10.0.0.9", "10.0.0.2 10.0.0.3", "*", "10.0.0.2:80"],
  ])("%j is none, and the fault names it", (text) => {
    const words = `"${text}" is in it, and each part must be like 192.0.2.1, 10.0.0.0/8`;
    expect(faultOfProxies(text)).toContain(words);
    expect(faultOfProxies(`10.0.0.2, ${text}`)).toContain(words);
  });

  test.each(["0.0.0.0/0", "::/0", "::/1", "::ffff:0:0/96", "2000::/3"])(
    "%s is everybody, and refused: anyone could send under any address",
    (text) => {
      expect(faultOfProxies(`10.0.0.2,${text}`)).toContain(
        `"${text}" is in it, and that is everybo`,
      );
    },
  );

  test("are so many that a request is quickly compared with them", () => {
    const blocks = (length: number) => Array.from({ length }, (_, at) => `10.0.${at}.0/24`).join();
    expect(faultOfProxies(blocks(TRUSTED_PROXIES_MAX))).toBeNull();
    expect(faultOfProxies(blocks(TRUSTED_PROXIES_MAX + 1))).toContain("at most");
  });
});
