import type { NatsConnection } from "@nats-io/transport-node";
import { clockOffset } from "../core/clock-offset.ts";
import { CLOCK_CHECK_MS, CLUSTER_CHECK_MS, CLUSTER_WAIT_MS } from "../core/limits.ts";

/** What a node's nats-server knows of the other nodes. */
export interface ClusterReport {
  /** Other nodes that are to be there. */
  readonly peers: number;
  /** Names of the nodes to which there is a route, in their order. */
  readonly routes: readonly string[];
  /** Name of the node that leads the streams' cluster; null while none is elected. */
  readonly leader: string | null;
  /** How far this node's clock is before its peers', in ms; null while nobody was asked. */
  readonly clockOffsetMs: number | null;
}

export interface ClusterWatch {
  /** What was found a moment ago. */
  report(): ClusterReport;
  stop(): void;
}

const ANSWER_TIMEOUT_MS = 2_000;

type SystemConnection = Pick<NatsConnection, "info" | "request" | "requestMany">;

/**
 * Asks the own nats-server about its routes and its leader, again and again: often while something is
 * missing. Whoever asks the node gets what was found last, and costs nats-server nothing.
 * Source: nats-server `server/monitor.go` (`Routez`, `Jsz`), asked through the system account.
 */
export function watchCluster(options: {
  readonly system: SystemConnection;
  readonly peers: number;
}): ClusterWatch {
  const { system, peers } = options;
  const nothing: ClusterReport = { peers, routes: [], leader: null, clockOffsetMs: null };
  let found = nothing;
  let stopping = false;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let clockOffsetMs: number | null = null;
  let clockAskedAt = Number.NEGATIVE_INFINITY;

  async function ask(): Promise<void> {
    try {
      const [routes, leader] = await Promise.all([
        findRoutes(await askServer(system, "ROUTEZ")),
        findLeader(await askServer(system, "JSZ")),
      ]);
      if (routes.length > 0 && performance.now() - clockAskedAt > CLOCK_CHECK_MS) {
        clockAskedAt = performance.now();
        clockOffsetMs = await askClocks(system, peers);
      }
      found = { peers, routes, leader, clockOffsetMs };
    } catch {
      // A server that does not answer has neither; the next question comes soon.
      found = nothing;
    }
    if (stopping) return;
    const complete = found.leader !== null && found.routes.length >= peers;
    timer = setTimeout(() => void ask(), complete ? CLUSTER_CHECK_MS : CLUSTER_WAIT_MS);
  }

  void ask();
  return {
    report: () => found,
    stop() {
      stopping = true;
      if (timer) clearTimeout(timer);
    },
  };
}

async function askServer(system: SystemConnection, what: "ROUTEZ" | "JSZ"): Promise<unknown> {
  const subject = `$SYS.REQ.SERVER.${system.info?.server_id ?? ""}.${what}`;
  const answer = await system.request(subject, "", { timeout: ANSWER_TIMEOUT_MS });
  return answer.json();
}

/** Every server of the cluster tells its time with each answer; the own one is left out. */
async function askClocks(system: SystemConnection, peers: number): Promise<number | null> {
  const askedAt = Date.now();
  const answers = await system.requestMany("$SYS.REQ.SERVER.PING", "", {
    strategy: "count",
    maxMessages: peers + 1,
    maxWait: ANSWER_TIMEOUT_MS,
  });
  const samples: { askedAt: number; answeredAt: number; theirs: number }[] = [];
  for await (const answer of answers) {
    const server = propertyOf(answer.json(), "server");
    const time = propertyOf(server, "time");
    if (propertyOf(server, "id") === system.info?.server_id || typeof time !== "string") continue;
    samples.push({ askedAt, answeredAt: Date.now(), theirs: Date.parse(time) });
  }
  return clockOffset(samples.filter(({ theirs }) => !Number.isNaN(theirs)));
}

/** The nodes at the other ends, each once, however many connections a route has. */
function findRoutes(answer: unknown): readonly string[] {
  const routes = propertyOf(propertyOf(answer, "data"), "routes");
  if (!Array.isArray(routes)) return [];
  const names = routes.map((route) => propertyOf(route, "remote_name"));
  return [...new Set(names.filter((name) => typeof name === "string"))].sort();
}

function findLeader(answer: unknown): string | null {
  const leader = propertyOf(propertyOf(propertyOf(answer, "data"), "meta_cluster"), "leader");
  return typeof leader === "string" && leader !== "" ? leader : null;
}

function propertyOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  // Only whether it has the property is known; what it holds is looked at by the caller.
  return Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
