// Tries src/store/log-room.ts.

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, linkSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { LOG_ROOM_BYTES } from "../../src/core/limits.ts";
import { openLogRoom } from "../../src/store/log-room.ts";
import { temporaryFolder } from "../harness/unibus.ts";

/** A database whose log has room, in a folder of its own. */
function aPlace() {
  const folder = temporaryFolder();
  const path = join(folder.path, "a.db");
  function open(): Disposable & { readonly database: Database } {
    const room = openLogRoom(path);
    const database = new Database(path, { create: true, strict: true });
    database.run("PRAGMA journal_mode = WAL");
    database.run("CREATE TABLE IF NOT EXISTS numbers (n INTEGER)");
    room.make();
    return {
      database,
      [Symbol.dispose]() {
        database.close();
        room[Symbol.dispose]();
      },
    };
  }
  return {
    path,
    open,
    /** Writes a number in a run of its own. */
    write(n: number): void {
      using opened = open();
      opened.database.run("INSERT INTO numbers VALUES (?)", [n]);
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

function numbersIn(path: string): readonly number[] {
  using database = new Database(path, { strict: true });
  const rows = database.query<{ n: number }, []>("SELECT n FROM numbers ORDER BY n").all();
  return rows.map(({ n }) => n);
}

describe("the room of a database's log", () => {
  test("is on the disk while the database is open, and stays when it is closed", () => {
    using place = aPlace();
    {
      using _opened = place.open();
      expect(statSync(`${place.path}-wal`).size).toBe(LOG_ROOM_BYTES);
      expect(statSync(`${place.path}-wal`).blocks * 512).toBeGreaterThanOrEqual(LOG_ROOM_BYTES);
    }
    expect(existsSync(`${place.path}-wal`)).toBe(false);
    const { ino, size } = statSync(`${place.path}-room`);
    expect(size).toBe(LOG_ROOM_BYTES);
    using _again = place.open();
    expect(statSync(`${place.path}-wal`).ino).toBe(ino);
  });

  test("brings nothing of an earlier log back: neither into the database nor into a backup put in its place", () => {
    using place = aPlace();
    place.write(1);
    copyFileSync(place.path, `${place.path}.backup`);
    place.write(2);
    place.write(3);
    expect(numbersIn(place.path)).toEqual([1, 2, 3]);
    renameSync(`${place.path}.backup`, place.path);
    place.write(4);
    expect(numbersIn(place.path)).toEqual([1, 4]);
  });

  test("is emptied before it is a log again, after a kill between the end of one and its emptying", () => {
    using place = aPlace();
    place.write(1);
    {
      using opened = place.open();
      opened.database.run("INSERT INTO numbers VALUES (2)");
      // What SQLite leaves under the second name when it removes the first.
      copyFileSync(`${place.path}-wal`, `${place.path}.left`);
    }
    place.write(3);
    renameSync(`${place.path}.left`, `${place.path}-room`);
    place.write(4);
    expect(numbersIn(place.path)).toEqual([1, 2, 3, 4]);
  });

  test("leaves alone the log of a database that was moved away or copied by second names", () => {
    using place = aPlace();
    place.write(1);
    const away = join(place.path, "..", "away");
    mkdirSync(away);
    {
      using opened = place.open();
      opened.database.run("INSERT INTO numbers VALUES (2)");
      copyFileSync(place.path, join(away, "a.db"));
      linkSync(`${place.path}-wal`, join(away, "a.db-wal"));
    }
    place.write(3);
    expect(numbersIn(place.path)).toEqual([1, 2, 3]);
    expect(numbersIn(join(away, "a.db"))).toEqual([1, 2]);
  });
});
