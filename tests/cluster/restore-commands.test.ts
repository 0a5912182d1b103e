// Tries src/cli/node-restore.ts, src/cli/confirm.ts, src/server/restore.ts and
// src/server/restore-mark.ts on folders.
import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finishRestore, readRestoreMark, writeRestoreMark } from "../../src/server/restore-mark.ts";
import { getBus } from "../../src/store/journal.ts";
import { openStore } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { acquireGuardLock } from "../../src/system/lock.ts";
import { startCluster } from "../harness/cluster.ts";
import { positionOf } from "../harness/cluster-evidence.ts";
import { addUser } from "../harness/cluster-scene.ts";
import { unibusCommand } from "../harness/command.ts";
import { count, recordProof } from "../harness/counts.ts";
import { onStopped, refusedOn } from "../harness/growing.ts";
import { EXIT } from "../harness/promises.ts";
import { cleanEnvironment, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const MARK = "unibus.restore";

describe("a folder that only one node has", () => {
  test("is neither reset nor rebuilt, and stays as it is", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "alone");
    const missing = { dataDir: join(folder.path, "missing") };
    expect((await refusedOn(missing, "reset", "--yes")).code).toBe("node-not-found");
    expect((await refusedOn(missing, "rebuild", "--yes")).code).toBe("node-not-found");
    const unibus = await startUnibus({ dataDir });
    expect((await refusedOn({ dataDir }, "reset", "--yes")).code).toBe("folder-in-use");
    await unibus.end();
    const before = readdirSync(dataDir);
    for (const words of [["reset"], ["reset", "--streams"], ["rebuild"]]) {
      const refused = await refusedOn({ dataDir }, ...words, "--yes");
      expect(refused).toMatchObject({ code: "cluster-refused", exit: EXIT.refused });
    }
    expect(readdirSync(dataDir)).toEqual(before);
    using store = openStore({ path: join(dataDir, "unibus.db"), random: null });
    expect(verifyJournal(store).entries).toBe(0);
  });
});

describe("a command on a terminal", () => {
  /** Types an answer when it is asked for, and returns what was shown and how the command ended. */
  async function answered(dataDir: string, words: readonly string[], answer: string) {
    let shown = "";
    const child = Bun.spawn([...unibusCommand(), "node", ...words, "--data-dir", dataDir], {
      env: cleanEnvironment(),
      terminal: {
        data(terminal, bytes) {
          const asked = shown.includes("Type yes");
          shown += new TextDecoder().decode(bytes);
          if (!asked && shown.includes("Type yes")) terminal.write(`${answer}\n`);
        },
      },
    });
    return { code: await child.exited, shown };
  }

  test("shows the bus and what will happen, and does it when the answer is yes alone", async () => {
    using folder = temporaryFolder();
    const before = await aStoppedNode(folder.path);
    const dataDir = join(folder.path, "asked");
    cpSync(before, dataDir, { recursive: true });
    const { lastSeq, busId } = lookInto(dataDir);
    for (const answer of ["no", "", "yes please"]) {
      const { code, shown } = await answered(dataDir, ["rebuild"], answer);
      expect([code, shown]).toEqual([EXIT.usage, expect.stringContaining("Nothing was changed")]);
      expect(shown).toContain(busId);
      expect(shown).toMatch(new RegExp(`last entry +${lastSeq} of 20`));
      expect(existsSync(join(dataDir, MARK))).toBeFalse();
    }
    expect((await answered(dataDir, ["rebuild"], "yes")).code).toBe(EXIT.done);
    expect(existsSync(join(dataDir, MARK))).toBeTrue();
  }, 60_000);

  test("is refused while a nats-server of a node that was killed still has the folder", async () => {
    using folder = temporaryFolder();
    const dataDir = await aStoppedNode(folder.path);
    const held = acquireGuardLock(join(dataDir, "jetstream", "unibus.lock"));
    const refused = await refusedOn({ dataDir }, "reset", "--streams", "--yes");
    expect(refused).toMatchObject({ code: "folder-in-use" });
    expect(existsSync(join(dataDir, MARK))).toBeFalse();
    held?.[Symbol.dispose]();
    await onStopped({ dataDir }, "reset", "--streams");
  }, 60_000);
});

/** The folder of a node of a cluster that was stopped. */
async function aStoppedNode(folder: string): Promise<string> {
  const path = join(folder, "before");
  await using cluster = await startCluster({ nodes: 2 });
  await cluster.ready();
  await addUser(cluster);
  await cluster.node(0).end();
  cpSync(cluster.node(0).dataDir, path, { recursive: true });
  return path;
}

function lookInto(dataDir: string): { readonly busId: string; readonly lastSeq: number } {
  using store = openStore({ path: join(dataDir, "unibus.db"), random: null });
  return getBus(store);
}

describe("a command that is killed", () => {
  test.each([0, 1, 2, 3, 4, 5])("is ended by whoever comes next, with %d things moved", (moved) => {
    using folder = temporaryFolder();
    const at = (...names: readonly string[]): string => join(folder.path, ...names);
    const things = ["unibus.db", "unibus.db-wal", "unibus.db-shm", "unibus.db-head", "unibus.mode"];
    const aside = "before-reset-2026-11-22T12-00-00-000Z";
    mkdirSync(at("jetstream", "jetstream", "SYS"), { recursive: true });
    if (moved > 0) mkdirSync(at(aside));
    for (const [index, name] of things.entries()) {
      writeFileSync(index < moved ? at(aside, name) : at(name), name);
    }
    const place = { db: at("unibus.db"), natsStore: at("jetstream") };
    const end = (): readonly string[] => {
      const mark = readRestoreMark(place.db);
      return mark ? finishRestore(mark, place) : ["no mark"];
    };
    writeRestoreMark(place.db, { kind: "reset", streams: true, aside, moved: false });
    end();
    expect(readdirSync(at()).toSorted()).toEqual([aside, "jetstream", MARK]);
    expect(readdirSync(at(aside)).toSorted()).toEqual(things.toSorted());
    expect(readdirSync(at("jetstream"))).toEqual([`jetstream-${aside}`]);
    // What is made anew is not moved a second time.
    writeFileSync(place.db, "a copy of a peer's");
    expect(end()).toEqual([]);
    expect(readdirSync(at())).toContain("unibus.db");
  });

  test("leaves no text that is taken for what was asked: it is refused", () => {
    using folder = temporaryFolder();
    const db = join(folder.path, "unibus.db");
    for (const text of ["", "{}", '{"kind":"reset","aside":"../x","moved":false,"streams":true}']) {
      writeFileSync(join(folder.path, MARK), text);
      expect(() => readRestoreMark(db)).toThrow("not what unibus wrote");
    }
  });

  test("leaves the old state or one that the next start or command ends, and never loses the database", async () => {
    using folder = temporaryFolder();
    const before = await aStoppedNode(folder.path);
    const position = positionOf({ dataDir: before });
    const seen = new Set<string>();
    const kills = count("command-kills");
    for (let round = 0; round < kills; round++) {
      for (const words of [["rebuild"], ["reset", "--streams"]]) {
        const dataDir = join(folder.path, `round-${round}-${words[0]}`);
        cpSync(before, dataDir, { recursive: true });
        await killedAfter((round * 350) / kills, [
          "node",
          ...words,
          "--yes",
          "--data-dir",
          dataDir,
        ]);
        const marked = existsSync(join(dataDir, MARK));
        seen.add(`${words[0]} ${marked ? "marked" : "as before"}`);
        if (!marked) {
          expect(readdirSync(join(dataDir, "jetstream"))).toEqual(
            readdirSync(join(before, "jetstream")),
          );
          expect(positionOf({ dataDir })).toBe(position);
        }
        await onStopped({ dataDir }, ...words);
        const database = words[0] === "rebuild" ? dataDir : join(dataDir, asideOf(dataDir));
        expect(positionOf({ dataDir: database })).toBe(position);
        expect(readdirSync(join(dataDir, "jetstream"))).not.toContain("jetstream");
      }
    }
    recordProof("rebuild and reset killed", {
      kills: kills * 2,
      states: [...seen].toSorted().join(", "),
    });
  }, 1_200_000);
});

async function killedAfter(afterMs: number, args: readonly string[]): Promise<void> {
  const child = Bun.spawn([...unibusCommand(), ...args], {
    ...{ env: cleanEnvironment(), stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), afterMs);
  await child.exited;
  clearTimeout(timer);
}

/** The one folder into which the database was put. */
function asideOf(dataDir: string): string {
  const found = readdirSync(dataDir).filter((name) => name.startsWith("before-reset-"));
  expect(found).toHaveLength(1);
  return found[0] ?? "";
}
