// Tries src/server/level.ts and the rule of bus.raise on whole nodes: a bus of level 1 that becomes one of
// the newest level while everybody works.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LEVEL_NEWEST } from "../../src/core/level.ts";
import { demandNothingLost } from "../harness/cluster-evidence.ts";
import { isAcknowledged, startClusterLoad } from "../harness/cluster-load.ts";
import { withLogs } from "../harness/cluster-scene.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { prepareGrowth } from "../harness/growing.ts";
import { run } from "../harness/unibus.ts";

const DUMP = join(import.meta.dir, "../golden/schema-5.sql");

/** Lays down the folder of a lone node as the version before there were levels left it. */
function layDown(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "unibus.db");
  using database = new Database(path);
  database.run(readFileSync(DUMP, "utf8"));
  chmodSync(path, 0o600);
}

function levelOf(dataDir: string): number {
  using database = new Database(join(dataDir, "unibus.db"), { readonly: true });
  return database.query<{ level: number }, []>("SELECT format AS level FROM bus").get()?.level ?? 0;
}

test("three nodes rise to the newest level under load, at one entry, and none is lost; an older node ends with one line", async () => {
  await using growing = await prepareGrowth();
  const { cluster, first } = growing;
  await withLogs(cluster, async () => {
    layDown(first.dataDir);
    await Promise.all(cluster.nodes.map((node) => node.start()));
    const load = startClusterLoad(cluster, { perSecond: count("cluster-load-per-second") });
    await cluster.ready();
    await eventually(
      () => cluster.nodes.every(({ dataDir }) => levelOf(dataDir) === LEVEL_NEWEST),
      { timeoutMs: 40_000, everyMs: 50, what: "all nodes to be of the newest level" },
    );
    await load.more(30, 20_000);
    const history = await load.end();
    const { entries } = await demandNothingLost(cluster, { seed: load.seed, history });
    using database = new Database(join(first.dataDir, "unibus.db"), { readonly: true });
    const raises = database
      .query<{ seq: number }, []>(
        `SELECT seq FROM journal WHERE instr(entry, '"kind":"bus.raise"') > 0
             AND instr(outcome, '"status":"applied"') > 0`,
      )
      .all();
    expect(raises).toHaveLength(1);
    const raisedAt = raises[0]?.seq ?? 0;
    const acknowledged = history.filter(isAcknowledged).map(({ seq }) => seq ?? 0);
    const before = acknowledged.filter((seq) => seq < raisedAt).length;
    recordProof("three nodes rise to a level under load", {
      ...{ entries, raisedAt, acknowledged: acknowledged.length, before, lost: 0 },
    });
    expect(acknowledged.length - before).toBeGreaterThan(0);
    // A node that knows only lower levels meets a bus that is beyond it.
    const third = cluster.node(2);
    await third.end();
    {
      using newer = new Database(join(third.dataDir, "unibus.db"));
      newer.run(`UPDATE bus SET format = ${LEVEL_NEWEST + 1}`);
    }
    const late = await run(["user", "list", "--data-dir", third.dataDir]);
    expect([late.code, late.stderr.split("\n")[0]]).toEqual([
      3,
      expect.stringMatching(/^unibus: Cannot go on: .* level 3 and unibus .* start a newer unibus/),
    ]);
  });
}, 120_000);
