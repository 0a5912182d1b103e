import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { hashFile, NATS_SERVER_VERSION } from "../../src/nats/find-server.ts";
import { buildWithGo } from "../nats-server/build.ts";
import { commitOfTree } from "../prove.ts";
import { buildExecutable } from "./executable.ts";
import { obtainRuntime } from "./runtime.ts";
import type { Target } from "./targets.ts";

/** What is inside an executable, as far as its papers tell it. */
export interface Contents {
  readonly packages: readonly string[];
  readonly server: { readonly path: string; readonly version: string; readonly sha256: string };
}

/**
 * Builds the executable of any target, on this machine: with the Bun of that target, and a nats-server
 * that Go builds for it from the pinned source. Both are kept in node_modules between builds.
 */
export async function buildForTarget(options: {
  readonly root: string;
  readonly target: Target;
  readonly outfile: string;
  readonly say: (line: string) => void;
}): Promise<Contents> {
  const { root, target, outfile, say } = options;
  const folder = join(root, "node_modules/.cache/unibus");
  const path = join(folder, `nats-server-${NATS_SERVER_VERSION}-${target.os}-${target.arch}`);
  if (!existsSync(path)) await buildServer(path, target, say);
  const server = { path, version: NATS_SERVER_VERSION, sha256: hashFile(path) };
  const packages = await buildExecutable({
    root,
    outfile,
    runtime: await obtainRuntime({ root, target, folder }),
    server,
    target: target.name,
    commit: commitOfTree(),
  });
  return { packages, server };
}

async function buildServer(
  path: string,
  { os, arch }: Target,
  say: (line: string) => void,
): Promise<void> {
  const go = Bun.which("go");
  if (!go) throw new Error("Go is needed: the nats-server of each target is built from source");
  mkdirSync(dirname(path), { recursive: true });
  const target = `${path}.${process.pid}.tmp`;
  await buildWithGo({ go, env: process.env, target, platform: { os, arch }, say });
  renameSync(target, path);
}
