// Tries src/cli/node-restore.ts, src/cli/confirm.ts, src/server/restore.ts and
// src/server/restore-mark.ts on folders.
import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
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

describe("a command that is killed", () => {
  test("leaves the old state or one that the next start or command ends, and never loses the database", async () => {
    using folder = temporaryFolder();
    const before = join(folder.path, "before");
    {
      await using cluster = await startCluster();
      await cluster.ready();
      await addUser(cluster);
      await cluster.node(0).end();
      cpSync(cluster.node(0).dataDir, before, { recursive: true });
    }
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
