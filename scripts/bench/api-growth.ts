import type { Bus, Peers } from "./api-scene.ts";
import { loadOf, lookUp, signedGets } from "./api-signed.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

const COUNT = 8_000;

/** The same signed GET in a bus of few and of many memberships, each with its part of SQL alone. */
export async function benchGrowth(options: {
  readonly runs: number;
  readonly few: Bus;
  readonly large: Bus;
  readonly peers: Peers;
  readonly prefix: readonly string[];
}): Promise<readonly Row[]> {
  const { runs, few, large, peers, prefix } = options;
  const get = (bus: Bus) => async (): Promise<number> => {
    const requests = signedGets(bus, COUNT);
    return 1e6 / (await loadOf(bus.node, { requests, count: COUNT, prefix })).perSecond;
  };
  const parts = {
    few: get(few),
    large: get(large),
    fewSql: () => lookUp(peers, few),
    largeSql: () => lookUp(peers, large),
  };
  // In the first run the node learns the keys of those who ask.
  for (const part of Object.values(parts)) await part();
  const us = await interleave(runs, parts);
  const many = large.memberships.toLocaleString("en");
  const { operations, seconds, megabytes } = large.loaded;
  return [
    { what: "signed GET, 100 memberships", unit: "µs", spread: spreadOf(us.few) },
    { what: `signed GET, ${many} memberships`, unit: "µs", spread: spreadOf(us.large) },
    { what: "many / few", unit: "", spread: ratioOf(us.large, us.few), aim: "≤ 1.2" },
    { what: "its SQL, 100 memberships", unit: "µs", spread: spreadOf(us.fewSql) },
    { what: `its SQL, ${many} memberships`, unit: "µs", spread: spreadOf(us.largeSql) },
    { what: "many / few, SQL alone", unit: "", spread: ratioOf(us.largeSql, us.fewSql) },
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
