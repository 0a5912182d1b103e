import { expect, test } from "bun:test";
import {
  type ActorFacts,
  isAdmin,
  refuseInactive,
  refuseUserManager,
} from "../../../src/core/rules/actors.ts";
import { aUser } from "../../harness/builders.ts";

const user = aUser("actor");
const actors: readonly (readonly [string, ActorFacts, boolean, boolean])[] = [
  ["the operator", { kind: "operator" }, true, true],
  ["anonymous", { kind: "anonymous" }, true, false],
  ["an admin", { kind: "user", user, role: "admin" }, true, true],
  ["a member of the bus", { kind: "user", user, role: "member" }, true, false],
  ["a key that is no active user", { kind: "user", user, role: null }, false, false],
];

test.each(actors)("%s: may act %#", (_, actor, mayAct, managesUsers) => {
  expect(refuseInactive(actor, "act")?.code ?? null).toBe(mayAct ? null : "forbidden");
  expect(refuseUserManager(actor, "act")?.code ?? null).toBe(managesUsers ? null : "forbidden");
  expect(isAdmin(actor)).toBe(actor.kind === "user" && actor.role === "admin");
});

test("a refusal says what cannot be done and why", () => {
  expect(refuseUserManager({ kind: "anonymous" }, "add the user")?.detail).toBe(
    "Cannot add the user: only an admin or the local operator may",
  );
  expect(refuseUserManager({ kind: "user", user, role: null }, "add the user")?.detail).toBe(
    "Cannot add the user: the acting key is no active user of this bus",
  );
});
