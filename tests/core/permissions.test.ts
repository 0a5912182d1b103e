import { describe, expect, test } from "bun:test";
import type { RoomRole } from "../../src/core/operations.ts";
import {
  memberPermissions,
  openPermissions,
  ROLE_RIGHTS,
  softPermissions,
} from "../../src/core/permissions.ts";
import { roomPrefix } from "../../src/core/subjects.ts";
import { aRoom, aUser } from "../harness/builders.ts";
import { expectGolden } from "../harness/golden.ts";

const alice = aUser("alice");
const roles = ["owner", "member", "reader", "writer"] as const satisfies readonly RoomRole[];

function membership(role: RoomRole) {
  return { id: aRoom(role), history: role === "writer" ? "n" : "k", shard: "a", role } as const;
}

test("the rights of every mode and role are those of the table [G-01]", () => {
  expectGolden("permissions.json", {
    "enforce, no room": memberPermissions(alice, []),
    ...Object.fromEntries(
      roles.map((role) => [`enforce, ${role}`, memberPermissions(alice, [membership(role)])]),
    ),
    "enforce, one room of each": memberPermissions(alice, roles.map(membership)),
    "soft, key proved": softPermissions(alice),
    "soft, anonymous": softPermissions(null),
    off: openPermissions(),
  });
});

describe("under enforce", () => {
  test("who may publish nowhere has that said, as an empty list would mean everywhere [G-01]", () => {
    for (const memberships of [[], [membership("reader")]]) {
      expect(memberPermissions(alice, memberships).publish).toEqual({ allow: [], deny: [">"] });
    }
  });

  test("nobody is granted another sender, another inbox, or the server's own subjects [G-01]", () => {
    const { publish, subscribe } = memberPermissions(alice, roles.map(membership));
    for (const subject of publish.allow) {
      expect(subject).toMatch(
        new RegExp(
          `^(rm\\.[kn]\\.a\\.[a-z2-7]{26}\\.${alice}\\.>|_INBOX\\.\\*\\.[a-z2-7]{26}\\.>)$`,
        ),
      );
    }
    for (const subject of subscribe.allow) {
      expect(subject).toMatch(
        new RegExp(`^(rm\\.[kn]\\.a\\.[a-z2-7]{26}\\.>|(_INBOX|me)\\.${alice}\\.>)$`),
      );
    }
    expect(subscribe.allow).toHaveLength(5);
    expect(publish.allow).toHaveLength(6);
  });

  test("a reader is denied queue groups of its room and nothing else [G-01]", () => {
    const room = membership("reader");
    const { subscribe } = memberPermissions(alice, [room]);
    expect(subscribe.deny).toEqual([`${roomPrefix(room)}.> >`]);
    expect(memberPermissions(alice, [membership("member")]).subscribe.deny).toEqual([]);
  });

  test("an answer to a request is never a right of its own [G-01]", () => {
    const everything = JSON.stringify([
      memberPermissions(alice, roles.map(membership)),
      softPermissions(alice),
      openPermissions(),
    ]);
    expect(everything).not.toMatch(/resp/);
  });
});

test("only owners and members may both speak and listen", () => {
  expect(roles.filter((role) => ROLE_RIGHTS[role].publish && ROLE_RIGHTS[role].subscribe)).toEqual([
    "owner",
    "member",
  ]);
});
