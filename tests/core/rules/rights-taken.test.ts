// Tries refuseMemberAdd of src/core/rules/members.ts, as to rights that the actor took.
import { expect, test } from "bun:test";
import { type MemberAddFacts, refuseMemberAdd } from "../../../src/core/rules/members.ts";
import { member } from "../../harness/actor-facts.ts";
import { aRoom } from "../../harness/builders.ts";

const NOW = 100_000;
const owner = { role: "owner", state: "active" } as const;
const reader = { role: "reader", state: "active" } as const;
const facts: MemberAddFacts = {
  ...{ actor: member, actorMember: owner },
  room: { room: aRoom("lobby"), content: "plain", createdBy: "operator" },
  target: { state: "active", accept: "from-admins" },
  ...{ targetMember: reader, role: "member", isLastOwner: false, roomMembers: 1 },
  ...{ targetRooms: 0, targetPending: 0, level: 2, orphan: false, at: NOW, rightsTakenAt: null },
};

test.each<[string, Partial<MemberAddFacts>, string | null]>([
  ["that took none", {}, null],
  ["that took some a moment ago", { rightsTakenAt: NOW - 1 }, "rights-taken-lately"],
  ["that took some nearly a minute ago", { rightsTakenAt: NOW - 59_999 }, "rights-taken-lately"],
  ["that took some a minute ago", { rightsTakenAt: NOW - 60_000 }, null],
  ["that takes more", { targetMember: owner, role: "reader", rightsTakenAt: NOW }, null],
  ["that gives as much as there is", { role: "reader", rightsTakenAt: NOW }, null],
  [
    "that trades one right for another",
    { role: "writer", rightsTakenAt: NOW },
    "rights-taken-lately",
  ],
  ["whose user has to accept first", { targetMember: null, rightsTakenAt: NOW }, null],
  ["at level 1", { rightsTakenAt: NOW, level: 1 }, null],
])("rights are given by an actor %s: %j", (_, more, code) => {
  expect(refuseMemberAdd({ ...facts, ...more })?.code ?? null).toBe(code as never);
});
