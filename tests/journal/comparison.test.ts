import { describe, expect, test } from "bun:test";
import type { PeerAnswer } from "../../src/core/journal-stream.ts";
import { compareChains, listWithoutRoom, mayFoundBus } from "../../src/journal/comparison.ts";

const BUS = { busId: "0b".repeat(16), generation: "0e".repeat(16), lastSeq: 7 };
const peer = (name: string, chain: string | null): PeerAnswer => ({
  ...{ name, bus: BUS, chain },
  full: false,
});
const newcomer = (name: string): PeerAnswer => ({
  ...{ name, bus: null, chain: null },
  full: false,
});

describe("the chain behind one entry", () => {
  test.each([
    ["nobody answers", [], "alike"],
    ["all have it", [peer("b", "x"), peer("c", "x")], "alike"],
    ["those who are behind say nothing", [peer("b", null), newcomer("c")], "alike"],
    ["one of three has another", [peer("b", "x"), peer("c", "y")], "others-differ"],
    ["this one of three has another", [peer("b", "y"), peer("c", "y")], "differs"],
    ["one of two has another: nobody knows which", [peer("b", "y")], "differs"],
    ["all have another", [peer("b", "y"), peer("c", "z")], "differs"],
  ] as const)("%s", (_, answers, kind) => {
    expect(compareChains("x", answers).kind).toBe(kind);
  });

  test("names who differs", () => {
    expect(compareChains("x", [peer("b", "x"), peer("c", "y")])).toEqual({
      kind: "others-differ",
      names: ["c"],
    });
  });
});

describe("an empty node founds a bus", () => {
  test("when all peers are there and none has one", () => {
    expect(mayFoundBus([newcomer("b"), newcomer("c")], 2)).toBe(true);
    expect(mayFoundBus([], 0)).toBe(true);
  });

  test("not while one is missing, or has one", () => {
    expect(mayFoundBus([newcomer("b")], 2)).toBe(false);
    expect(mayFoundBus([newcomer("b"), peer("c", null)], 2)).toBe(false);
  });
});

describe("the room of a cluster", () => {
  const full = (name: string): PeerAnswer => ({ ...peer(name, "a"), full: true });

  test("is enough while a majority has some, whether or not the others answer", () => {
    expect(listWithoutRoom([], 2)).toEqual([]);
    expect(listWithoutRoom([full("n2")], 2)).toEqual([]);
    expect(listWithoutRoom([full("n2"), peer("n3", "a")], 2)).toEqual([]);
    expect(listWithoutRoom([full("n2"), full("n3"), peer("n4", "a"), peer("n5", "a")], 4)).toEqual(
      [],
    );
  });

  test("is not enough where too few have some, and it is told which", () => {
    expect(listWithoutRoom([full("n2"), full("n3")], 2)).toEqual(["n2", "n3"]);
    expect(listWithoutRoom([full("n2")], 1)).toEqual(["n2"]);
  });
});
