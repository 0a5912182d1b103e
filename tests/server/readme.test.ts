import { afterAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { copyCheckout, plainPath } from "../harness/checkout.ts";
import { proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { openOwnNetwork } from "../harness/own-network.ts";
import { type ReadmeStep, readReadmeSteps } from "../harness/readme.ts";
import { openTerminal, type Terminal } from "../harness/terminal.ts";
import { cleanEnvironment, temporaryFolder } from "../harness/unibus.ts";

const README = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");
const steps = readReadmeSteps(README);
const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

const checkout = join(folder.path, "unibus");
mkdirSync(checkout);
copyCheckout(checkout, { installed: true });
const env = environment();
/** Two clients of others where nats-py can be had; else nats.js speaks for both. */
const python = await fetchWhatIsAsked();
const network = await openOwnNetwork();
afterAll(() => network?.[Symbol.asyncDispose]());

function environment(): Record<string, string> {
  const { XDG_CACHE_HOME } = process.env;
  const cache = XDG_CACHE_HOME ? { XDG_CACHE_HOME } : {};
  return cleanEnvironment({ PATH: plainPath(), ...cache });
}

/** Runs the README's blocks that fetch something; false when one fails. */
async function fetchWhatIsAsked(): Promise<boolean> {
  // How this machine reaches registries may stand in its environment.
  const all = Object.entries(process.env).map(([name, value]) => [name, value ?? ""]);
  const online = { ...Object.fromEntries(all), PATH: plainPath() };
  await using terminal = openTerminal({ cwd: checkout, env: online });
  for (const step of steps) {
    if (step.kind !== "type" || !step.online) continue;
    for (const line of step.lines) if ((await terminal.type(line)) !== 0) return false;
  }
  return true;
}

/** Says a line as it is typed here: without Python, and on other ports where these are not free. */
function here(line: string): string {
  const spoken = python
    ? line
    : line
        .replace(".venv/bin/python tests/stock/talk.py", "node tests/stock/talk.mjs")
        .replace("nats: 'Authorization Violation'", "Authorization Violation");
  if (network) return spoken;
  return spoken
    .replace("npm start", "npm start -- --nats-port 34250 --http-port 38470")
    .replaceAll("127.0.0.1:8470", "127.0.0.1:38470");
}

async function follow(step: ReadmeStep, open: (number: number) => Terminal): Promise<void> {
  const terminal = open(step.terminal);
  if (step.kind === "shows") {
    const lines = network ? step.lines : step.lines.filter((line) => !/:(4250|8470)$/.test(line));
    return await terminal.shows(lines.map(here));
  }
  if (step.online) return;
  const last = step.lines.length - 1;
  for (const [at, line] of step.lines.entries()) {
    if (step.stays && at === last) return terminal.leave(here(line));
    const code = await terminal.type(here(line));
    const wanted = step.fails && at === last ? 1 : 0;
    if (code !== wanted) throw new Error(`${line}: exit ${code}\n${terminal.shown.join("\n")}`);
  }
}

const clients = python ? "nats.js and nats-py" : "nats.js alone";

test("the quick start starts a node, speaks, asks, and revokes", () => {
  const typed = steps.flatMap((step) => (step.kind === "type" ? step.lines : []));
  for (const words of ["npm start", " say ", " ask ", " listen", " answer", "user revoke bob"]) {
    expect(typed.filter((line) => line.includes(words))).not.toBeEmpty();
  }
});

if (!python) {
  test.skip("nats-py is one of the quick start's two clients: it needs python3 with venv, and PyPI", () => {});
}

test(`the README's lines let two keys talk with ${clients}, and throw one out [M-002, G-13]`, async () => {
  await using stack = new AsyncDisposableStack();
  const terminals = new Map<number, Terminal>();
  const open = (number: number): Terminal => {
    const known = terminals.get(number);
    if (known) return known;
    const terminal = stack.use(openTerminal({ cwd: checkout, env, prefix: network?.prefix ?? [] }));
    terminals.set(number, terminal);
    return terminal;
  };
  const waits = new Set<number>();
  for (const step of steps) {
    // What stays in another terminal has begun when that shows its first line.
    if (step.kind === "type") for (const number of waits) await begun(open(number));
    waits.clear();
    await follow(step, open);
    if (step.kind === "type" && step.stays) waits.add(step.terminal);
  }
  const node = open(1);
  expect(node.shown.join("\n")).toContain("user-revoked");
  await expectAliceTalks(open(2), open(4));
  await expectHealthy(open(2));

  await node.interrupt();
  expect(node.shown.at(-1)).toContain("bye");

  const again = stack.use(openTerminal({ cwd: checkout, env, prefix: network?.prefix ?? [] }));
  again.leave(here("npm start"));
  await again.shows(["unibus is up, and only admitted keys may connect.", "Stop with Ctrl-C."]);
  expect(again.shown.join("\n")).not.toContain("first admin");
  await again.interrupt();
  if (proving) {
    recordProof("readme", { lines: steps.length, clients, offline: network ? "yes" : "no" });
  }
}, 180_000);

async function begun(terminal: Terminal): Promise<void> {
  await eventually(() => terminal.shown.length > 0, { timeoutMs: 60_000, what: "a first line" });
}

/** What the README says after bob was thrown out. */
async function expectAliceTalks(typed: Terminal, listens: Terminal): Promise<void> {
  await typed.type("node tests/stock/talk.mjs alice.room.json alice.nk say 'still here'");
  await listens.shows(["alice: still here"]);
}

async function expectHealthy(terminal: Terminal): Promise<void> {
  const port = network ? 8470 : 38470;
  const ask = `fetch("http://127.0.0.1:${port}/healthz").then(async (answer) => console.log(answer.status, (await answer.json()).ready))`;
  expect(await terminal.type(`node -e '${ask}'`)).toBe(0);
  await terminal.shows(["200 true"]);
}
