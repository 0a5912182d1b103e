import { Database } from "bun:sqlite";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getBus } from "../../src/store/journal.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { rowsOf } from "./builders.ts";
import type { Cluster, ClusterNode } from "./cluster.ts";
import { type ClusterLoad, isAcknowledged, isUnknown, type SentRequest } from "./cluster-load.ts";
import { eventually } from "./eventually.ts";
import { temporaryFolder } from "./unibus.ts";

/** A folder with what was asked and answered, and every node's database: all that judges a run. */
export interface Evidence {
  readonly folder: string;
  readonly seed: number;
}

const HISTORY_FILE = "history.json";

/** A position of a node's journal as its database has it, read beside the node. */
export function positionOf(node: Pick<ClusterNode, "dataDir">): string {
  return readBeside(node, (database) =>
    JSON.stringify(
      database.query("SELECT bus_id, generation, last_seq, hex(chain) FROM bus").get(),
    ),
  );
}

/** Reads the database of a node that may run; where the node has a disk of its own, a copy of it. */
function readBeside<T>(
  { dataDir }: Pick<ClusterNode, "dataDir">,
  read: (database: Database) => T,
): T {
  using folder = temporaryFolder();
  // SQLite takes a link to another process's root for a link to this one's.
  const elsewhere = dataDir.startsWith("/proc/");
  const path = join(elsewhere ? folder.path : dataDir, "unibus.db");
  for (const name of elsewhere ? ["unibus.db", "unibus.db-wal"] : []) {
    const from = join(dataDir, name);
    if (existsSync(from)) copyFileSync(from, join(folder.path, name));
  }
  using database = new Database(path, { readonly: true });
  return read(database);
}

/** Waits until all nodes that run have applied the same entries. */
export async function untilNodesAgree(cluster: Cluster, timeoutMs = 30_000): Promise<void> {
  const running = cluster.nodes.filter((node) => node.running);
  await eventually(() => new Set(running.map(positionOf)).size === 1, {
    ...{ timeoutMs, everyMs: 50, what: "one history on all nodes" },
  });
}

/** Keeps a run to be judged now, or again later. */
export function keepEvidence(
  cluster: Cluster,
  { seed, history }: Pick<ClusterLoad, "seed" | "history">,
): Evidence {
  const folder = mkdtempSync(join(tmpdir(), `unibus-evidence-${seed}-`));
  const nodes = cluster.nodes.map(({ name }) => name);
  writeFileSync(join(folder, HISTORY_FILE), JSON.stringify({ seed, nodes, history }));
  // Nodes tell of themselves when they find the time: copies of one moment have no entry between.
  const positions = (): string => cluster.nodes.map(positionOf).join();
  for (let before = ""; before !== positions(); ) {
    before = positions();
    for (const node of cluster.nodes) {
      const path = join(folder, `${node.name}.db`);
      rmSync(path, { force: true });
      readBeside(node, (database) => database.run(`VACUUM INTO '${path}'`));
    }
  }
  return { folder, seed };
}

/**
 * Judges a run by what was kept of it: whether every database holds all that was acknowledged, under
 * its number and once, and nothing that was surely refused, and whether all of them are one history
 * whose rows are what its entries made.
 */
export function judgeEvidence({ folder }: Pick<Evidence, "folder">): {
  readonly faults: readonly string[];
  readonly entries: number;
} {
  const { history, nodes } = JSON.parse(readFileSync(join(folder, HISTORY_FILE), "utf8")) as {
    // Written by the function above.
    readonly history: readonly SentRequest[];
    readonly nodes: readonly string[];
  };
  const files = nodes.map((name) => ({ name, path: join(folder, `${name}.db`) }));
  const kept = files.filter(({ path }) => existsSync(path));
  const faults = files
    .filter((file) => !kept.includes(file))
    .map(({ name }) => `${name}: its database is not there`);
  const states = new Map<string, string>();
  let entries = 0;
  for (const { name, path } of kept) {
    using store = openStore({ path, random: null });
    faults.push(...faultsOfHistory(history, store).map((fault) => `${name}: ${fault}`));
    entries = getBus(store).lastSeq;
    states.set(name, stateOf(store));
    try {
      verifyJournal(store);
    } catch (error) {
      faults.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const [first] = states.values();
  for (const [name, state] of states) {
    if (state !== first) faults.push(`${name}: another state than that of the first node`);
  }
  return { faults, entries };
}

/** Judges a run, and throws with the place of its evidence when something is wrong with it. */
export async function demandNothingLost(
  cluster: Cluster,
  load: Pick<ClusterLoad, "seed" | "history">,
): Promise<{ readonly entries: number; readonly digest: string }> {
  await untilNodesAgree(cluster);
  const evidence = keepEvidence(cluster, load);
  const { faults, entries } = judgeEvidence(evidence);
  if (faults.length > 0) {
    const few = faults.slice(0, 20).join("\n");
    throw new Error(`seed ${load.seed}, kept in ${evidence.folder}: ${faults.length}\n${few}`);
  }
  const { name = "" } = cluster.nodes[0] ?? {};
  using store = openStore({ path: join(evidence.folder, `${name}.db`), random: null });
  const digest = new Bun.CryptoHasher("sha256").update(stateOf(store)).digest("hex");
  rmSync(evidence.folder, { recursive: true });
  return { entries, digest };
}

interface Recorded {
  readonly seq: number;
  readonly outcome: { readonly status: string; readonly code?: string };
}

function faultsOfHistory(history: readonly SentRequest[], store: Store): readonly string[] {
  const recorded = recordedByKey(store);
  const byKey = Map.groupBy(history, ({ key }) => key);
  return [...byKey].flatMap(([key, tries]) => {
    const firsts = recorded.get(key) ?? [];
    if (firsts.length > 1) return [`${key}: recorded ${firsts.length} times`];
    return tries.flatMap((sent) => faultsOfTry(sent, { tries, first: firsts[0] ?? null }));
  });
}

function faultsOfTry(
  sent: SentRequest,
  { tries, first }: { readonly tries: readonly SentRequest[]; readonly first: Recorded | null },
): readonly string[] {
  const words = `${sent.key} ${sent.method} ${sent.path} at ${sent.node}`;
  if (isAcknowledged(sent)) {
    if (!first) return [`${words}: acknowledged, and not there`];
    if (first.outcome.status !== "applied") return [`${words}: acknowledged, and refused there`];
    if (first.seq !== sent.seq) {
      return [`${words}: acknowledged as ${sent.seq}, and there as ${first.seq}`];
    }
    return [];
  }
  if (isUnknown(sent)) return [];
  if (sent.code === "journal-unavailable" || sent.code === "not-ready") {
    // Another try with the same key may have been taken.
    const alone = tries.every(({ code }) => code === sent.code);
    return alone && first ? [`${words}: surely not recorded, and there as ${first.seq}`] : [];
  }
  if (sent.status === 503 || (sent.status ?? 0) < 500) {
    // Who reads back what it wrote may find that somebody else has taken it away meanwhile.
    const overtaken = sent.status === 404;
    const applied = first?.outcome.status === "applied" && !overtaken;
    return applied && sent.code !== "already-issued" && sent.code !== "node-busy"
      ? [`${words}: refused as ${sent.code}, and applied as ${first.seq}`]
      : [];
  }
  return [`${words}: answered ${sent.status} ${sent.code}`];
}

/** Every entry that is no repeat, by its Idempotency-Key. */
function recordedByKey({ database }: Store): ReadonlyMap<string, readonly Recorded[]> {
  const rows = database.query<{ seq: number; key: string | null; outcome: string }, []>(
    `SELECT seq, json_extract(entry, '$.operation.idempotencyKey') AS key, outcome
     FROM journal WHERE operation_id IS NOT NULL ORDER BY seq`,
  );
  const found = new Map<string, Recorded[]>();
  for (const { seq, key, outcome } of rows.iterate()) {
    if (key === null) continue;
    found.set(key, [...(found.get(key) ?? []), { seq, outcome: JSON.parse(outcome) }]);
  }
  return found;
}

/** All that a database says, but for the words of refusals, which no history is made of. */
function stateOf(store: Store): string {
  const { busId, generation, lastSeq, chain } = getBus(store);
  const hasher = new Bun.CryptoHasher("sha256");
  const entries = store.database.query<Record<string, string>, []>(
    "SELECT seq, entry, outcome, changes, hex(chain) AS chain FROM journal ORDER BY seq",
  );
  for (const row of entries.iterate()) hasher.update(`${JSON.stringify(row)}\n`);
  hasher.update(rowsOf(store));
  return JSON.stringify([busId, generation, lastSeq, chain.toHex(), hasher.digest("hex")]);
}
