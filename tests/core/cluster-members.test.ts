import { describe, expect, test } from "bun:test";
import { expectedNodes, presentNodes } from "../../src/core/cluster-members.ts";

const there = (node: string) => ({ node, announcedAt: 1, removedAt: null });
const joined = (node: string) => ({ node, announcedAt: null, removedAt: null });
const removed = (node: string) => ({ node, announcedAt: 1, removedAt: 2 });
const three = [there("n1"), there("n2"), there("n3")];

describe("the nodes that a node expects", () => {
  test.each([
    ["as many as its settings name, before any told of itself", 2, [], [2, []]],
    ["those that are recorded, when these are more", 1, three, [2, ["n2", "n3"]]],
    ["those of the settings, when few have told of themselves", 2, [there("n1")], [2, []]],
    [
      "not those that were removed, though the settings name them still",
      2,
      [there("n1"), there("n2"), removed("n3")],
      [1, ["n2"]],
    ],
    [
      "one that took the place of a removed one",
      2,
      [there("n1"), there("n2"), removed("n3"), there("n4")],
      [2, ["n2", "n4"]],
    ],
    ["not one that joined and never came", 2, [...three, joined("n4")], [2, ["n2", "n3"]]],
    [
      "none, where more were removed than the settings name",
      1,
      [there("n1"), removed("n2"), removed("n3")],
      [0, []],
    ],
  ] as const)("are %s", (_, configured, nodes, [count, names]) => {
    expect(expectedNodes({ self: "n1", configured, nodes })).toMatchObject({ count, names });
  });

  test("are away by name where the name is known, and only counted where it is not", () => {
    const known = expectedNodes({ self: "n1", configured: 2, nodes: three });
    expect(presentNodes(known, ["n2"])).toEqual({ routes: ["n2"], away: ["n3"], missing: 1 });
    expect(presentNodes(known, ["n2", "n3"])).toMatchObject({ away: [], missing: 0 });
    // Another one in its place is not it.
    expect(presentNodes(known, ["n2", "n9"])).toMatchObject({ away: ["n3"], missing: 1 });
    const unknown = expectedNodes({ self: "n1", configured: 2, nodes: [] });
    expect(presentNodes(unknown, ["n2"])).toMatchObject({ away: [], missing: 1 });
  });

  test("are not there by a route of one that was removed", () => {
    const nodes = [there("n1"), there("n2"), removed("n3")];
    const expected = expectedNodes({ self: "n1", configured: 2, nodes });
    expect(presentNodes(expected, ["n3"])).toEqual({ routes: [], away: ["n2"], missing: 1 });
  });
});
