// Types what docs/cluster.md says, in shells, in an empty folder.
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { positionOf } from "../harness/cluster-evidence.ts";
import { unibusCommand } from "../harness/command.ts";
import { eventually } from "../harness/eventually.ts";
import { type OwnNetwork, openOwnNetwork } from "../harness/own-network.ts";
import { type RunbookStep, readRunbook } from "../harness/runbook.ts";
import { openTerminal, type Terminal } from "../harness/terminal.ts";
import { cleanEnvironment, run, temporaryFolder } from "../harness/unibus.ts";

const RUNBOOK = readFileSync(join(import.meta.dir, "../../docs/cluster.md"), "utf8");
const stories = readRunbook(RUNBOOK);

/** The machines of the runbook, which are this one. */
const HERE: Readonly<Record<string, string>> = {
  "n1.example.org": "127.0.0.11",
  "n2.example.org": "127.0.0.12",
  "n3.example.org": "127.0.0.13",
  "n4.example.org": "127.0.0.14",
  "n5.example.org": "127.0.0.15",
  "192.0.2.1": "127.0.0.11",
  "192.0.2.2": "127.0.0.12",
  "192.0.2.3": "127.0.0.13",
  "192.0.2.4": "127.0.0.14",
  "192.0.2.5": "127.0.0.15",
};

function here(line: string): string {
  return Object.entries(HERE).reduce(
    (text, [name, address]) => text.replaceAll(name, address),
    line,
  );
}

/** Shells of a story, and the folder that they are in. */
interface Stage {
  readonly folder: string;
  terminal(number: number): Terminal;
  /** Forgets a terminal that has ended: the next of its number is a new one. */
  forget(number: number): void;
  shown(): string;
}

function openStage(
  stack: AsyncDisposableStack,
  { folder, network }: { readonly folder: string; readonly network: OwnNetwork | null },
): Stage {
  const env = cleanEnvironment({ PATH: `${commandFolder(folder)}:${process.env.PATH}` });
  const cwd = join(folder, "work");
  mkdirSync(cwd);
  const terminals = new Map<number, Terminal>();
  return {
    folder: cwd,
    terminal(number) {
      const known = terminals.get(number);
      if (known) return known;
      const opened = stack.use(openTerminal({ cwd, env, prefix: network?.prefix ?? [] }));
      terminals.set(number, opened);
      return opened;
    },
    forget: (number) => void terminals.delete(number),
    shown: () =>
      [...terminals].map(([number, { shown }]) => `${number}:\n${shown.join("\n")}`).join("\n\n"),
  };
}

/** A folder in which `unibus` is a command, as where it is installed. */
function commandFolder(folder: string): string {
  const bin = join(folder, "bin");
  const file = join(bin, "unibus");
  mkdirSync(bin);
  writeFileSync(file, `#!/bin/sh\nexec ${unibusCommand().join(" ")} "$@"\n`);
  chmodSync(file, 0o755);
  return bin;
}

async function follow(step: RunbookStep, stage: Stage): Promise<void> {
  const terminal = stage.terminal(step.terminal);
  switch (step.kind) {
    case "type":
      return await type(step, terminal);
    case "says":
      await eventually(() => terminal.shown.some((line) => line.includes(step.text)), {
        ...{ timeoutMs: 60_000, what: `terminal ${step.terminal} to show "${step.text}"` },
      });
      return;
    case "stop":
      await terminal.interrupt();
      return stage.forget(step.terminal);
    case "gone":
      process.kill(-terminal.pid, "SIGKILL");
      await terminal[Symbol.asyncDispose]();
      rmSync(join(stage.folder, `n${step.terminal}`), { recursive: true });
      return stage.forget(step.terminal);
    default:
      return step satisfies never;
  }
}

async function type(
  { lines, stays }: Extract<RunbookStep, { kind: "type" }>,
  terminal: Terminal,
): Promise<void> {
  for (const [at, line] of lines.entries()) {
    if (stays && at === lines.length - 1) {
      const before = terminal.shown.length;
      terminal.leave(here(line));
      await eventually(() => terminal.shown.length > before, { timeoutMs: 60_000, what: line });
      return;
    }
    const code = await terminal.type(here(line));
    if (code !== 0) throw new Error(`${line}: exit ${code}`);
  }
}

/** Follows a story of the runbook to its end. */
async function play(name: string, act: (stage: Stage) => Promise<void>): Promise<void> {
  const steps = stories.get(name) ?? [];
  expect(steps.length).toBeGreaterThan(5);
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder()).path;
  const opened = await openOwnNetwork();
  const network = opened && stack.use(opened);
  const stage = openStage(stack, { folder, network });
  try {
    for (const step of steps) await follow(step, stage);
    await act(stage);
  } catch (error) {
    throw new Error(stage.shown(), { cause: error });
  }
}

/** The nodes that a node knows of. */
async function listed({ folder }: Stage, name: string): Promise<readonly string[]> {
  const ran = await run(["node", "list", "--json", "--data-dir", join(folder, name)]);
  return JSON.parse(ran.stdout).nodes.map(({ node }: { readonly node: string }) => node);
}

/** Waits until these nodes have the same history, and returns it. */
async function untilAlike({ folder }: Stage, names: readonly string[]): Promise<string> {
  const positions = () => names.map((name) => positionOf({ dataDir: join(folder, name) }));
  await eventually(() => new Set(positions()).size === 1, {
    ...{ timeoutMs: 20_000, everyMs: 50, what: `one history on ${names.join(", ")}` },
  });
  return positions()[0] ?? "";
}

test("the runbook's lines start three nodes, and a fourth by a token", async () => {
  await play("three", async (stage) => {
    await untilAlike(stage, ["n1", "n2", "n4"]);
    const listing = stage.terminal(9).shown.join("\n");
    expect(listing).toMatch(/^n4 +connected/m);
  });
}, 300_000);

test("the runbook's lines grow one node into three, mend them, and go on from one that is left", async () => {
  await play("grow", async (stage) => {
    await untilAlike(stage, ["n3", "n4", "n5"]);
    // The nodes that are gone are none any more, though nobody removed them.
    const names = async () => (await listed(stage, "n3")).join();
    await eventually(async () => (await names()) === "n3,n4,n5", { timeoutMs: 20_000 });
    for (const name of ["n1", "n2"]) expect(existsSync(join(stage.folder, name))).toBeFalse();
    expect(stage.terminal(9).shown.join("\n")).toContain("admin");
  });
}, 300_000);

test("each section says what clients notice, and no line of the runbook is typed in vain", () => {
  const sections = RUNBOOK.split(/^## /m).slice(1);
  const typed = sections.filter((section) => section.includes("<!-- test: "));
  expect(typed.length).toBeGreaterThan(6);
  for (const section of typed) expect(section).toMatch(/^\*Clients\*/m);
});
