import { describe, expect, test } from "bun:test";
import { ENTRY_CHARS_MAX, IDEMPOTENCY_KEY_CHARS_MAX } from "../../../src/core/limits.ts";
import { userKeyOf } from "../../../src/core/nkey.ts";
import type { Operation } from "../../../src/core/operations.ts";
import { refuseOperation } from "../../../src/core/rules/operations.ts";
import { anOperation, aRoom, asUser, aUser, roomCreate } from "../../harness/builders.ts";

const user = aUser("target");
const room = aRoom("lobby");
const add = { kind: "user.add", user, name: "Alice", role: "member" } as const;
const smallOrder = userKeyOf(new Uint8Array(32));

describe("an operation enters the journal", () => {
  test.each([
    add,
    { ...add, name: null, role: "admin" },
    { kind: "user.seed", user, name: null },
    { kind: "user.revoke", user },
    { kind: "user.restore", user },
    roomCreate(room),
    roomCreate(room, { owner: user, history: "n", shard: "f" }),
    { kind: "room.delete", room },
    { kind: "member.add", room, user, role: "writer" },
    { kind: "member.accept", room, user },
    { kind: "member.remove", room, user },
  ] as const)("with the change %j", (change) => {
    expect(refuseOperation(anOperation(change))).toBeNull();
  });

  test("with a signature, an Idempotency-Key and an acting user", () => {
    const signed: Partial<Operation> = {
      actor: asUser(user),
      evidence: { kind: "signature", base: "@method: POST\n…", signature: "c2ln", body: "{}" },
      signatureId: "a".repeat(64),
      idempotencyKey: "k".repeat(IDEMPOTENCY_KEY_CHARS_MAX),
    };
    expect(refuseOperation(anOperation(add, signed))).toBeNull();
  });
});

describe("an operation is kept out of the journal", () => {
  const changes: readonly (readonly [string, object, string])[] = [
    ["a new user with a key of small order", { ...add, user: smallOrder }, "key-invalid"],
    [
      "a seeded key of small order",
      { kind: "user.seed", user: smallOrder, name: null },
      "key-invalid",
    ],
    ["a new user with a wrong checksum", { ...add, user: `${user.slice(0, -2)}AA` }, "key-invalid"],
    ["a new user named like a key", { ...add, name: user }, "request-invalid"],
    ["a new user named like a room", { ...add, name: room }, "request-invalid"],
    ["an unknown role on the bus", { ...add, role: "root" }, "request-invalid"],
    ["a revoke of what is no key", { kind: "user.revoke", user: "alice" }, "request-invalid"],
    ["a room whose id is none", roomCreate("lobby" as typeof room), "request-invalid"],
    ["a room named like a room", roomCreate(room, { name: room }), "request-invalid"],
    ["an unknown history class", { ...roomCreate(room), history: "all" }, "request-invalid"],
    ["a wildcard as shard", roomCreate(room, { shard: "*" }), "request-invalid"],
    ["an owner that is no key", { ...roomCreate(room), owner: "alice" }, "request-invalid"],
    ["deleting what is no room id", { kind: "room.delete", room: ">" }, "request-invalid"],
    [
      "an unknown role in a room",
      { kind: "member.add", room, user, role: "god" },
      "request-invalid",
    ],
    ["a member of what is no room", { kind: "member.accept", room: "*", user }, "request-invalid"],
    ["a member that is no key", { kind: "member.remove", room, user: "*" }, "request-invalid"],
    ["an unknown change", { kind: "user.rename", user, name: "x" }, "request-invalid"],
    ["a member without a value", { ...add, extra: undefined }, "request-invalid"],
    ["a fraction", { ...add, extra: 1.5 }, "request-invalid"],
  ];
  test.each(changes)("for %s", (_, change, code) => {
    // Shapes outside the type are what this look is for.
    expect(refuseOperation(anOperation(change as Operation["change"]))?.code).toBe(code as never);
  });

  const others: readonly (readonly [string, object, string])[] = [
    ["an unknown format", { format: 2 }, "request-invalid"],
    ["an id that is none", { id: "1" }, "request-invalid"],
    ["a time that is none", { at: Number.NaN }, "request-invalid"],
    ["a time before the epoch", { at: -1 }, "request-invalid"],
    ["an actor that is no key", { actor: { kind: "user", user: "alice" } }, "request-invalid"],
    ["an actor of no known kind", { actor: { kind: "root" } }, "request-invalid"],
    ["a digest with a line feed", { requestDigest: "a\nb" }, "request-invalid"],
    ["an empty signature id", { signatureId: "" }, "request-invalid"],
    ["an empty Idempotency-Key", { idempotencyKey: "" }, "request-invalid"],
    ["a long Idempotency-Key", { idempotencyKey: "k".repeat(129) }, "request-invalid"],
    ["an Idempotency-Key beyond ASCII", { idempotencyKey: "clé" }, "request-invalid"],
    [
      "broken text as evidence",
      { evidence: { kind: "token", token: "\ud800" } },
      "request-invalid",
    ],
    [
      "too much evidence",
      { evidence: { kind: "token", token: "x".repeat(ENTRY_CHARS_MAX) } },
      "request-too-large",
    ],
  ];
  test.each(others)("for %s", (_, more, code) => {
    expect(refuseOperation(anOperation(add, more))?.code).toBe(code as never);
  });
});
