/**
 * Makes a checkout ready: the packages of bun.lock and a nats-server. It runs before any package is
 * there, so neither it nor what it imports at the top may need one.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { acquireLock } from "../src/system/lock.ts";

const ROOT = join(import.meta.dir, "..");
/** Longer than the longest setup takes. */
const OTHER_SETUP_MS_MAX = 30 * 60_000;
const SAY_AFTER_MS = 700;

/** Two installs at once break each other: of three, two left a bun that does not run. */
async function waitForOtherSetup(): Promise<Disposable> {
  const folder = join(ROOT, "node_modules");
  mkdirSync(folder, { recursive: true });
  const startedAt = performance.now();
  let said = false;
  for (;;) {
    const lock = acquireLock(folder, ".setup.lock");
    if (lock) return lock;
    const waitedMs = performance.now() - startedAt;
    if (waitedMs > OTHER_SETUP_MS_MAX) throw new Error("Cannot set up: another setup never ends");
    if (waitedMs > SAY_AFTER_MS && !said) {
      say("Waiting for another setup of this checkout");
      said = true;
    }
    await Bun.sleep(50);
  }
}

async function installPackages(): Promise<void> {
  const slow = setTimeout(() => say("Installing the packages of bun.lock"), SAY_AFTER_MS);
  const install = Bun.spawn([process.execPath, "install", "--frozen-lockfile"], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(install.stdout).text(),
    new Response(install.stderr).text(),
    install.exited,
  ]);
  clearTimeout(slow);
  if (code !== 0) {
    throw new Error(`${stderr}${stdout}\nCannot install the packages of bun.lock (exit ${code})`);
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  using _ = await waitForOtherSetup();
  await installPackages();
  const { obtainNatsServer } = await import("./nats-server.ts");
  await obtainNatsServer({ env: process.env, say });
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
