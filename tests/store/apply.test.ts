import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry } from "../../src/core/entry.ts";
import type { Change } from "../../src/core/operations.ts";
import { apply } from "../../src/store/apply.ts";
import { getBus } from "../../src/store/journal.ts";
import { openStore } from "../../src/store/open.ts";
import { findUser } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { anOperation, aRoom, aUser, openTestBus, roomCreate } from "../harness/builders.ts";

const add = (user = aUser()) =>
  ({ kind: "user.add", user, name: null, role: "member" }) as const satisfies Change;

describe("applying stops, with nothing written, at", () => {
  const entries: readonly (readonly [string, (seq: number) => Entry])[] = [
    ["a gap in the numbers", (seq) => ({ seq: seq + 1, operation: anOperation(add()) })],
    ["a number that is taken", (seq) => ({ seq: seq - 1, operation: anOperation(add()) })],
    [
      "a format that is not known",
      (seq) => ({ seq, operation: anOperation(add(), { format: 99 }) }),
    ],
    [
      "a change that is not known",
      // What a newer unibus may have written.
      (seq) => ({ seq, operation: anOperation({ kind: "user.rename" } as unknown as Change) }),
    ],
    [
      "a value that the schema refuses",
      (seq) => ({ seq, operation: anOperation(roomCreate(aRoom(), { shard: "*" })) }),
    ],
  ];
  test.each(entries)("%s", async (_, entryAt) => {
    using bus = openTestBus();
    await bus.addUser();
    const before = [bus.rows(), getBus(bus.store)];
    expect(() => apply(bus.store, entryAt(2))).toThrow();
    expect([bus.rows(), getBus(bus.store)]).toEqual(before);
    expect(verifyJournal(bus.store).entries).toBe(1);
    expect(apply(bus.store, { seq: 2, operation: anOperation(add()) }).seq).toBe(2);
  });
});

test("a time never goes back, even when a node's clock does", () => {
  using bus = openTestBus();
  const [early, late] = [aUser(), aUser()];
  apply(bus.store, { seq: 1, operation: anOperation(add(late), { at: 2_000 }) });
  apply(bus.store, { seq: 2, operation: anOperation(add(early), { at: 1_000 }) });
  expect(findUser(bus.store, early)?.createdAt).toBe(2_000);
  expect(getBus(bus.store).latestAt).toBe(2_000);
  expect(verifyJournal(bus.store).entries).toBe(2);
});

test("two stores that apply the same entries are alike, row for row and in their chain", async () => {
  const folder = mkdtempSync(join(tmpdir(), "unibus-store-"));
  const bytes = randomBytes(16);
  const random = () => bytes;
  using bus = openTestBus({ random });
  using other = openStore({ path: join(folder, "other.db"), random });
  const room = await bus.addRoom(await bus.addUser());
  await bus.must({ kind: "member.add", room, user: await bus.addUser(), role: "reader" });
  const rows = bus.store.database
    .query<{ entry: string }, []>("SELECT entry FROM journal ORDER BY seq")
    .all();
  for (const { entry } of rows) apply(other, JSON.parse(entry));
  expect(getBus(other)).toEqual(getBus(bus.store));
  rmSync(folder, { recursive: true });
});
