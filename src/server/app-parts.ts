import type { NodeSettings } from "../config/load.ts";
import {
  REQUEST_LINES_PER_SECOND_MAX,
  REQUESTS_PER_ADDRESS_BURST,
  REQUESTS_PER_ADDRESS_PER_SECOND,
  REQUESTS_PER_USER_BURST,
  REQUESTS_PER_USER_PER_SECOND,
} from "../core/limits.ts";
import type { RefusalReport } from "../core/records.ts";
import { VERSION } from "../core/version.ts";
import type { AppParts } from "../http/parts.ts";
import { findBus } from "../store/journal.ts";
import type { Log } from "../system/log.ts";
import { createLogLimit } from "../system/log-limit.ts";
import type { ApiOptions } from "./api.ts";
import { busOf } from "./bus.ts";
import { clusterView } from "./cluster-view.ts";
import { healthOf } from "./health.ts";
import { bindReads, guardReads, newOperationId, randomBytes } from "./reads.ts";
import { readsWithout, revokeUnrecorded } from "./unrecorded.ts";
import { commitUnsettled } from "./write-path.ts";

/** Binds everything that the API does to the world to this node. */
export function appParts(options: ApiOptions, hosts: () => readonly string[]): AppParts {
  const { settings, writePath, plainRooms, refusals, store } = options;
  const unrecorded = revokeUnrecorded(writePath, options);
  const reads = readsWithout(bindReads(store), unrecorded);
  return {
    mode: settings.busAuth,
    version: VERSION,
    busId: () => findBus(store)?.busId ?? "",
    startedAt: Date.now(),
    uid: process.getuid?.() ?? 0,
    plainRooms,
    rates: ratesOf(settings),
    trustedProxies: settings.trustedProxies,
    randomBytes,
    commit: commitUnsettled({ settled: writePath.settled, commit: unrecorded.commit }),
    now: () => Date.now(),
    elapsed: () => performance.now(),
    newOperationId,
    read: options.isFresh ? guardReads(reads, options.isFresh) : reads,
    health: (asked) => healthOf(options, asked),
    bus: () => busOf(options),
    cluster: { view: () => clusterView(options, hosts()) },
    refusals: async () =>
      joinReports(refusals.report(), (await options.dataPlane.report()).refusals),
    countRefusal: refusals.record,
    ownHosts: hosts,
    log: requestLog(options.log),
  };
}

/** The rates that were set; what goes at once grows with what goes in a second. */
function ratesOf(settings: NodeSettings): AppParts["rates"] {
  const { requestsPerAddress, requestsPerUser } = settings;
  return {
    addressPerSecond: requestsPerAddress,
    addressBurst:
      requestsPerAddress * (REQUESTS_PER_ADDRESS_BURST / REQUESTS_PER_ADDRESS_PER_SECOND),
    userPerSecond: requestsPerUser,
    userBurst: requestsPerUser * (REQUESTS_PER_USER_BURST / REQUESTS_PER_USER_PER_SECOND),
  };
}

/** The log as requests use it. Anybody can send requests, and nobody may fill the disk with them. */
function requestLog(log: Log): AppParts["log"] {
  const limit = createLogLimit({
    log,
    what: "requests",
    perSecondMax: REQUEST_LINES_PER_SECOND_MAX,
    now: () => performance.now(),
  });
  const limited =
    (level: "info" | "error"): AppParts["log"]["info"] =>
    (event, message, fields = {}) => {
      if (fields.from === "socket") log[level](event, message, fields);
      else limit.say(() => log[level](event, message, fields));
    };
  return { info: limited("info"), error: limited("error") };
}

function joinReports(here: RefusalReport, there: RefusalReport): RefusalReport {
  const counts: Record<string, number> = { ...there.counts };
  for (const [name, count] of Object.entries(here.counts))
    counts[name] = (counts[name] ?? 0) + count;
  return { counts, last: [...there.last, ...here.last].sort((one, other) => one.at - other.at) };
}
