import { describe, expect, test } from "bun:test";
import type { Operation } from "../../src/core/operations.ts";
import { findRecorded, getBus, isSignatureUsed } from "../../src/store/journal.ts";
import { findUser } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import {
  anOperation,
  anOperationId,
  aRoom,
  asUser,
  aUser,
  codeOfOutcome,
  openTestBus,
  roomCreate,
} from "../harness/builders.ts";

function addUser(more: Partial<Operation> = {}): Operation {
  return anOperation({ kind: "user.add", user: aUser(), name: null, role: "member" }, more);
}

describe("the same operation again", () => {
  test("answers what was recorded, takes no number and is told to nobody", async () => {
    using bus = openTestBus();
    const heard: number[] = [];
    bus.writePath.onApplied(({ seq }) => heard.push(seq));
    const operation = addUser();
    const first = await bus.writePath.commit(operation);
    expect(first).toEqual({ seq: 1, outcome: { status: "applied", effects: [] }, repeated: false });
    await bus.addUser();
    const before = bus.rows();
    expect(await bus.writePath.commit(operation)).toEqual({ ...first, repeated: true });
    expect(bus.rows()).toBe(before);
    expect(getBus(bus.store).lastSeq).toBe(2);
    expect(heard).toEqual([1, 2]);
  });

  test("is a repeat although the route chose another time, room id and evidence", async () => {
    using bus = openTestBus();
    const [first, second] = [aRoom(), aRoom()];
    const more = { id: anOperationId(), requestDigest: "d".repeat(64), idempotencyKey: "one" };
    await bus.writePath.commit(anOperation(roomCreate(first), more));
    const again = anOperation(roomCreate(second), { ...more, at: 1_800_000_000_000 });
    expect(await bus.writePath.commit(again)).toMatchObject({ seq: 1, repeated: true });
    // The route answers with what was made, not with what it would have made.
    expect(findRecorded(bus.store, more.id)?.operation.change).toMatchObject({ room: first });
  });

  test("answers a recorded refusal too, although it would be allowed by now", async () => {
    using bus = openTestBus();
    const operation = addUser({ actor: asUser(aUser()) });
    const first = await bus.writePath.commit(operation);
    expect(codeOfOutcome(first.outcome)).toBe("forbidden");
    if (operation.actor.kind !== "user") throw new Error("A user acts here");
    await bus.must({ kind: "user.seed", user: operation.actor.user, name: null });
    expect(await bus.writePath.commit(operation)).toEqual({ ...first, repeated: true });
  });

  test("asked many times at once happens once", async () => {
    using bus = openTestBus();
    const operation = addUser();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => bus.writePath.commit(operation)),
    );
    expect(all.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect(new Set(all.map(({ seq }) => seq))).toEqual(new Set([1]));
  });
});

test("another request under one Idempotency-Key is a conflict and changes nothing", async () => {
  using bus = openTestBus();
  const heard: number[] = [];
  const operation = addUser();
  await bus.writePath.commit(operation);
  bus.writePath.onApplied(({ seq }) => heard.push(seq));
  const other = addUser({ id: operation.id });
  const committed = await bus.writePath.commit(other);
  expect(codeOfOutcome(committed.outcome)).toBe("idempotency-conflict");
  expect(committed.repeated).toBe(false);
  expect(getBus(bus.store).lastSeq).toBe(1);
  expect(heard).toEqual([]);
  expect(verifyJournal(bus.store).entries).toBe(1);
});

test("a signed request used again under another operation id is refused, and recorded", async () => {
  using bus = openTestBus();
  const signatureId = "a".repeat(64);
  await bus.writePath.commit(addUser({ signatureId }));
  expect(isSignatureUsed(bus.store, signatureId)).toBe(true);
  const replay = addUser({ signatureId });
  const before = bus.rows();
  const { outcome } = await bus.writePath.commit(replay);
  expect(codeOfOutcome(outcome)).toBe("signature-repeated");
  expect(bus.rows()).toBe(before);
  expect("user" in replay.change && findUser(bus.store, replay.change.user)).toBeNull();
  // As often as it is tried.
  const third = await bus.writePath.commit(addUser({ signatureId }));
  expect(codeOfOutcome(third.outcome)).toBe("signature-repeated");
  expect(getBus(bus.store).lastSeq).toBe(3);
  expect(verifyJournal(bus.store).entries).toBe(3);
});

describe("a signed request that somebody sends again", () => {
  const signed = (letter: string) => ({ signatureId: letter.repeat(64) });

  test("tells nothing of what was recorded under its Idempotency-Key, and takes no number", async () => {
    using bus = openTestBus();
    const heard: number[] = [];
    const operation = addUser({ ...signed("a"), idempotencyKey: "once" });
    const first = await bus.writePath.commit(operation);
    expect(codeOfOutcome(first.outcome)).toBe("applied");
    bus.writePath.onApplied(({ seq }) => heard.push(seq));
    const before = bus.rows();
    for (let again = 0; again < 3; again++) {
      const { outcome, repeated } = await bus.writePath.commit(operation);
      expect(outcome).toMatchObject({
        status: "refused",
        refusal: { code: "signature-repeated" },
      });
      expect(repeated).toBe(false);
    }
    expect(bus.rows()).toBe(before);
    expect(getBus(bus.store).lastSeq).toBe(1);
    expect(heard).toEqual([]);
    expect(verifyJournal(bus.store).entries).toBe(1);
  });

  test("is told the same where the operation was refused: not even that is repeated", async () => {
    using bus = openTestBus();
    const operation = addUser({ ...signed("a"), actor: asUser(aUser()) });
    expect(codeOfOutcome((await bus.writePath.commit(operation)).outcome)).toBe("forbidden");
    const again = await bus.writePath.commit(operation);
    expect(codeOfOutcome(again.outcome)).toBe("signature-repeated");
  });

  test("gets the recorded outcome if it was signed anew, under the same key for the same body", async () => {
    using bus = openTestBus();
    const operation = addUser({ ...signed("a"), idempotencyKey: "once" });
    const first = await bus.writePath.commit(operation);
    const retry = { ...operation, ...signed("b"), at: operation.at + 1 };
    expect(await bus.writePath.commit(retry)).toEqual({ ...first, repeated: true });
    expect(getBus(bus.store).lastSeq).toBe(1);
    const other = addUser({ ...signed("c"), id: operation.id, idempotencyKey: "once" });
    const conflict = await bus.writePath.commit(other);
    expect(codeOfOutcome(conflict.outcome)).toBe("idempotency-conflict");
    // A repeat and a conflict are no entries, so their signatures are not in the journal.
    expect(isSignatureUsed(bus.store, "b".repeat(64))).toBe(false);
  });

  test("cannot reuse a nonce for another request under a key that is recorded", async () => {
    using bus = openTestBus();
    const first = addUser({ ...signed("a"), idempotencyKey: "one" });
    const second = addUser({ ...signed("b"), idempotencyKey: "two" });
    await bus.writePath.commit(first);
    await bus.writePath.commit(second);
    const mixed = { ...second, ...signed("a") };
    const { outcome } = await bus.writePath.commit(mixed);
    expect(codeOfOutcome(outcome)).toBe("signature-repeated");
    expect(getBus(bus.store).lastSeq).toBe(2);
  });

  test("asked many times at once happens once, and all others are told so", async () => {
    using bus = openTestBus();
    const operation = addUser(signed("a"));
    const all = await Promise.all(
      Array.from({ length: 20 }, () => bus.writePath.commit(operation)),
    );
    const codes = all.map(({ outcome }) => codeOfOutcome(outcome));
    expect(codes.filter((code) => code === "applied")).toHaveLength(1);
    expect(codes.filter((code) => code === "signature-repeated")).toHaveLength(19);
  });
});
