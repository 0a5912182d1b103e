import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeCopy, writeCopy } from "../../src/store/copy.ts";
import { findBus, getBus } from "../../src/store/journal.ts";
import { openStore, openStoreForReading, type Store } from "../../src/store/open.ts";
import { listUsers } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { openTestBus, rowsOf } from "../harness/builders.ts";

let folder = "";
let path = "";
let empty: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unibus-copy-"));
  path = join(folder, "copy.db");
  empty = openStore({ path: join(folder, "unibus.db"), random: null });
});
afterEach(() => {
  empty[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("a copy", () => {
  test("fills an empty database with all that the other holds", async () => {
    using bus = openTestBus();
    const owner = await bus.addUser();
    await bus.addRoom(owner);
    await bus.addEncryptedRoom(owner);
    writeCopy(bus.store, path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    // What comes later is not in it.
    await bus.addUser();
    using reading = openStoreForReading({ path: join(folder, "unibus.db") });
    takeCopy(empty, path);
    expect(getBus(empty)).toMatchObject({ busId: getBus(bus.store).busId, lastSeq: 3 });
    expect(verifyJournal(empty).entries).toBe(3);
    // Whoever reads the same file sees it at once.
    expect(listUsers(reading, { limit: 9 }).map(({ user }) => user)).toEqual([owner]);
    expect(() => empty.database.run("DELETE FROM users")).toThrow("FOREIGN KEY");
  });

  test("is not taken where there is something already", async () => {
    using bus = openTestBus();
    using other = openTestBus();
    await bus.addUser();
    await other.addUser();
    writeCopy(bus.store, path);
    const before = rowsOf(other.store);
    expect(() => takeCopy(other.store, path)).toThrow("is not empty");
    expect(rowsOf(other.store)).toBe(before);
    expect(verifyJournal(other.store).entries).toBe(1);
  });

  test("that was changed on its way is not taken", async () => {
    using bus = openTestBus();
    await bus.addUser();
    writeCopy(bus.store, path);
    {
      using copy = openStore({ path, random: null });
      copy.database.run("UPDATE users SET role = 'admin'");
    }
    expect(() => takeCopy(empty, path)).toThrow("is not what entry 1 made it");
    expect(findBus(empty)).toBeNull();
    expect(verifyJournal(empty).entries).toBe(0);
  });

  test("is written over nothing", async () => {
    using bus = openTestBus();
    writeCopy(bus.store, path);
    expect(() => writeCopy(bus.store, path)).toThrow("EEXIST");
  });
});
