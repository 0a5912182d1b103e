import type { Bus, Peers } from "./api-scene.ts";
import { loadOf } from "./api-side.ts";
import { lookUp, signedGets } from "./api-signed.ts";
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
  const us: { readonly few: number[]; readonly large: number[] } = { few: [], large: [] };
  const get = (which: keyof typeof us) => async (): Promise<number> => {
    const bus = which === "few" ? few : large;
    const requests = signedGets(bus, COUNT);
    const { perSecond, serverUs } = await loadOf(bus.node, { requests, count: COUNT, prefix });
    us[which].push(serverUs);
    return 1e6 / perSecond;
  };
  const parts = {
    few: get("few"),
    large: get("large"),
    fewSql: () => lookUp(peers, few),
    largeSql: () => lookUp(peers, large),
  };
  // In the first run the node learns the keys of those who ask.
  for (const part of Object.values(parts)) await part();
  for (const numbers of Object.values(us)) numbers.length = 0;
  const time = await interleave(runs, parts);
  const many = large.memberships.toLocaleString("en");
  const { operations, seconds, megabytes } = large.loaded;
  return [
    { what: "signed GET, 100 memberships", unit: "µs", spread: spreadOf(time.few) },
    { what: `signed GET, ${many} memberships`, unit: "µs", spread: spreadOf(time.large) },
    { what: "many / few", unit: "", spread: ratioOf(time.large, time.few), aim: "≤ 1.2" },
    { what: "its processor time, 100 memberships", unit: "µs", spread: spreadOf(us.few) },
    { what: `its processor time, ${many}`, unit: "µs", spread: spreadOf(us.large) },
    { what: "many / few, processor time", unit: "", spread: ratioOf(us.large, us.few) },
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
