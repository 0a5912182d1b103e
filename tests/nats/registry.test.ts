import { describe, expect, test } from "bun:test";
import type { UserId } from "../../src/core/ids.ts";
import type { Grant } from "../../src/core/login.ts";
import { memberPermissions } from "../../src/core/permissions.ts";
import { createRegistry } from "../../src/nats/registry.ts";
import { aUser } from "../harness/builders.ts";

const alice = aUser("alice");
const bob = aUser("bob");

function admitted(connection: number, user: UserId | null, admittedAt = 0) {
  const permissions = memberPermissions(user ?? alice, []);
  const grant: Grant = { account: "APP", user, memberships: [], permissions };
  return { connection, grant, admittedAt, changesSeen: 0, adopted: false };
}

function numbersOf(entries: Iterable<{ readonly connection: number }>): readonly number[] {
  return [...entries].map(({ connection }) => connection);
}

describe("the registry of connections", () => {
  test("finds a connection by its number, and those of a user", () => {
    const registry = createRegistry();
    for (const entry of [admitted(1, alice), admitted(2, bob), admitted(3, alice)]) {
      registry.add(entry);
    }
    expect(registry.find(2)?.grant.user).toBe(bob);
    expect(registry.find(4)).toBeNull();
    expect(numbersOf(registry.ofUser(alice))).toEqual([1, 3]);
    expect(registry.countOf(alice)).toBe(2);
    expect(numbersOf(registry.all())).toEqual([1, 2, 3]);
    expect(registry.size).toBe(3);
  });

  test("forgets a connection that has gone, once and for all, and one that it never knew", () => {
    const registry = createRegistry();
    registry.add(admitted(1, alice));
    for (let times = 0; times < 2; times++) registry.remove(1);
    registry.remove(99);
    expect([registry.size, registry.countOf(alice), registry.find(1)]).toEqual([0, 0, null]);
    expect(registry.ofUser(alice)).toEqual([]);
  });

  test("knows one user of one connection: whoever logs in on it again replaces who did before", () => {
    const registry = createRegistry();
    registry.add(admitted(1, alice));
    registry.add(admitted(1, bob));
    expect([registry.countOf(alice), registry.countOf(bob), registry.size]).toEqual([0, 1, 1]);
    registry.add(admitted(1, null));
    expect([registry.countOf(bob), registry.size]).toEqual([0, 1]);
    registry.remove(1);
    expect(registry.size).toBe(0);
  });

  test("drops what was admitted long ago and never opened, and nothing else", () => {
    const registry = createRegistry();
    registry.add(admitted(1, alice, 10));
    registry.add(admitted(2, alice, 20));
    registry.add(admitted(3, alice, 30));
    registry.confirm(1);
    registry.dropUnopened(30);
    expect(numbersOf(registry.ofUser(alice))).toEqual([1, 3]);
    registry.dropUnopened(1_000);
    expect(numbersOf(registry.ofUser(alice))).toEqual([1]);
  });

  test("begins anew with another nats-server, which numbers from 1 again", () => {
    const registry = createRegistry();
    registry.add(admitted(1, alice));
    registry.add(admitted(2, null));
    registry.clear();
    expect([registry.size, registry.countOf(alice)]).toEqual([0, 0]);
    registry.dropUnopened(Number.MAX_VALUE);
    registry.add(admitted(1, bob));
    expect(registry.countOf(bob)).toBe(1);
  });
});
