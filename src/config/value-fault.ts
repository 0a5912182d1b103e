import { type AddressBlock, isInBlock, parseAddress, parseBlock } from "../core/addresses.ts";
import { isNodeName, splitRoutes } from "../core/cluster-policy.ts";
import { TRUSTED_PROXIES_MAX } from "../core/limits.ts";
import { readUserKey } from "../core/nkey.ts";
import { quote } from "../core/quote.ts";
import type { Setting } from "./schema.ts";

/** Says what is wrong with one value by itself, or null. A secret is never shown. */
export function faultOf(setting: Setting, text: string): string | null {
  const shown = setting.secret === "whole" ? "a secret" : quote(text);
  if (/\p{Cc}/u.test(text)) return "it holds a control character";
  // What was not UTF-8 has become this character: another path than what was meant.
  if (text.includes("\ufffd")) return "it is not UTF-8";
  if (text === "") {
    if (setting.default === "" || setting.name === "bind") return null;
    return `it is empty; leave it out for the default ${setting.default}`;
  }
  switch (setting.read.kind) {
    case "port":
      return /^(0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535
        ? null
        : `it is ${shown}, and a port is a whole number from 0 to 65535`;
    case "count": {
      const { least = 1, most } = setting.read;
      return /^[1-9][0-9]{0,8}$/.test(text) && Number(text) >= least && Number(text) <= most
        ? null
        : `it is ${shown}, and it must be a whole number from ${least} to ${most}`;
    }
    case "enum": {
      const { values } = setting.read;
      return values.includes(text)
        ? null
        : `it is ${shown}, and it must be ${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
    }
    case "boolean":
      return /^(true|false|1|0)$/.test(text)
        ? null
        : `it is ${shown}, and it must be true or false`;
    case "name":
      return isNodeName(text)
        ? null
        : `it is ${shown}, and a name is 1 to 64 letters, digits, - and _`;
    case "user": {
      const key = readUserKey(text);
      return "bytes" in key ? null : key.detail.replace("Cannot use this key: ", "");
    }
    case "urls":
      return splitRoutes(text).every(isOrigin)
        ? null
        : `it is ${shown}, and each part must be like https://bus.example.org or http://host:port`;
    case "blocks":
      return blocksFault(splitRoutes(text));
    case "text":
    case "host":
    case "path":
    case "routes":
      return null;
    default:
      return setting.read satisfies never;
  }
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  if (url?.protocol !== "https:" && url?.protocol !== "http:") return false;
  return url.href === `${url.origin}/` && url.hostname !== "";
}

/** First and last address of IPv4, and of the IPv6 that is given out. */
const ALL = [
  ["0.0.0.0", "255.255.255.255"],
  ["2000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
] as const;

function blocksFault(blocks: readonly string[]): string | null {
  if (blocks.length > TRUSTED_PROXIES_MAX) {
    return `it has ${blocks.length} parts, and it may have at most ${TRUSTED_PROXIES_MAX}`;
  }
  for (const text of blocks) {
    const block = parseBlock(text);
    if (!block) {
      return `${quote(text)} is in it, and each part must be like 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32, with no bits behind the length`;
    }
    if (ALL.some((range) => range.every((address) => holds(block, address)))) {
      return `${quote(text)} is in it, and that is everybody: anyone could send under any address`;
    }
  }
  return null;
}

function holds(block: AddressBlock, address: string): boolean {
  const bits = parseAddress(address);
  return bits !== null && isInBlock(bits, block);
}
