import { expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { copyCheckout, pathWithout } from "../harness/checkout.ts";
import { proving, recordProof } from "../harness/counts.ts";
import { openOwnNetwork } from "../harness/own-network.ts";
import { openTerminal, type Terminal } from "../harness/terminal.ts";
import { temporaryFolder } from "../harness/unibus.ts";

/** Packages are fetched and nats-server is built. */
const FIRST_START_MS = 300_000;

/** The environment of a user who never had Bun, a nats-server or our packages. */
function bareEnvironment(folder: string): Record<string, string> {
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || /^(UNIBUS_|BUN_|npm_|XDG_)/.test(name) ? [] : [[name, value] as const],
  );
  const home = join(folder, "home");
  mkdirSync(home);
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    PATH: pathWithout(join(folder, "bin"), ["bun", "bunx", "nats-server"]),
    // Where packages come from is this machine's matter, not the new user's.
    npm_config_userconfig: join(homedir(), ".npmrc"),
  };
}

async function expectNode(
  line: string,
  { terminal, asking }: { readonly terminal: Terminal; readonly asking: Terminal },
): Promise<void> {
  terminal.leave(line);
  const words = ["unibus is up, and only admitted keys may connect.", "Stop with Ctrl-C."];
  await terminal.shows(words, FIRST_START_MS);
  const url = terminal.shown.find((one) => /^ +API /.test(one))?.split(/ +/)[2];
  const ask = `fetch("${url}/healthz").then(async (answer) => console.log(answer.status, (await answer.json()).ready))`;
  expect(await asking.type(`node -e '${ask}'`)).toBe(0);
  await asking.shows(["200 true"]);
  await terminal.interrupt();
  expect(terminal.shown.at(-1)).toContain("bye");
}

const runs = proving && Bun.which("npm") && Bun.which("node") ? test : test.skip;

runs(
  "npm start makes a healthy node of a fresh clone without Bun on PATH, and again offline (prove: it takes minutes) [M-002]",
  async () => {
    using folder = temporaryFolder();
    const clone = join(folder.path, "clone");
    mkdirSync(clone);
    copyCheckout(clone, { installed: false });
    expect(existsSync(join(clone, "node_modules"))).toBeFalse();
    const place = { cwd: clone, env: bareEnvironment(folder.path) };

    const firstAt = performance.now();
    {
      await using terminal = openTerminal(place);
      await using asking = openTerminal(place);
      expect(await asking.type("command -v bun")).not.toBe(0);
      // Other nodes may run here and hold the usual ports.
      await expectNode("npm start -- --nats-port 0 --http-port 0", { terminal, asking });
    }
    const firstMs = performance.now() - firstAt;

    await using network = await openOwnNetwork();
    if (!network)
      throw new Error("No network of its own can be made here: unshare is not permitted");
    const secondAt = performance.now();
    await using terminal = openTerminal({ ...place, prefix: network.prefix });
    await using asking = openTerminal({ ...place, prefix: network.prefix });
    await expectNode("npm start", { terminal, asking });
    recordProof("fresh-clone", {
      firstStartSeconds: Math.round(firstMs / 1_000),
      secondStartOfflineMs: Math.round(performance.now() - secondAt),
    });
  },
  600_000,
);
