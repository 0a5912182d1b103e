import type { NewToken } from "../../src/contract/tokens.ts";
import { createSigner } from "../../tests/harness/signer.ts";
import type { RequestKind } from "./api-load.ts";
import {
  type ApiNode,
  type Bus,
  benchRoom,
  benchUser,
  type Peers,
  populationOf,
  randomPairs,
} from "./api-scene.ts";
import { fixedAnswer, loadOf } from "./api-side.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

/** Requests of one run; a node remembers each nonce for a minute, and has room for 200,000. */
const COUNT = 8_000;
const RAW_COUNT = 60_000;
const ONE_BY_ONE = 300;
const CHANGES = 200;
/** Users who ask, all that a bus of 100 memberships has. */
const USERS = 20;
const VERIFICATIONS = 3_000;
const LOOKUPS = 20_000;

/** Signed GETs of rooms by members, a random one of the asking user each time. */
export function signedGets(
  {
    node,
    memberships,
  }: { readonly node: { readonly busId: string }; readonly memberships: number },
  { count, users: asking = USERS }: { readonly count: number; readonly users?: number },
): RequestKind {
  const pairs = randomPairs(populationOf(memberships), { users: asking, count });
  const users = [...new Set(pairs.map(({ user }) => user))];
  const places = new Map(users.map((user, place) => [user, place]));
  return {
    kind: "signed",
    busId: node.busId,
    seeds: users.map(seedOf),
    asks: pairs.map(({ user, room }) => {
      return { user: places.get(user) ?? 0, path: `/v1/rooms/${benchRoom(room)}` };
    }),
    method: "GET",
    body: null,
  };
}

function seedOf(user: number): string {
  return Buffer.from(benchUser(user).seed).toString("hex");
}

/** Microseconds of the SQL that a GET of a room needs, in the database of a bus. */
export function lookUp(peers: Peers, { node, memberships }: Bus): Promise<number> {
  const path = `${node.dataDir}/unibus.db`;
  return peers.ask({ kind: "sql", path, memberships, users: USERS, times: LOOKUPS });
}

interface Options {
  readonly runs: number;
  /** A bus of few memberships under enforce. */
  readonly few: Bus;
  /** A node in off with the same users, for what changes something. */
  readonly open: ApiNode;
  readonly peers: Peers;
  readonly prefix: readonly string[];
}

/** A signed GET beside its ceiling, the sum of what it cannot do without; then tokens and changes. */
export async function benchSigned(options: Options): Promise<readonly Row[]> {
  const { runs, few, peers, prefix } = options;
  const room = `/v1/rooms/${benchRoom(0)}`;
  const answer = await fixedAnswer(await askSigned(few.node, "GET", room, null));
  const raw = { port: await peers.ask({ kind: "raw", answer }), pid: peers.pid };
  const token = await makeToken(few.node);
  const headers = { authorization: `Bearer ${token}` };
  const bearer: RequestKind = { kind: "same", path: room, headers };
  const us: { readonly signed: number[]; readonly raw: number[] } = { signed: [], raw: [] };
  const parts = {
    async signed() {
      const requests = signedGets(few, { count: COUNT });
      const numbers = await loadOf(few.node, { requests, count: COUNT, prefix });
      us.signed.push(numbers.serverUs);
      return numbers.perSecond;
    },
    async raw() {
      const requests = signedGets(few, { count: COUNT });
      const numbers = await loadOf(raw, { requests, count: RAW_COUNT, prefix });
      us.raw.push(numbers.serverUs);
      return numbers.perSecond;
    },
    verify: () => peers.ask({ kind: "verify", times: VERIFICATIONS }),
    sql: () => lookUp(peers, few),
    async bearer() {
      const numbers = await loadOf(few.node, { requests: bearer, count: COUNT, prefix });
      return numbers.perSecond;
    },
  };
  // The first run of each is slower: what it runs is compiled meanwhile.
  for (const part of Object.values(parts)) await part();
  for (const numbers of Object.values(us)) numbers.length = 0;
  const measured = await interleave(runs, parts);
  return [
    ...ceilingRows(measured, us),
    { what: "the same GET with a token", unit: "/s", spread: spreadOf(measured.bearer) },
    ...(await benchOneByOne(options)),
  ];
}

interface Measured {
  readonly signed: readonly number[];
  readonly raw: readonly number[];
}

/** A signed GET beside the sum of its parts, by the clock and by the processor's time. */
function ceilingRows(
  rate: Measured & { readonly verify: readonly number[]; readonly sql: readonly number[] },
  us: Measured,
): readonly Row[] {
  const work = rate.verify.map((verify, run) => verify + (rate.sql[run] ?? 0));
  const ceiling = rate.raw.map((perSecond, run) => 1e6 / (1e6 / perSecond + (work[run] ?? 0)));
  const least = us.raw.map((raw, run) => raw + (work[run] ?? 0));
  const aim = "≥ 0.85";
  return [
    { what: "signed GET of a room, 100 memberships", unit: "/s", spread: spreadOf(rate.signed) },
    { what: "raw Bun.serve, the same bytes", unit: "/s", spread: spreadOf(rate.raw) },
    { what: "Ed25519 verify by node:crypto", unit: "µs", spread: spreadOf(rate.verify) },
    { what: "the SQL of that GET, four reads", unit: "µs", spread: spreadOf(rate.sql) },
    { what: "ceiling, 1 / (raw + verify + SQL)", unit: "/s", spread: spreadOf(ceiling) },
    { what: "signed GET / ceiling", unit: "", spread: ratioOf(rate.signed, ceiling), aim },
    { what: "processor time of a signed GET", unit: "µs", spread: spreadOf(us.signed) },
    { what: "processor time of its parts", unit: "µs", spread: spreadOf(least) },
    { what: "parts / signed GET", unit: "", spread: ratioOf(least, us.signed), aim },
  ];
}

/** One request after the other: how long a signed GET and a signed change take. */
async function benchOneByOne(options: Options): Promise<readonly Row[]> {
  const { runs, few, open, peers, prefix } = options;
  const p99: number[] = [];
  const one = { connections: 1, prefix };
  const ms = await interleave(runs, {
    async get() {
      const requests = signedGets(few, { count: ONE_BY_ONE });
      const numbers = await loadOf(few.node, { requests, count: ONE_BY_ONE, ...one });
      p99.push(numbers.p99Ms);
      return numbers.p50Ms;
    },
    async change() {
      const requests = roomCreates(open);
      return (await loadOf(open, { requests, count: CHANGES, ...one })).p50Ms;
    },
    insert: () => {
      const path = `${open.dataDir}/bench.db`;
      return peers.ask({ kind: "insert", path, times: CHANGES });
    },
  });
  return [
    { what: "one signed GET after the other, p50", unit: "ms", spread: spreadOf(ms.get) },
    { what: "the same, p99", unit: "ms", spread: spreadOf(p99) },
    {
      what: "one signed POST of a room after the other, p50",
      unit: "ms",
      spread: spreadOf(ms.change),
    },
    { what: "one row written to the disk, p50", unit: "ms", spread: spreadOf(ms.insert) },
    { what: "POST / one row", unit: "", spread: ratioOf(ms.change, ms.insert) },
  ];
}

function roomCreates({ busId }: ApiNode): RequestKind {
  const users = populationOf(100).users;
  return {
    kind: "signed",
    busId,
    seeds: Array.from({ length: users }, (_, user) => seedOf(user)),
    asks: Array.from({ length: CHANGES }, (_, at) => ({ user: at % users, path: "/v1/rooms" })),
    method: "POST",
    body: JSON.stringify({ name: "bench" }),
  };
}

async function makeToken(node: ApiNode): Promise<string> {
  const answer = await askSigned(node, "POST", "/v1/tokens", { scope: "read" });
  const { secret }: NewToken = JSON.parse(await answer.text());
  return secret;
}

/** Asks as the first user, and demands that it is answered well. */
async function askSigned(
  { port, busId }: ApiNode,
  method: "GET" | "POST",
  path: string,
  said: object | null,
): Promise<Response> {
  const url = `http://127.0.0.1:${port}${path}`;
  const body = said && JSON.stringify(said);
  const signed = createSigner(busId, benchUser(0)).sign({ method, url, body, headers: {} });
  const type = body === null ? {} : { "content-type": "application/json" };
  const answer = await fetch(url, { method, body, headers: { ...type, ...signed } });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}
