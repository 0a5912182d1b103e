/**
 * A node in this process whose main thread can be kept busy: it starts in the folder named by its
 * argument, with 200 MB more in its database, and prints its line of readiness. Then `copy` on stdin
 * makes the main thread copy the database, as snapshots do, again and again until `rest`.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { loadNodeSettings } from "../../src/config/load.ts";
import { startNode } from "../../src/server/boot.ts";
import { createLog } from "../../src/system/log.ts";

const BALLAST_MB = 200;
/** Between two copies: a node whose main thread never rests answers no request at all. */
const PAUSE_MS = 100;

process.umask(0o077);
const dataDir = process.argv[2] ?? "";
const flags = {
  "data-dir": dataDir,
  "bus-auth": "enforce",
  "http-port": "0",
  "nats-port": "0",
  "connections-per-user": "1000",
};
const env = process.env;
const log = createLog({ format: "json", write: () => undefined });
const node = await startNode({
  settings: loadNodeSettings(flags, env),
  env,
  log,
  logFormat: "json",
});
const { database } = node.store;
database.run("CREATE TABLE ballast (bytes BLOB) STRICT");
for (let mb = 0; mb < BALLAST_MB; mb++) {
  database.run("INSERT INTO ballast VALUES (randomblob(1000000))");
}
database.run("PRAGMA wal_checkpoint(TRUNCATE)");

let copying = false;
let copies = 0;
const target = join(dataDir, "copy.db");
function copy(): void {
  if (!copying) return;
  database.run("VACUUM INTO ?", [target]);
  rmSync(target);
  copies++;
  setTimeout(copy, PAUSE_MS);
}

process.stderr.write(`${JSON.stringify({ event: "node.ready", natsUrl: node.natsUrl })}\n`);
for await (const line of console) {
  if (line === "copy") {
    copying = true;
    copy();
  } else if (line === "rest") {
    copying = false;
    process.stdout.write(`${copies}\n`);
  } else break;
}
await node[Symbol.asyncDispose]();
