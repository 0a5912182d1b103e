import { afterAll, expect, test } from "bun:test";
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { UserId } from "../../src/core/ids.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { openLedger, startLoad } from "../harness/loader.ts";
import { childrenOf } from "../harness/machine.ts";
import { loginRaw, type TestKey, testKey } from "../harness/raw-nats.ts";
import { spawnUnibus } from "../harness/spawned.ts";
import { isGone, run, startUnibus, temporaryFolder } from "../harness/unibus.ts";

/** Damages that one killed node's folder is copied for: a new one each time would cost most of the time. */
const DAMAGES_PER_KILL = 5;
const PROVE_TIMEOUT_MS = 30 * 60_000;
const WAL = "unibus.db-wal";
const place = temporaryFolder();
afterAll(() => place[Symbol.dispose]());
let folders = 0;

interface Killed {
  readonly dataDir: string;
  readonly revoked: TestKey;
}

/** The folder of a node that was killed under load, at any moment after it had acknowledged a revocation. */
async function aKilledNode(): Promise<Killed> {
  const dataDir = join(place.path, `killed-${++folders}`);
  const revoked = testKey();
  const unibus = await startUnibus({ dataDir });
  const ledger = openLedger();
  const load = startLoad(unibus, ledger);
  // When proving, often enough for SQLite to begin its log anew.
  await load.acknowledges(proving ? Math.floor(Math.random() * 150) : 10);
  await unibus.ask("POST", "/v1/users", { user: revoked.user });
  await unibus.ask("POST", `/v1/users/${revoked.user}/revoke`);
  await load.acknowledges(Math.floor(Math.random() * 20));
  const children = childrenOf(unibus.pid);
  await unibus.end("SIGKILL");
  await load.stop();
  for (const child of children) await eventually(() => isGone(child));
  rmSync(join(dataDir, "unibus.sock"));
  return { dataDir, revoked };
}

type Ending = "refused" | "harmless" | "silent";

/** Starts the node on a folder that was damaged, and says how that ends. */
async function startOn(dataDir: string, revoked: TestKey): Promise<Ending> {
  const ports = ["--http-port", "0", "--nats-port", "0", "--log-format", "json"];
  await using node = spawnUnibus([
    ...["serve", "--bus-auth", "enforce", "--data-dir", dataDir],
    ...ports,
  ]);
  const ready = await node.says("node.ready").catch(() => null);
  if (!ready) {
    expect(await node.ended()).toBe(3);
    expect(node.messages).toHaveLength(1);
    expect(node.messages[0]).toMatch(/Cannot trust the (database|journal)/);
    return "refused";
  }
  const socket = { unix: join(dataDir, "unibus.sock") };
  const answer = await fetch(`http://localhost/v1/users/${revoked.user}`, socket);
  // A user that is gone was added and revoked too.
  if (!(await answer.text()).includes('"state":"revoked"')) return "silent";
  using login = await loginRaw(Number(new URL(String(ready.natsUrl)).port), revoked);
  expect(login.closed).toBe(true);
  return "harmless";
}

/** What a command says of the user in the folder of a stopped node: null when it is refused. */
async function stateOf(dataDir: string, user: UserId): Promise<string | null> {
  const { code, stdout, stderr } = await run(["user", "list", "--json", "--data-dir", dataDir]);
  if (code !== 0) {
    expect(code).toBe(3);
    expect(JSON.parse(stderr).code).toMatch(/^journal-(rolled-back|damaged)$/);
    return null;
  }
  const { users } = JSON.parse(stdout) as { users: { user: string; state: string }[] };
  return users.find((one) => one.user === user)?.state ?? "missing";
}

/** Kills nodes, and starts each on copies of its folder, each damaged in another way. */
async function damage(
  times: number,
  spoil: (wal: string, at: number) => void,
): Promise<Readonly<Record<Ending, number>>> {
  const endings = { refused: 0, harmless: 0, silent: 0 };
  let killed = await aKilledNode();
  for (let at = 0; at < times; at++) {
    if (at > 0 && at % DAMAGES_PER_KILL === 0) killed = await aKilledNode();
    const dataDir = join(place.path, `damaged-${++folders}`);
    cpSync(killed.dataDir, dataDir, { recursive: true });
    spoil(join(dataDir, WAL), at);
    // A command comes first every other time: it must not heal what a start would have found.
    const told = at % 2 === 0 ? "revoked" : await stateOf(dataDir, killed.revoked.user);
    expect([null, "revoked"]).toContain(told);
    endings[await startOn(dataDir, killed.revoked)] += 1;
    rmSync(dataDir, { recursive: true });
  }
  return endings;
}

/** What of a log has been written: the room that it has is longer. */
function usedOf(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

test(
  "a bit that flips in the log of the database, after a kill, never undoes a revocation silently",
  async () => {
    const flips = count("wal-flips");
    const endings = await damage(flips, (wal, at) => {
      const bytes = readFileSync(wal);
      const used = usedOf(bytes);
      const flipped = Math.floor(at === 0 ? used / 2 : Math.random() * used);
      bytes[flipped] = (bytes[flipped] ?? 0) ^ (1 << Math.floor(Math.random() * 8));
      writeFileSync(wal, bytes);
    });
    expect({ ...endings, silent: 0 }).toEqual(endings);
    expect(endings.refused).toBeGreaterThan(0);
    recordProof("a flipped bit in the WAL of a killed node is never silent", { flips, ...endings });
  },
  PROVE_TIMEOUT_MS,
);

test(
  "a log of the database that is cut or removed, after a kill, never undoes a revocation silently",
  async () => {
    const cuts = count("wal-cuts");
    const sizes = [0, 100_000, null, 32, 5_000] as const;
    const endings = await damage(cuts, (wal, at) => {
      const size =
        at < sizes.length ? sizes[at] : Math.floor(Math.random() * usedOf(readFileSync(wal)));
      if (size === null) rmSync(wal);
      else truncateSync(wal, size);
    });
    expect({ ...endings, silent: 0 }).toEqual(endings);
    expect(endings.refused).toBeGreaterThan(0);
    recordProof("a WAL of a killed node that is cut is never silent", { cuts, ...endings });
  },
  PROVE_TIMEOUT_MS,
);
