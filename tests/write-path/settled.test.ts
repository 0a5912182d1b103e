// Tries findSettled of src/store/apply.ts, and `settled` of the write paths.
import { describe, expect, test } from "bun:test";
import { JOURNAL_CURRENT_MS } from "../../src/core/limits.ts";
import type { Committed, Evidence, Operation } from "../../src/core/operations.ts";
import { renderMessage } from "../../src/journal/message.ts";
import { commitUnsettled } from "../../src/server/write-path.ts";
import { apply } from "../../src/store/apply.ts";
import { getBus } from "../../src/store/journal.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import {
  anInvite,
  anOperation,
  aRoom,
  asUser,
  aUser,
  codeOfOutcome,
  inviteCreate,
  keyReplacement,
  openTestBus,
  roomCreate,
  type TestBus,
} from "../harness/builders.ts";
import { eventually } from "../harness/eventually.ts";
import { openReplicatedBus } from "../harness/journals.ts";
import { createMemoryStream } from "../harness/memory-stream.ts";
import { paddedBody } from "../harness/refused-changes.ts";

function request(bus: Pick<TestBus, "writePath">, operation: Operation): Promise<Committed> {
  return commitUnsettled(bus.writePath)(operation);
}

/** What a refused entry may take, whatever was asked for. */
const REFUSED_BYTES_MAX = 1_300;

const SHA256 = expect.stringMatching(/^[0-9a-f]{64}$/);

const evidence: Evidence = {
  kind: "signature",
  base: "b".repeat(600),
  signature: "s".repeat(88),
  certificate: "c".repeat(143),
  body: paddedBody({ name: "x" }),
};

describe("a change that only the journal can refuse", () => {
  test.each([
    ["with a name", roomCreate(aRoom(), { name: "ü".repeat(64), owner: aUser() }), "whole"],
    ["with rooms", inviteCreate({ rooms: rooms(20), label: "l".repeat(64) }), "as a digest"],
    ["of a key", keyReplacement(aUser(), aUser()), "whole"],
  ] as const)(
    "%s leaves an entry of about 1 kB, with a digest of its body, and the change %s",
    (_, change, kept) => {
      using bus = openTestBus();
      const before = getBus(bus.store).lastSeq;
      const operation = anOperation(change, {
        ...{ evidence, actor: asUser(aUser()), signatureId: "5".repeat(64) },
        idempotencyKey: "k".repeat(128),
      });
      const committed = apply(bus.store, { seq: before + 1, operation });
      expect(committed.outcome.status).toBe("refused");
      const row = bus.store.database
        .query<{ entry: string; bytes: number }, []>(
          `SELECT entry, length(CAST(entry AS BLOB)) + length(outcome) + length(changes)
           + length(chain) + length(detail) AS bytes
         FROM journal ORDER BY seq DESC LIMIT 1`,
        )
        .get();
      expect(JSON.parse(row?.entry ?? "").operation).not.toHaveProperty("evidence.body");
      expect(row?.bytes).toBeLessThan(REFUSED_BYTES_MAX);
      expect(JSON.parse(row?.entry ?? "").operation).toMatchObject({
        actor: operation.actor,
        change: kept === "whole" ? change : { kind: change.kind, sha256: SHA256 },
        evidence: { kind: "digest", of: "signature" },
        requestDigest: operation.requestDigest,
      });
      expect(verifyJournal(bus.store).entries).toBe(before + 1);
    },
  );

  test("keeps all of it at level 1, whose nodes know no digest", () => {
    using bus = openTestBus({ level: 1 });
    const operation = anOperation(roomCreate(aRoom()), { evidence, actor: asUser(aUser()) });
    apply(bus.store, { seq: 1, operation });
    const row = bus.store.database.query<{ entry: string }, []>("SELECT entry FROM journal").get();
    expect(JSON.parse(row?.entry ?? "").operation).toEqual(operation);
  });
});

function rooms(length: number) {
  return Array.from({ length }, (_, at) => ({ room: aRoom(`${at}`), role: "owner" as const }));
}

describe("what a node refuses by what it knows", () => {
  test("takes no number, on a node alone and in a cluster, and neither does a repeat", async () => {
    using alone = openTestBus();
    await using stream = await openReplicatedBus();
    for (const bus of [alone, stream]) {
      const heard: number[] = [];
      bus.writePath.onApplied(({ seq }) => heard.push(seq));
      const before = getBus(bus.store).lastSeq;
      const refused = anOperation(roomCreate(aRoom()), { actor: asUser(aUser()) });
      for (let times = 0; times < 3; times++) {
        const { outcome, seq } = await request(bus, refused);
        expect([codeOfOutcome(outcome), seq]).toEqual(["forbidden", before]);
      }
      const operation = anOperation(roomCreate(aRoom()));
      const first = await request(bus, operation);
      expect(await request(bus, operation)).toEqual({ ...first, repeated: true });
      const conflict = await request(bus, { ...operation, requestDigest: "another" });
      expect(codeOfOutcome(conflict.outcome)).toBe("idempotency-conflict");
      expect([getBus(bus.store).lastSeq, ...heard]).toEqual([before + 1, before + 1]);
    }
  });

  test("is not refused when another node has allowed it a moment ago", async () => {
    const stream = createMemoryStream();
    await using bus = await openReplicatedBus(stream);
    const user = aUser();
    stream.silent = true;
    const admit = anOperation({ kind: "user.add", user, name: null, role: "member" });
    stream.entries.push(renderMessage({ mark: "another node's", operation: admit }));
    const asked = stream.asked;
    const operation = anOperation(roomCreate(aRoom(), { owner: user }), { actor: asUser(user) });
    const answer = request(bus, operation);
    await eventually(() => stream.asked > asked, { what: "the journal to be asked" });
    stream.silent = false;
    stream.tell();
    expect(codeOfOutcome((await answer).outcome)).toBe("applied");
  });

  test("is neither refused nor sent while nobody tells how far the journal goes, or it is far ahead", async () => {
    const stream = createMemoryStream();
    await using bus = await openReplicatedBus(stream);
    const messages = stream.entries.length;
    const ask = () => request(bus, anOperation(roomCreate(aRoom()), { actor: asUser(aUser()) }));
    stream.last = "no leader";
    await expect(ask()).rejects.toMatchObject({ code: "journal-unavailable" });
    stream.last = 1_000;
    const startedAt = performance.now();
    await ask().catch((error: unknown) =>
      expect(error).toMatchObject({ code: "journal-unavailable" }),
    );
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(JOURNAL_CURRENT_MS - 10);
    expect(stream.entries).toHaveLength(messages);
    // What would be done is sent, as ever.
    expect(await request(bus, anOperation(roomCreate(aRoom())))).toMatchObject({
      seq: messages + 1,
    });
  });

  test("is asked about once for all who wait at the same time", async () => {
    const stream = createMemoryStream();
    await using bus = await openReplicatedBus(stream);
    const asked = stream.asked;
    const answers = await Promise.all(
      Array.from({ length: 200 }, () =>
        request(bus, anOperation(roomCreate(aRoom()), { actor: asUser(aUser()) })),
      ),
    );
    expect(answers.filter(({ outcome }) => outcome.status === "refused")).toHaveLength(200);
    // Others are asked on a schedule.
    expect(stream.asked - asked).toBeLessThan(10);
  });

  test("costs a cluster no message, and what is not for the journal is refused as before", async () => {
    const stream = createMemoryStream();
    await using bus = await openReplicatedBus(stream);
    const messages = stream.entries.length;
    const redeem = {
      kind: "invite.redeem",
      invite: anInvite(),
      user: aUser(),
      name: null,
    } as const;
    for (let times = 0; times < 20; times++) {
      const more = { actor: asUser(redeem.user), evidence };
      expect(codeOfOutcome((await request(bus, anOperation(redeem, more))).outcome)).toBe(
        "invite-not-found",
      );
    }
    expect(stream.entries).toHaveLength(messages);
    const beginning = {
      kind: "bus.found",
      busId: "0".repeat(32),
      generation: "0".repeat(32),
    } as const;
    await expect(request(bus, anOperation(beginning))).rejects.toThrow("is not for anybody");
  });
});
