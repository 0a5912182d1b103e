import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { openStoreForReading } from "../../src/store/open.ts";
import { type Answered, openCallers, type SigningCaller, send } from "./callers.ts";
import { count, recordProof } from "./counts.ts";
import { eventually } from "./eventually.ts";
import { repeat } from "./scene.ts";
import type { RunningUnibus } from "./unibus.ts";

const PER_SECOND = 10;

/** A body of the largest size that a change may have: what is in it, and blanks. */
export function paddedBody(value: object, sizeBytes = 16 * 1024): string {
  const text = JSON.stringify(value);
  return text.slice(0, -1) + " ".repeat(sizeBytes - Buffer.byteLength(text)) + text.slice(-1);
}

/** Asks for a change that nobody without rights may make, in the largest body. */
export async function askInVain(
  caller: SigningCaller,
  { url, number }: { readonly url: string; readonly number: number },
): Promise<Answered> {
  const path = `/v1/rooms/${"a".repeat(26)}/members/${caller.user}`;
  const asked = { method: "PUT", url: `${url}${path}`, body: paddedBody({ role: "member" }) };
  const headers = {
    "content-type": "application/json",
    "idempotency-key": `${number}`.padEnd(128, "-"),
  };
  const proof = caller.signer.sign({ ...asked, headers });
  const { method, body } = asked;
  return await send({ url: asked.url, init: { method, body, headers: { ...headers, ...proof } } });
}

/** Bytes of the database of a node, and of the streams of its nats-server. */
export function storedBytes(dataDir: string): number {
  return readdirSync(dataDir, { recursive: true })
    .map((name) => String(name))
    .filter((name) => /\.db(-wal)?$|jetstream/.test(name))
    .map((name) => statSync(join(dataDir, name), { throwIfNoEntry: false }))
    .reduce((sum, about) => sum + (about?.isFile() ? about.size : 0), 0);
}

/**
 * Has a user of no rights ask each node in vain, as often as it may: many times at once, and for as long
 * as it likes ten times a second. Answers what it was told, and by how many bytes and entries
 * all that is stored grew.
 */
export async function growByRefusals(
  name: string,
  nodes: readonly RunningUnibus[],
): Promise<{
  readonly told: ReadonlySet<string>;
  readonly grownBytes: number;
  readonly entries: number;
}> {
  const asking = await Promise.all(nodes.map(async (unibus) => openCallers(unibus)));
  const [first] = asking;
  if (!first) throw new Error("There is no node");
  const { signer, user } = first.signing();
  await first.operator.get("POST", "/v1/users", { user });
  const callers = asking.map((one) => one.signing(signer));
  await Promise.all(callers.map((caller) => untilKnown(caller)));
  const stored = () => nodes.reduce((sum, { dataDir }) => sum + storedBytes(dataDir), 0);
  const recorded = () => nodes.reduce((sum, { dataDir }) => sum + refusedEntries(dataDir), 0);
  const before = { bytes: stored(), entries: recorded() };
  const told = new Map<string, number>();
  let number = 0;
  const everywhere = (): Promise<unknown> =>
    Promise.all(
      callers.map(async (caller, at) => {
        const url = nodes[at]?.httpUrl ?? "";
        const answer = (await askInVain(caller, { url, number: number++ })).told;
        told.set(answer, (told.get(answer) ?? 0) + 1);
      }),
    );
  await repeat(count("refused-changes-at-once"), everywhere);
  const seconds = count("refused-change-seconds");
  const startedAt = performance.now();
  for (let at = 0; at < seconds * PER_SECOND; at++) {
    await Bun.sleep(Math.max(0, startedAt + (at * 1000) / PER_SECOND - performance.now()));
    await everywhere();
  }
  const grownBytes = stored() - before.bytes;
  const entries = recorded() - before.entries;
  recordProof(`${name}: refused changes at a user's full rate`, {
    ...{ seconds, refused: number, grownBytes, entries },
    answers: [...told].map(([answer, times]) => `${answer}: ${times}`).join(", "),
  });
  return { told: new Set(told.keys()), grownBytes, entries };
}

/** How many entries of a node's journal changed nothing. */
function refusedEntries(dataDir: string): number {
  using store = openStoreForReading({ path: join(dataDir, "unibus.db") });
  const row = store.database
    .query<{ count: number }, []>(
      `SELECT count(*) AS count FROM journal WHERE instr(outcome, '"status":"applied"') = 0`,
    )
    .get();
  return row?.count ?? 0;
}

async function untilKnown(caller: SigningCaller): Promise<void> {
  await eventually(async () => (await caller.ask("GET", "/v1/me")).status === 200);
}
