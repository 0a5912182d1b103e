/**
 * `bun run build`: makes dist/unibus, the executable for this machine with nats-server inside.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { hashFile } from "../src/nats/find-server.ts";
import { buildExecutable } from "./build/executable.ts";
import { TARGETS } from "./build/targets.ts";
import { NATS_SERVER_VERSION, obtainNatsServer } from "./nats-server.ts";
import { commitOfTree } from "./prove.ts";

const ROOT = join(import.meta.dir, "..");

export interface Built {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Builds the executable for this machine from this checkout. */
export async function buildForThisMachine(outfile: string): Promise<Built> {
  // The pinned one: what somebody uses instead is their own business.
  const env = { ...process.env, UNIBUS_NATS_SERVER: undefined };
  const { path } = await obtainNatsServer({ env, roads: ["go", "archive"] });
  await buildExecutable({
    root: ROOT,
    outfile,
    runtime: process.execPath,
    server: { path, version: NATS_SERVER_VERSION, sha256: hashFile(path) },
    target: thisTarget(),
    commit: commitOfTree(),
  });
  return { path: outfile, sha256: hashFile(outfile), sizeBytes: statSync(outfile).size };
}

/** The target that this machine's Bun is. */
function thisTarget(): string {
  const system = process.platform === "darwin" ? "macos" : process.platform;
  const name = `${system}-${process.arch}${usesMusl(process.execPath) ? "-musl" : ""}`;
  const target = TARGETS.find((one) => one.name === name);
  if (!target) throw new Error(`Cannot build for ${name}: it is no target`);
  return target.name;
}

/** Says whether a program asks for musl's loader, whose path stands at its beginning. */
function usesMusl(path: string): boolean {
  const beginning = Buffer.alloc(4_096);
  const file = openSync(path, "r");
  readSync(file, beginning);
  closeSync(file);
  return beginning.includes("ld-musl-");
}

if (import.meta.main) {
  const startedAt = performance.now();
  const { path, sha256, sizeBytes } = await buildForThisMachine(join(ROOT, "dist/unibus"));
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const megabytes = (sizeBytes / 1e6).toFixed(1);
  process.stdout.write(`${path}: ${megabytes} MB in ${seconds} s, SHA-256 ${sha256}\n`);
}
