/**
 * `bun run release [-- TARGET…]`: makes dist/release: for each target an archive with the executable,
 * its licences, manual, completions and examples to deploy it, a bill of materials, and SHA256SUMS.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readTree, renderCompletions, SHELLS } from "../src/cli/command-tree.ts";
import { root as commands } from "../src/cli/root.ts";
import { VERSION } from "../src/core/version.ts";
import { hashFile } from "../src/nats/find-server.ts";
import { buildForTarget } from "./build/for-target.ts";
import { goParts, npmParts, type Part, renderThirdParty, runtimePart } from "./build/parts.ts";
import { renderSbom } from "./build/sbom.ts";
import { TARGETS, type Target } from "./build/targets.ts";

const ROOT = join(import.meta.dir, "..");
const OUT = join(ROOT, "dist/release");

/** Makes one target's archive and bill of materials. */
async function release(target: Target): Promise<void> {
  const name = `unibus-${VERSION}-${target.name}`;
  const folder = join(OUT, name);
  const executable = join(folder, target.os === "windows" ? "unibus.exe" : "unibus");
  const { packages, server } = await buildForTarget({
    root: ROOT,
    target,
    outfile: executable,
    say,
  });
  const parts: readonly Part[] = [
    runtimePart(ROOT),
    ...npmParts(ROOT, packages),
    ...goParts(server.path, join(ROOT, "native/nats-server")),
  ];
  writeFileSync(join(folder, "THIRD-PARTY.txt"), renderThirdParty(parts));
  await addPapers(folder);
  const bill = renderSbom({
    target: target.name,
    executableSha256: hashFile(executable),
    natsServerSha256: server.sha256,
    parts,
  });
  writeFileSync(join(folder, "sbom.cdx.json"), bill);
  writeFileSync(join(OUT, `${name}.cdx.json`), bill);
  await archive(name);
  const megabytes = (Bun.file(executable).size / 1e6).toFixed(1);
  say(`${name}: ${megabytes} MB, SHA-256 ${hashFile(executable)}`);
  rmSync(folder, { recursive: true });
}

/** What a user wants beside the executable. */
async function addPapers(folder: string): Promise<void> {
  cpSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  cpSync(join(ROOT, "docs/reference/unibus.1"), join(folder, "unibus.1"));
  cpSync(join(ROOT, "deploy"), join(folder, "deploy"), {
    recursive: true,
    // What `unibus cert dev` may have made here is nobody else's.
    filter: (path) => !path.endsWith("/deploy/tls"),
  });
  mkdirSync(join(folder, "completions"));
  const tree = await readTree(commands);
  for (const shell of SHELLS) {
    writeFileSync(join(folder, "completions", `unibus.${shell}`), renderCompletions(shell, tree));
  }
}

/** Packs a folder; names, owners and times are the same wherever it is done. */
async function archive(name: string): Promise<void> {
  const same = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"];
  const modes = ["--mode=u+rwX,go+rX,go-w", "--format=ustar"];
  const child = Bun.spawn(["tar", ...same, ...modes, "-cf", `${name}.tar`, name], {
    cwd: OUT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await child.exited) !== 0) throw new Error(`Cannot pack ${name}`);
  const packed = Bun.spawn(["gzip", "-9", "-n", "-f", `${name}.tar`], { cwd: OUT });
  if ((await packed.exited) !== 0) throw new Error(`Cannot compress ${name}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

if (import.meta.main) {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !TARGETS.some((target) => target.name === name));
  if (unknown.length > 0) throw new Error(`No such target: ${unknown.join(", ")}`);
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const targets = TARGETS.filter(({ name }) => asked.length === 0 || asked.includes(name));
  for (const target of targets) await release(target);
  const sums = readdirSync(OUT)
    .sort()
    .map((name) => `${hashFile(join(OUT, name))}  ${name}\n`);
  writeFileSync(join(OUT, "SHA256SUMS"), sums.join(""));
  process.stdout.write(sums.join(""));
}
