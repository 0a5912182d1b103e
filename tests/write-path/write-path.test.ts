// Tries src/server/write-path.ts and src/journal/local.ts.
import { describe, expect, test } from "bun:test";
import type { Operation } from "../../src/core/operations.ts";
import type { Problem } from "../../src/core/problems.ts";
import { openLocalJournal } from "../../src/journal/local.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { anOperation, aUser, openTestBus, type TestBus } from "../harness/builders.ts";
import { problemOf } from "../harness/write-path-suite.ts";

const add = () => ({ kind: "user.add", user: aUser(), name: null, role: "member" }) as const;

describe("when the disk is full", () => {
  function fill(bus: TestBus): () => void {
    const { database } = bus.store;
    const pages = database.query<{ page_count: number }, []>("PRAGMA page_count").get();
    database.run(`PRAGMA max_page_count = ${pages?.page_count ?? 1}`);
    return () => database.run("PRAGMA max_page_count = 1000000");
  }

  test("a commit says that it was not recorded, and works again when there is room", async () => {
    using bus = openTestBus();
    const free = fill(bus);
    const problems: Problem[] = [];
    let lastSeq = 0;
    while (problems.length === 0) {
      await bus.commit(add()).then(
        ({ seq }) => (lastSeq = seq),
        (error: Problem) => problems.push(error),
      );
    }
    expect(problems[0]).toMatchObject({
      code: "journal-unavailable",
      detail: expect.stringContaining("the disk is full"),
    });
    expect(verifyJournal(bus.store).entries).toBe(lastSeq);
    expect(bus.writePath.stopped()).toBeNull();
    free();
    expect((await bus.commit(add())).seq).toBe(lastSeq + 1);
    expect(verifyJournal(bus.store).entries).toBe(lastSeq + 1);
  });
});

describe("after an error that nobody foresaw", () => {
  test("nothing of the entry stays, and no more entries are taken", async () => {
    using bus = openTestBus();
    await bus.addUser();
    const before = bus.rows();
    bus.store.database.run("ALTER TABLE bus RENAME COLUMN latest_at TO newest_at");
    const first = await problemOf(bus.commit(add()));
    expect(first.code).toBe("journal-unavailable");
    bus.store.database.run("ALTER TABLE bus RENAME COLUMN newest_at TO latest_at");
    expect(bus.writePath.stopped()?.message).toContain("latest_at");
    const second = await problemOf(bus.commit(add()));
    expect(second.code).toBe("journal-unavailable");
    expect(second.cause).toBe(first.cause);
    expect(bus.rows()).toBe(before);
    expect(verifyJournal(bus.store).entries).toBe(1);
  });

  test("a thrown value that is no error stops the journal as well", async () => {
    const journal = openLocalJournal({
      apply: () => {
        throw "a text";
      },
      lastSeq: () => 0,
      onApplied: () => {},
    });
    const operation: Operation = anOperation(add());
    expect((await problemOf(journal.commit(operation))).code).toBe("journal-unavailable");
    expect(journal.stopped()?.message).toBe("a text");
  });
});

test("a second process that holds the database delays a commit or is said, and loses nothing", async () => {
  using bus = openTestBus();
  bus.store.database.run("PRAGMA busy_timeout = 1");
  const holder = Bun.spawn({
    cmd: [
      process.execPath,
      "-e",
      `const db = new (require("bun:sqlite").Database)(${JSON.stringify(bus.path)});
       db.run("BEGIN IMMEDIATE"); console.log("held"); process.stdin.resume();`,
    ],
    stdin: "pipe",
    stdout: "pipe",
  });
  await holder.stdout.getReader().read();
  const problem = await problemOf(bus.commit(add()));
  expect(problem).toMatchObject({
    code: "journal-unavailable",
    detail: expect.stringContaining("another process"),
  });
  holder.kill("SIGKILL");
  await holder.exited;
  expect((await bus.commit(add())).seq).toBe(1);
});
