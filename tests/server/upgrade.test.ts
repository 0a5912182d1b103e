import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loginRaw, testKey } from "../harness/raw-nats.ts";
import { snapshotOf } from "../harness/snapshot.ts";
import { run, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const GOLDEN = join(import.meta.dir, "../golden");
const seed = (number: number): Uint8Array => new Uint8Array(32).fill(number);
/** Who is in every dump: they were made from these seeds. */
const [admin, alice, bob] = [testKey(seed(1)), testKey(seed(2)), testKey(seed(3))] as const;

const dumps = readdirSync(GOLDEN).filter((name) => /^schema-\d+\.sql$/.test(name));

const textOf = (dump: string): string => readFileSync(join(GOLDEN, dump), "utf8");
/** Those of a cluster's node: its journal is not for one node to go on with. */
const ofClusters = dumps.filter((dump) => /"kind":"bus\.(found|continued)"/.test(textOf(dump)));
const ofLoneNodes = dumps.filter((dump) => !ofClusters.includes(dump));

/** Makes a data folder as an earlier unibus left it. */
function layDown(dump: string, dataDir: string): void {
  mkdirSync(dataDir, { mode: 0o700 });
  using database = new Database(join(dataDir, "unibus.db"));
  database.run(textOf(dump));
}

describe("a data folder of an earlier schema", () => {
  test.each(ofClusters)("is not taken from its cluster: %s", async (dump) => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    layDown(dump, dataDir);
    const ports = ["--http-port", "0", "--nats-port", "0"];
    const words = ["serve", "--bus-auth", "enforce", ...ports, "--data-dir", dataDir];
    const { code, stderr } = await run(words);
    expect([code, stderr]).toEqual([3, expect.stringContaining("--cluster-name")]);
  });

  test.each(ofLoneNodes)("is taken over, with everybody in it: %s", async (dump) => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    layDown(dump, dataDir);
    for (const _start of ["the one that upgrades", "the one after it"]) {
      await using node = await startUnibus({ dataDir });
      using in_ = await loginRaw(node.natsPort, alice);
      expect(in_.closed).toBe(false);
      using out = await loginRaw(node.natsPort, bob);
      expect(out.closed).toBe(true);
      const { users } = await node.ask<{ users: readonly object[] }>("GET", "/v1/users");
      expect(users).toContainEqual(expect.objectContaining({ user: admin.user, role: "admin" }));
      const { rooms } = await node.ask<{ rooms: readonly object[] }>("GET", "/v1/rooms");
      expect(rooms).toContainEqual(expect.objectContaining({ name: "ops" }));
    }
  });

  test("of each version has its dump", () => {
    expect([ofLoneNodes.length > 0, ofClusters.length > 0]).toEqual([true, true]);
    expect(dumps.map((name) => Number(/\d+/.exec(name)?.[0])).sort((a, b) => a - b)).toEqual(
      dumps.map((_, at) => at + 1),
    );
  });
});

test("a data folder of a newer schema is refused, and stays byte for byte as it was", async () => {
  using folder = temporaryFolder();
  const dataDir = join(folder.path, "data");
  layDown(dumps.at(-1) ?? "", dataDir);
  {
    using database = new Database(join(dataDir, "unibus.db"));
    database.run("PRAGMA user_version = 1000");
  }
  const before = snapshotOf(dataDir).filter((line) => line.includes("unibus.db"));
  const ports = ["--http-port", "0", "--nats-port", "0"];
  for (const words of [
    ["serve", "--bus-auth", "enforce", ...ports],
    ["user", "list"],
  ]) {
    const { code, stderr } = await run([...words, "--data-dir", dataDir]);
    expect([code, stderr]).toEqual([3, expect.stringContaining("this unibus is older")]);
    const after = snapshotOf(dataDir).filter((line) => line.includes("unibus.db"));
    expect(after).toEqual(before);
  }
});
