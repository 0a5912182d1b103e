import type { ApiNumbers } from "./api-load.ts";
import type { FixedAnswer } from "./api-peers.ts";
import type { ApiNode, Peers } from "./api-scene.ts";
import { runLoad } from "./servers.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

/** As many as wrk was given where the aim comes from. */
export const CONNECTIONS = 32;
const COUNT = 60_000;
/** What a node in off answers to whoever does not sign: of all routes it asks for least. */
const PATH = "/v1/me";

/** One side of a comparison: a port, and the process that answers there. */
export interface Side {
  readonly port: number;
  readonly pid: number;
}

/** Headers that HTTP needs of every server; the others belong to the answer. */
const OF_HTTP = ["connection", "content-length", "date", "transfer-encoding"];

/** What a node answers, so that others can answer the same. */
export async function fixedAnswer(response: Response): Promise<FixedAnswer> {
  if (!response.ok) throw new Error(`A node answered ${response.status}`);
  const headers = [...response.headers].filter(([name]) => !OF_HTTP.includes(name));
  return { headers: Object.fromEntries(headers), body: await response.text() };
}

/** The cheapest route, which asks for no signature and no row, beside Bun and Elysia alone. */
export async function benchRoute(options: {
  readonly runs: number;
  /** A node in off. */
  readonly node: ApiNode;
  readonly peers: Peers;
  readonly prefix: readonly string[];
}): Promise<readonly Row[]> {
  const { runs, node, peers, prefix } = options;
  const answer = await fixedAnswer(await fetch(`http://127.0.0.1:${node.port}${PATH}`));
  const peer = (port: number): Side => ({ port, pid: peers.pid });
  const sides = {
    node,
    route: peer(await peers.ask({ kind: "route", answer, by: "node" })),
    elysia: peer(await peers.ask({ kind: "route", answer, by: "elysia" })),
    aot: peer(await peers.ask({ kind: "route", answer, by: "elysia-aot" })),
    raw: peer(await peers.ask({ kind: "raw", answer })),
    again: peer(await peers.ask({ kind: "raw", answer })),
  };
  const busy: number[] = [];
  const round = (side: Side) => async (): Promise<number> => {
    const { port, pid } = side;
    const requests = { kind: "same", path: PATH, headers: {} };
    const job = { port, pid, connections: CONNECTIONS, count: COUNT, requests };
    const numbers = await runLoad<ApiNumbers>("api-load", job, prefix);
    if (side === sides.raw) busy.push(numbers.generatorBusy);
    return numbers.perSecond;
  };
  const parts = {
    node: round(sides.node),
    route: round(sides.route),
    elysia: round(sides.elysia),
    aot: round(sides.aot),
    raw: round(sides.raw),
    again: round(sides.again),
  };
  // The first run of each is slower: what it runs is compiled meanwhile.
  for (const part of Object.values(parts)) await part();
  busy.length = 0;
  const rate = await interleave(runs, parts);
  const aim = "≥ 0.90";
  return [
    { what: "GET /v1/me, not signed, a node in off", unit: "/s", spread: spreadOf(rate.node) },
    { what: "its route alone, nothing before it", unit: "/s", spread: spreadOf(rate.route) },
    { what: "its route alone, by Elysia itself", unit: "/s", spread: spreadOf(rate.elysia) },
    { what: "the same, with code from strings", unit: "/s", spread: spreadOf(rate.aot) },
    { what: "raw Bun.serve, the same answer", unit: "/s", spread: spreadOf(rate.raw) },
    { what: "node / raw", unit: "", spread: ratioOf(rate.node, rate.raw) },
    { what: "route alone / raw", unit: "", spread: ratioOf(rate.route, rate.raw), aim },
    { what: "Elysia itself / raw", unit: "", spread: ratioOf(rate.elysia, rate.raw) },
    { what: "with code from strings / raw", unit: "", spread: ratioOf(rate.aot, rate.raw) },
    { what: "raw / raw (A/A)", unit: "", spread: ratioOf(rate.again, rate.raw) },
    { what: "cores that the load took, against raw", unit: "", spread: spreadOf(busy) },
  ];
}
