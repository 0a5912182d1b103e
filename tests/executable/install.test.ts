import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../harness/eventually.ts";
import { testedExecutable } from "../harness/executable.ts";
import { openOwnNetwork } from "../harness/own-network.ts";
import { readReadmeSteps } from "../harness/readme.ts";
import { openTerminal, type Terminal } from "../harness/terminal.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const PAGE = readFileSync(join(import.meta.dir, "../../docs/install.md"), "utf8");
const network = await openOwnNetwork();

test.skipIf(network === null)(
  `the quick start of docs/install.md works in an empty home folder${network ? "" : " (missing: the permission to make a network of its own)"}`,
  async () => {
    using folder = temporaryFolder();
    const { path } = await testedExecutable();
    const home = join(folder.path, "home");
    const bin = join(folder.path, "bin");
    for (const one of [home, bin]) mkdirSync(one);
    symlinkSync(path, join(bin, "unibus"));
    await using stack = new AsyncDisposableStack();
    const env = { HOME: home, PATH: `${bin}:/usr/bin:/bin` };
    const terminals = new Map<number, Terminal>();
    const open = (number: number): Terminal => {
      const known = terminals.get(number);
      if (known) return known;
      const prefix = network?.prefix ?? [];
      const terminal = stack.use(openTerminal({ cwd: home, env, prefix }));
      terminals.set(number, terminal);
      return terminal;
    };

    for (const step of readReadmeSteps(PAGE)) {
      const terminal = open(step.terminal);
      if (step.kind === "shows") await terminal.shows(step.lines);
      else if (step.stays) for (const line of step.lines) terminal.leave(line);
      else {
        for (const line of step.lines) {
          if ((await terminal.type(line)) === 0) continue;
          throw new Error(`${line} failed:\n${terminal.shown.join("\n")}`);
        }
      }
    }
    const shown = open(2).shown.join("\n");
    for (const words of ["--nkey alice.nk", "data-plane", "nats-server", "SHA-256"]) {
      expect(shown).toContain(words);
    }
    // The node prints the next commands as they can be typed: by the name it was called with.
    await eventually(() => open(1).shown.some((line) => line === "  unibus key new alice.nk"));
    await open(1).interrupt();
    expect(open(1).shown.at(-1)).toContain("bye");
  },
  60_000,
);
