/** What a write path promises, whichever journal orders its entries: run over each of them. */
import { beforeEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import type { RoomId } from "../../src/core/ids.ts";
import { userKeyOf } from "../../src/core/nkey.ts";
import type { Change, Committed, Operation } from "../../src/core/operations.ts";
import { Problem } from "../../src/core/problems.ts";
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
  roomCreate,
} from "./builders.ts";
import type { JournalBus } from "./journals.ts";

type OpenBus = () => Promise<JournalBus>;

const ID = "0b".repeat(16);
const add = () => ({ kind: "user.add", user: aUser(), name: null, role: "member" }) as const;

function addUser(more: Partial<Operation> = {}): Operation {
  return anOperation({ kind: "user.add", user: aUser(), name: null, role: "member" }, more);
}

export async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(
    () => new Error("It was committed"),
    (reason: unknown) => reason,
  );
  if (error instanceof Problem) return error;
  throw error;
}

/** Says what a commit does. */
export function commitSuite(openBus: OpenBus): void {
  describe("commit", () => {
    test("numbers entries without a gap, in the order of asking, and answers each", async () => {
      await using bus = await openBus();
      const operations = Array.from({ length: 50 }, () => anOperation(add()));
      const heard: (readonly [number, string])[] = [];
      bus.writePath.onApplied(({ seq }, { id }) => heard.push([seq, id]));
      const all = await Promise.all(operations.map((operation) => bus.writePath.commit(operation)));
      expect(all.map(({ seq }) => seq)).toEqual(
        operations.map((_, at) => bus.number({ operations: at + 1 })),
      );
      expect(heard).toEqual(
        operations.map(({ id }, at) => [bus.number({ operations: at + 1 }), id]),
      );
    });

    test("gives a refusal its number and changes nothing else", async () => {
      await using bus = await openBus();
      const heard: Committed[] = [];
      bus.writePath.onApplied((committed) => heard.push(committed));
      const before = bus.rows();
      const committed = await bus.commit(add(), asUser(aUser()));
      expect(committed).toMatchObject({
        seq: bus.number({ operations: 1 }),
        outcome: { status: "refused" },
        repeated: false,
      });
      expect(heard).toEqual([committed]);
      expect(bus.rows()).toBe(before);
      expect((await bus.commit(add())).seq).toBe(bus.number({ operations: 2 }));
    });

    test("keeps the whole entry: who, when, what, and what proved it", async () => {
      await using bus = await openBus();
      const operation = anOperation(add());
      await bus.writePath.commit(operation);
      const row = bus.store.database
        .query<{ entry: string }, []>("SELECT entry FROM journal ORDER BY seq DESC")
        .get();
      const seq = bus.number({ operations: 1 });
      expect(JSON.parse(row?.entry ?? "")).toEqual({ format: 1, seq, operation });
    });

    test.each([
      ["a small-order key", { ...add(), user: userKeyOf(new Uint8Array(32)) }, "key-invalid"],
      ["a room id that is none", { kind: "room.delete", room: ">" as RoomId }, "request-invalid"],
      ["a beginning", { kind: "bus.found", busId: ID, generation: ID } as const, "request-invalid"],
      ["a value without a form", { ...add(), extra: undefined } as Change, "request-invalid"],
    ] as const)("keeps %s out of the journal and goes on", async (_, change, code) => {
      await using bus = await openBus();
      expect((await problemOf(bus.commit(change))).code).toBe(code);
      expect(getBus(bus.store).lastSeq).toBe(bus.number({ operations: 0 }));
      expect(await bus.try(add())).toBe("applied");
    });
  });
}

/** Says that everything happens once, however often it is asked for. */
export function exactlyOnceSuite(openBus: OpenBus): void {
  repeatSuite(openBus);
  conflictSuite(openBus);
  replaySuite(openBus);
  signatureSuite(openBus);
}

/** A journal may be that of the test before, and knows its signatures. */
function newSignatures(): (letter: string) => string {
  let salt = "";
  beforeEach(() => {
    salt = randomBytes(16).toString("hex");
  });
  return (letter) => letter.repeat(32) + salt;
}

function repeatSuite(openBus: OpenBus): void {
  describe("the same operation again", () => {
    test("answers what was recorded, and is told to nobody", async () => {
      await using bus = await openBus();
      const heard: number[] = [];
      bus.writePath.onApplied(({ seq }) => heard.push(seq));
      const operation = addUser();
      const first = await bus.writePath.commit(operation);
      const seq = bus.number({ operations: 1 });
      expect(first).toEqual({ seq, outcome: { status: "applied", effects: [] }, repeated: false });
      await bus.addUser();
      const before = bus.rows();
      expect(await bus.writePath.commit(operation)).toEqual({ ...first, repeated: true });
      expect(bus.rows()).toBe(before);
      expect(getBus(bus.store).lastSeq).toBe(bus.number({ operations: 2, repeats: 1 }));
      expect(heard).toEqual([bus.number({ operations: 1 }), bus.number({ operations: 2 })]);
    });

    test("is a repeat although the route chose another time, room id and evidence", async () => {
      await using bus = await openBus();
      const [first, second] = [aRoom(), aRoom()];
      const more = { id: anOperationId(), requestDigest: "d".repeat(64), idempotencyKey: "one" };
      await bus.writePath.commit(anOperation(roomCreate(first), more));
      const again = anOperation(roomCreate(second), { ...more, at: 1_800_000_000_000 });
      expect(await bus.writePath.commit(again)).toMatchObject({
        seq: bus.number({ operations: 1 }),
        repeated: true,
      });
      // The route answers with what was made, not with what it would have made.
      expect(findRecorded(bus.store, more.id)?.operation.change).toMatchObject({ room: first });
    });

    test("answers a recorded refusal too, although it would be allowed by now", async () => {
      await using bus = await openBus();
      const operation = addUser({ actor: asUser(aUser()) });
      const first = await bus.writePath.commit(operation);
      expect(codeOfOutcome(first.outcome)).toBe("forbidden");
      if (operation.actor.kind !== "user") throw new Error("A user acts here");
      await bus.must({ kind: "user.seed", user: operation.actor.user, name: null });
      expect(await bus.writePath.commit(operation)).toEqual({ ...first, repeated: true });
    });

    test("asked many times at once happens once", async () => {
      await using bus = await openBus();
      const operation = addUser();
      const all = await Promise.all(
        Array.from({ length: 20 }, () => bus.writePath.commit(operation)),
      );
      expect(all.filter(({ repeated }) => !repeated)).toHaveLength(1);
      expect(new Set(all.map(({ seq }) => seq))).toEqual(new Set([bus.number({ operations: 1 })]));
    });
  });
}

function conflictSuite(openBus: OpenBus): void {
  const signatureOf = newSignatures();

  test("another request under one Idempotency-Key is a conflict and changes nothing", async () => {
    await using bus = await openBus();
    const heard: number[] = [];
    const operation = addUser();
    await bus.writePath.commit(operation);
    bus.writePath.onApplied(({ seq }) => heard.push(seq));
    const other = addUser({ id: operation.id });
    const committed = await bus.writePath.commit(other);
    expect(codeOfOutcome(committed.outcome)).toBe("idempotency-conflict");
    expect(committed.repeated).toBe(false);
    const last = bus.number({ operations: 1, repeats: 1 });
    expect(getBus(bus.store).lastSeq).toBe(last);
    expect(heard).toEqual([]);
    expect(verifyJournal(bus.store).entries).toBe(last);
  });

  test("a signed request used again under another operation id is refused, and recorded", async () => {
    await using bus = await openBus();
    const signatureId = signatureOf("a");
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
    const last = bus.number({ operations: 3 });
    expect(getBus(bus.store).lastSeq).toBe(last);
    expect(verifyJournal(bus.store).entries).toBe(last);
  });
}

function replaySuite(openBus: OpenBus): void {
  const signatureOf = newSignatures();

  describe("a signed request that somebody sends again", () => {
    const signed = (letter: string) => ({ signatureId: signatureOf(letter) });

    test("tells nothing of what was recorded under its Idempotency-Key", async () => {
      await using bus = await openBus();
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
      const last = bus.number({ operations: 1, repeats: 3 });
      expect(getBus(bus.store).lastSeq).toBe(last);
      expect(heard).toEqual([]);
      expect(verifyJournal(bus.store).entries).toBe(last);
    });

    test("is told the same where the operation was refused: not even that is repeated", async () => {
      await using bus = await openBus();
      const operation = addUser({ ...signed("a"), actor: asUser(aUser()) });
      expect(codeOfOutcome((await bus.writePath.commit(operation)).outcome)).toBe("forbidden");
      const again = await bus.writePath.commit(operation);
      expect(codeOfOutcome(again.outcome)).toBe("signature-repeated");
    });
  });
}

function signatureSuite(openBus: OpenBus): void {
  const signatureOf = newSignatures();

  describe("a signature that somebody uses again", () => {
    const signed = (letter: string) => ({ signatureId: signatureOf(letter) });

    test("gets the recorded outcome if it was signed anew, under the same key for the same body", async () => {
      await using bus = await openBus();
      const operation = addUser({ ...signed("a"), idempotencyKey: "once" });
      const first = await bus.writePath.commit(operation);
      const retry = { ...operation, ...signed("b"), at: operation.at + 1 };
      expect(await bus.writePath.commit(retry)).toEqual({ ...first, repeated: true });
      expect(getBus(bus.store).lastSeq).toBe(bus.number({ operations: 1, repeats: 1 }));
      const other = addUser({ ...signed("c"), id: operation.id, idempotencyKey: "once" });
      const conflict = await bus.writePath.commit(other);
      expect(codeOfOutcome(conflict.outcome)).toBe("idempotency-conflict");
      // Where a repeat is no entry, what signed it is not in the journal: only its own node knows it.
      expect(isSignatureUsed(bus.store, signatureOf("b"))).toBe(bus.numbersRepeats);
    });

    test("cannot reuse a nonce for another request under a key that is recorded", async () => {
      await using bus = await openBus();
      const first = addUser({ ...signed("a"), idempotencyKey: "one" });
      const second = addUser({ ...signed("b"), idempotencyKey: "two" });
      await bus.writePath.commit(first);
      await bus.writePath.commit(second);
      const mixed = { ...second, ...signed("a") };
      const { outcome } = await bus.writePath.commit(mixed);
      expect(codeOfOutcome(outcome)).toBe("signature-repeated");
      expect(getBus(bus.store).lastSeq).toBe(bus.number({ operations: 2, repeats: 1 }));
    });

    test("asked many times at once happens once, and all others are told so", async () => {
      await using bus = await openBus();
      const operation = addUser(signed("a"));
      const all = await Promise.all(
        Array.from({ length: 20 }, () => bus.writePath.commit(operation)),
      );
      const codes = all.map(({ outcome }) => codeOfOutcome(outcome));
      expect(codes.filter((code) => code === "applied")).toHaveLength(1);
      expect(codes.filter((code) => code === "signature-repeated")).toHaveLength(19);
    });
  });
}
