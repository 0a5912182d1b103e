/**
 * Makes a bus of many memberships, in a process of its own: opens the store in the folder of its first
 * argument and applies the operations that make as many as its second says, some thousand in each
 * transaction of SQLite, by the same `apply` as every operation. Prints as JSON what that took.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Change } from "../../src/core/operations.ts";
import { apply } from "../../src/store/apply.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { anOperation, roomCreate } from "../../tests/harness/builders.ts";
import { benchRoom, benchUser, membersOf, type Population, populationOf } from "./api-scene.ts";

const PER_TRANSACTION = 5_000;

export interface Loaded {
  readonly operations: number;
  readonly seconds: number;
  readonly megabytes: number;
}

function* changesOf(population: Population): Generator<Change> {
  const users = Array.from({ length: population.users }, (_, number) => benchUser(number).user);
  for (const user of users) yield { kind: "user.add", user, name: null, role: "member" };
  for (let number = 0; number < population.rooms; number++) {
    const room = benchRoom(number);
    const [owner = null, ...members] = membersOf(population, number).map((at) => users[at] ?? null);
    yield roomCreate(room, { owner });
    for (const user of members) {
      if (user) yield { kind: "member.add", room, user, role: "member" };
    }
  }
}

function load(store: Store, changes: Iterator<Change>): number {
  let seq = 0;
  const batch = store.database.transaction((): boolean => {
    for (let left = PER_TRANSACTION; left > 0; left--) {
      const { done, value } = changes.next();
      if (done) return false;
      const { outcome } = apply(store, { seq: ++seq, operation: anOperation(value) });
      if (outcome.status === "refused") throw new Error(outcome.refusal.detail);
    }
    return true;
  });
  while (batch());
  store.database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  return seq;
}

const [folder = "", memberships = ""] = process.argv.slice(2);
mkdirSync(folder, { recursive: true, mode: 0o700 });
const path = join(folder, "unibus.db");
const startedAt = performance.now();
using store = openStore({ path, random: randomBytes });
const operations = load(store, changesOf(populationOf(Number(memberships))));
const loaded: Loaded = {
  operations,
  seconds: (performance.now() - startedAt) / 1_000,
  megabytes: Bun.file(path).size / 1e6,
};
process.stdout.write(JSON.stringify(loaded));
