/**
 * `npm run bench`: measures what docs/benchmarks.md tells, each thing beside what it is compared with,
 * in runs that take turns. `-- PART…` measures only some parts, `--quick` in few runs, `--json` prints
 * a document, `--write` writes docs/benchmarks.md, `--machine WORDS` says on what.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findNatsServer } from "../../src/nats/find-server.ts";
import { commitOfTree } from "../prove.ts";
import { benchApi } from "./api.ts";
import { benchBusyLogins } from "./busy.ts";
import { benchLateNode } from "./cluster-late.ts";
import { benchClusterMessages } from "./cluster-messages.ts";
import { benchClusterWrites } from "./cluster-writes.ts";
import { benchExecutable } from "./executable.ts";
import { benchLogins } from "./logins.ts";
import { benchMessages } from "./messages.ts";
import { benchCommands, benchStarts } from "./starts.ts";
import { type Row, wordsOf } from "./statistics.ts";

const ROOT = join(import.meta.dir, "../..");
const PAGE = join(ROOT, "docs/benchmarks.md");

interface Part {
  readonly name: string;
  readonly about: string;
  readonly rows: readonly Row[];
}

interface Result {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly versions: string;
  readonly parts: readonly Part[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    machine: { type: "string" },
  },
});

async function main(): Promise<void> {
  if (values.write && (values.quick || positionals.length > 0)) {
    throw new Error("--write takes a whole run: neither --quick nor a PART");
  }
  const server = await findNatsServer({ env: process.env });
  const parts: Part[] = [];
  for (const [name, part] of Object.entries(partsOf(server.path, values.quick))) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    process.stderr.write(`measuring ${name} …\n`);
    parts.push({ name, about: part.about, rows: await part.measure() });
  }
  const result: Result = {
    date: new Date().toISOString().slice(0, 10),
    commit: commitOfTree(),
    machine: values.machine ?? machineWords(),
    versions: `Bun ${Bun.version}, nats-server ${server.version}`,
    parts,
  };
  if (values.write) writeFileSync(PAGE, pageOf(result));
  const text = values.json ? `${JSON.stringify(result, null, 2)}\n` : pageOf(result);
  process.stdout.write(text);
}

type Measures = Readonly<
  Record<string, { readonly about: string; readonly measure: () => Promise<readonly Row[]> }>
>;

function partsOf(natsServer: string, quick: boolean): Measures {
  const runs = quick ? 2 : 12;
  return {
    starts: {
      about: "From spawning the process to ready, in a fresh folder, on free ports.",
      measure: () => benchStarts({ natsServer, runs: quick ? 2 : 20 }),
    },
    commands: {
      about: "A whole command against a running node, from spawning to its end.",
      measure: () => benchCommands({ runs: quick ? 3 : 30 }),
    },
    executable: {
      about:
        "The one file, built for the bench: its size; from spawning it to ready, in a fresh folder, and after the kernel forgot the file; whole commands against a running node; resident memory of both processes after ten seconds without work. nats-server's memory counts its program, which the node runs from memory.",
      measure: () => benchExecutable({ natsServer, runs: quick ? 2 : 12 }),
    },
    logins: {
      about:
        "TCP connect, INFO, a signature, CONNECT, PONG, by a raw client that signs natively; 64 users. A node decides by auth callout, the other is the same nats-server binary with the same keys in its configuration. 2,000 logins a run with 32 in flight, then 300 one after the other.",
      measure: () => benchLogins({ natsServer, runs }),
    },
    busy: {
      about:
        "200 good logins a run, one after the other, each state in turn. Copying is `VACUUM INTO` on the thread that answers the API. Of the bad logins half offer a user's key with a wrong signature, half an unknown key.",
      measure: () => benchBusyLogins({ runs }),
    },
    api: {
      about:
        "HTTP over loopback from 32 connections with one request under way on each, by a generator of our own that never sleeps, servers on one core and the load on the other, rates not limited. Requests are made and signed beforehand, each with its nonce and certificate, as our client sends them. Raw Bun.serve answers the same bytes to the same requests. A route alone is `GET /v1/me` with its contract, nothing before it. The ceiling of a signed GET is what it cannot do without, each measured alone; processor time is that of all threads of the server. The buses were made through `apply`: 20 members in a room, 20 users ask, each for a random room of its own.",
      measure: () => benchApi({ runs: quick ? 2 : 12, many: quick ? 10_000 : 1_000_000 }),
    },
    messages: {
      about:
        "From one connection to another through one subject of a room, 500,000 messages a run, raw clients in a process of their own, servers on one core and the load on the other.",
      measure: () =>
        benchMessages({ natsServer, runs: quick ? 2 : 24, count: quick ? 100_000 : 500_000 }),
    },
    ...clusterParts(natsServer, quick),
  };
}

/** Parts of three nodes, which share this machine's cores and its disk. */
function clusterParts(natsServer: string, quick: boolean): Measures {
  return {
    "cluster-writes": {
      about:
        "`POST /v1/rooms` by the operator over the admin socket of each of three nodes in turn, until its entry is applied there, in an R3 stream with `sync_interval: always`. What it needs is a request and its acknowledgement by nats.js: the bytes of the same operation, into the same stream of three nats-servers with the configuration of the nodes' own. All of them share one machine and its disk.",
      measure: () => benchClusterWrites({ natsServer, runs: quick ? 2 : 6 }),
    },
    "cluster-messages": {
      about:
        "From a connection at one of three nodes to one at another, through one subject of a room, raw clients in a process of their own, all servers on one core and the load on the other; 16 B: 400,000 messages a run, 1 KiB: 100,000, at most 8 MiB under way. The same nats-servers alone have the configuration of the nodes' own, with the user and its rights in place of the callout; the nodes, at rest, run beside them on the same core.",
      measure: () =>
        benchClusterMessages({
          ...{ natsServer, runs: quick ? 2 : 12, count: quick ? 40_000 : 400_000 },
        }),
    },
    "cluster-late": {
      about:
        "From spawning the third node of a cluster until it is ready: it has applied all that the others have. It was away while the operations were made at the others, and its nats-server has to fetch their entries too; or its database is empty, and it takes and verifies a copy of a peer's.",
      measure: () => benchLateNode({ runs: quick ? 1 : 3, operations: quick ? 10_000 : 100_000 }),
    },
  };
}

function machineWords(): string {
  const gigabytes = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} cores (${process.arch}), ${gigabytes} GiB`;
}

function pageOf({ date, commit, machine, versions, parts }: Result): string {
  return [
    "# Benchmarks",
    "",
    `Written by \`npm run bench -- --write\` on ${date} at commit ${commit}: ${machine}, ${versions}.`,
    "Each number is the median of the runs, and in brackets what the middle half of them lay between.",
    "What is compared ran in turns (A B B A) in the same run of the bench; a ratio is that of",
    "neighbouring runs. To repeat it: `npm run bench`; `-- --quick` for a first look. No test asserts",
    "a time.",
    ...parts.flatMap(({ name, about, rows }) => [
      "",
      `## ${name}`,
      "",
      about,
      "",
      "| | median (middle half) | runs | aim |",
      "|---|---|---|---|",
      ...rows.map(({ what, unit, spread, aim }) => {
        const number = `${wordsOf(spread)}${unit === "" ? "" : ` ${unit}`}`;
        return `| ${what} | ${number} | ${spread.runs} | ${aim ?? ""} |`;
      }),
    ]),
    "",
    ...remarks(),
  ].join("\n");
}

/** What people wrote below the numbers stays. */
function remarks(): readonly string[] {
  const mark = "<!-- remarks -->";
  const before = existsSync(PAGE) ? readFileSync(PAGE, "utf8") : "";
  const at = before.indexOf(mark);
  return at < 0 ? [] : [before.slice(at)];
}

await main();
