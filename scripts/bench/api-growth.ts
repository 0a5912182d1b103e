import type { Bus, Peers } from "./api-scene.ts";
import { loadOf } from "./api-side.ts";
import { lookUp, signedGets } from "./api-signed.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

/** Few enough that all runs of a minute fit into the large node's memory of nonces. */
const COUNT = 6_000;
/** More users than those of the small bus: their keys and rows are to be found too. */
const CROWD = 1_000;

/** The same signed GET in a bus of few and of many memberships, each with its part of SQL alone. */
export async function benchGrowth(options: {
  readonly runs: number;
  readonly few: Bus;
  readonly large: Bus;
  readonly peers: Peers;
  readonly prefix: readonly string[];
}): Promise<readonly Row[]> {
  const { runs, few, large, peers, prefix } = options;
  const us: Record<"few" | "large" | "crowd", number[]> = { few: [], large: [], crowd: [] };
  const get = (bus: Bus, which: keyof typeof us, users: { readonly users?: number } = {}) => {
    return async (): Promise<number> => {
      const requests = signedGets(bus, { count: COUNT, ...users });
      const { perSecond, serverUs } = await loadOf(bus.node, { requests, count: COUNT, prefix });
      us[which].push(serverUs);
      return 1e6 / perSecond;
    };
  };
  const parts = {
    few: get(few, "few"),
    large: get(large, "large"),
    crowd: get(large, "crowd", { users: CROWD }),
    fewSql: () => lookUp(peers, few),
    largeSql: () => lookUp(peers, large),
  };
  // In the first run the node learns the keys of those who ask.
  for (const part of Object.values(parts)) await part();
  for (const numbers of Object.values(us)) numbers.length = 0;
  const time = await interleave(runs, parts);
  const aim = "≤ 1.2";
  const many = large.memberships.toLocaleString("en");
  const { operations, seconds, megabytes } = large.loaded;
  return [
    { what: "signed GET, 100 memberships", unit: "µs", spread: spreadOf(time.few) },
    { what: `signed GET, ${many} memberships`, unit: "µs", spread: spreadOf(time.large) },
    { what: "many / few", unit: "", spread: ratioOf(time.large, time.few), aim },
    { what: "many / few, processor time", unit: "", spread: ratioOf(us.large, us.few), aim },
    { what: "the same, 1,000 users ask instead of 20", unit: "µs", spread: spreadOf(time.crowd) },
    { what: "many / few", unit: "", spread: ratioOf(time.crowd, time.few), aim },
    { what: "many / few, processor time", unit: "", spread: ratioOf(us.crowd, us.few), aim },
    { what: "its SQL, 100 memberships", unit: "µs", spread: spreadOf(time.fewSql) },
    { what: `its SQL, ${many} memberships`, unit: "µs", spread: spreadOf(time.largeSql) },
    { what: "many / few, SQL alone", unit: "", spread: ratioOf(time.largeSql, time.fewSql) },
    {
      what: `loading ${operations.toLocaleString("en")} operations through apply`,
      unit: "s",
      spread: spreadOf([seconds]),
    },
    { what: "the database they make", unit: "MB", spread: spreadOf([megabytes]) },
    {
      what: "start of a node with it, its journal verified",
      unit: "ms",
      spread: spreadOf([large.node.readyMs]),
    },
  ];
}
