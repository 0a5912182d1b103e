import type { ApiNode, Peers } from "./api-scene.ts";
import { fixedAnswer, loadOf, type Side } from "./api-side.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

const COUNT = 60_000;
/** What a node in off answers to whoever does not sign: of all routes it asks for least. */
const PATH = "/v1/me";

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
  const load = {
    requests: { kind: "same", path: PATH, headers: {} },
    count: COUNT,
    prefix,
  } as const;
  const us: Record<"node" | "route" | "raw", number[]> = { node: [], route: [], raw: [] };
  const round = (side: Side, kept?: number[]) => async (): Promise<number> => {
    const { perSecond, serverUs } = await loadOf(side, load);
    kept?.push(serverUs);
    return perSecond;
  };
  const parts = {
    node: round(sides.node, us.node),
    route: round(sides.route, us.route),
    elysia: round(sides.elysia),
    aot: round(sides.aot),
    raw: round(sides.raw, us.raw),
    again: round(sides.again),
    busy: async () => (await loadOf(sides.raw, { ...load, maySleep: true })).generatorBusy,
  };
  // The first run of each is slower: what it runs is compiled meanwhile.
  for (const part of Object.values(parts)) await part();
  for (const numbers of Object.values(us)) numbers.length = 0;
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
    { what: "raw / node, processor time", unit: "", spread: ratioOf(us.raw, us.node) },
    { what: "raw / route, processor time", unit: "", spread: ratioOf(us.raw, us.route), aim },
    { what: "Elysia itself / raw", unit: "", spread: ratioOf(rate.elysia, rate.raw) },
    { what: "with code from strings / raw", unit: "", spread: ratioOf(rate.aot, rate.raw) },
    { what: "raw / raw (A/A)", unit: "", spread: ratioOf(rate.again, rate.raw) },
    { what: "cores that the load needs at the rate of raw", unit: "", spread: spreadOf(rate.busy) },
  ];
}
