import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isOperationId } from "../../src/core/ids.ts";
import { openNodeStore } from "../../src/store/head.ts";
import { findRecorded } from "../../src/store/journal.ts";
import { listUsers } from "../../src/store/users.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { count, recordProof } from "../harness/counts.ts";

const COMMITTER = join(import.meta.dir, "../harness/commit-forever.ts");

test("every acknowledged operation is there after a SIGKILL, and the journal is whole", async () => {
  const folder = mkdtempSync(join(tmpdir(), "unibus-kill-"));
  const path = join(folder, "unibus.db");
  const kills = count("store-kills");
  let acknowledged = 0;
  for (let kill = 0; kill < kills; kill++) {
    const lines = await commitAndKill(path, 100 + (randomBytes(1)[0] ?? 0));
    expect(lines.length).toBeGreaterThanOrEqual(100);
    // A head that is not behind would be ahead of an entry that is not there: it is refused.
    using store = openNodeStore({ path, random: randomBytes, clustered: false });
    const { entries } = verifyJournal(store);
    for (const line of lines) {
      const [seq, id = ""] = line.split(" ");
      if (!isOperationId(id)) throw new Error(`The committer printed "${line}"`);
      expect(findRecorded(store, id)?.seq).toBe(Number(seq));
    }
    acknowledged += lines.length;
    expect(entries).toBeGreaterThanOrEqual(acknowledged);
    expect(listUsers(store, { limit: 1 })).toHaveLength(1);
  }
  recordProof("store-kills", { kills, acknowledged, lost: 0, "starts refused": 0 });
  rmSync(folder, { recursive: true });
}, 300_000);

/** Returns the lines that a committing process had printed when it was killed. */
async function commitAndKill(path: string, linesMin: number): Promise<readonly string[]> {
  const committer = Bun.spawn({
    cmd: [process.execPath, COMMITTER, path],
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  for await (const chunk of committer.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split("\n").length > linesMin) committer.kill("SIGKILL");
  }
  expect(await committer.exited).toBe(137);
  // What follows the last line feed was cut off by the kill.
  return text.split("\n").slice(0, -1);
}
