import { expect, test } from "bun:test";
import { findNearest } from "../../src/core/nearest.ts";

const NAMES = ["bind", "http-port", "nats-port", "bus-auth"];

test.each([
  ["bnd", "bind"],
  ["htp-port", "http-port"],
  ["bus-aut", "bus-auth"],
  ["bus_auth", "bus-auth"],
  ["bidn", "bind"],
  ["", null],
  ["completely-else", null],
  ["x", null],
])("of the names, %j probably means %j", (text, meant) =>
  expect(findNearest(text, NAMES)).toBe(meant),
);

test("of equally near names the first is taken", () =>
  expect(findNearest("cat", ["bat", "hat"])).toBe("bat"));
