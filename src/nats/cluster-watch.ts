import type { NatsConnection } from "@nats-io/transport-node";
import { clockOffset } from "../core/clock-offset.ts";
import { type ExpectedNodes, expectedNodes, presentNodes } from "../core/cluster-members.ts";
import {
  CLOCK_CHECK_MS,
  CLUSTER_CHECK_MS,
  CLUSTER_WAIT_MS,
  NODE_REMOVED_GRACE_MS,
} from "../core/limits.ts";
import type { HungNodes, RoutedServer } from "../core/peer-states.ts";
import type { NodeRecord } from "../core/records.ts";
import { wordsOf } from "../core/thrown.ts";
import type { Log } from "../system/log.ts";
import { type MetaMember, membersNamed, removeMember } from "./meta-group.ts";

/** What is known of the other nodes. */
export interface ClusterReport extends RoutesReport, HungNodes {}

/** What a node's nats-server knows of them. */
export interface RoutesReport {
  /** Other nodes that are to be there. */
  readonly peers: number;
  /** Names of the nodes to which there is a route, in their order; removed ones are none. */
  readonly routes: readonly string[];
  /** Names of nodes that are to be there and are not. */
  readonly away: readonly string[];
  /** How many are not, known by name or not. */
  readonly missing: number;
  /** Whether all were there at some time since this start. */
  readonly wasWhole: boolean;
  /** Name of the node that leads the streams' cluster; null while none is elected. */
  readonly leader: string | null;
  /** Whether the own nats-server keeps no streams any more, because it could not write. */
  readonly streamsOff: boolean;
  /** How far this node's clock is before its peers', in ms; null while nobody was asked. */
  readonly clockOffsetMs: number | null;
}

export interface ClusterWatch {
  /** What was found a moment ago. */
  report(): RoutesReport;
  /** The servers at the other ends of the routes, of removed nodes too. */
  servers(): readonly RoutedServer[];
  stop(): void;
}

const ANSWER_TIMEOUT_MS = 2_000;

type SystemConnection = Pick<NatsConnection, "info" | "request" | "requestMany">;

/**
 * Asks the own nats-server about its routes and its leader, again and again: often while something is
 * missing. Whoever asks the node gets what was found last, and costs nats-server nothing. As long as a
 * node that was removed has a vote in JetStream's cluster, the leader's node asks to take it.
 * Source: nats-server `server/monitor.go` (`Routez`, `Jsz`), asked through the system account.
 */
export function watchCluster(options: {
  readonly system: SystemConnection;
  /** This node's server name. */
  readonly self: string;
  /** Routes of the settings to other nodes. */
  readonly configured: number;
  /** The nodes that are recorded, as of now. */
  readonly listNodes: () => readonly Pick<NodeRecord, "node" | "announcedAt" | "removedAt">[];
  readonly log: Pick<Log, "info" | "warn">;
}): ClusterWatch {
  const { system, self, configured } = options;
  const takeVotes = createVoteTaker(options);
  let expected: ExpectedNodes = { count: configured, names: [], removed: [] };
  let wasWhole = false;
  let found = nothingOf(expected, { wasWhole });
  let stopping = false;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let clockOffsetMs: number | null = null;
  let servers: readonly RoutedServer[] = [];
  let clockAskedAt = Number.NEGATIVE_INFINITY;

  async function ask(): Promise<void> {
    try {
      const [routed, jsz] = await Promise.all([
        askServer(system, "ROUTEZ").then(findServers),
        askServer(system, "JSZ"),
      ]);
      servers = routed;
      const connected = routed.map(({ name }) => name);
      expected = expectedNodes({ self, configured, nodes: options.listNodes() });
      const { routes, away, missing } = presentNodes(expected, connected);
      if (missing === 0) wasWhole = true;
      await takeVotes(findMembers(jsz), { removed: expected.removed, connected });
      if (routes.length > 0 && performance.now() - clockAskedAt > CLOCK_CHECK_MS) {
        clockAskedAt = performance.now();
        clockOffsetMs = await askClocks(system, connected.length);
      }
      const streams = { leader: findLeader(jsz), streamsOff: areStreamsOff(jsz) };
      found = { peers: expected.count, routes, away, missing, wasWhole, ...streams, clockOffsetMs };
    } catch {
      // A server that does not answer has neither; the next question comes soon.
      found = nothingOf(expected, { wasWhole });
      servers = [];
    }
    if (stopping) return;
    const complete = found.leader !== null && found.missing === 0;
    timer = setTimeout(() => void ask(), complete ? CLUSTER_CHECK_MS : CLUSTER_WAIT_MS);
  }

  void ask();
  return {
    report: () => found,
    servers: () => servers,
    stop() {
      stopping = true;
      if (timer) clearTimeout(timer);
    },
  };
}

function nothingOf(
  { count, names }: ExpectedNodes,
  { wasWhole }: Pick<RoutesReport, "wasWhole">,
): RoutesReport {
  return {
    ...{ peers: count, routes: [], away: names, missing: count, wasWhole },
    ...{ leader: null, streamsOff: false, clockOffsetMs: null },
  };
}

/**
 * Takes the votes of removed nodes. One that is connected still is given a moment: with its vote it
 * loses the stream in which it reads that it was removed.
 */
function createVoteTaker(options: {
  readonly system: SystemConnection;
  readonly log: Pick<Log, "info" | "warn">;
}) {
  const { system, log } = options;
  const seenAt = new Map<string, number>();
  return async (
    members: readonly MetaMember[],
    {
      removed,
      connected,
    }: { readonly removed: readonly string[]; readonly connected: readonly string[] },
  ): Promise<void> => {
    for (const member of membersNamed(members, removed)) {
      const { name } = member;
      const since = seenAt.get(name) ?? performance.now();
      seenAt.set(name, since);
      const isEarly = performance.now() - since < NODE_REMOVED_GRACE_MS;
      if (connected.includes(name) && isEarly) continue;
      const words = await removeMember(system, member).catch(wordsOf);
      log.info("node.expelled", `JetStream is to count ${name} no more: ${words}`, { node: name });
    }
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

/** The servers at the other ends, each once, however many connections a route has. */
function findServers(answer: unknown): readonly RoutedServer[] {
  const routes = propertyOf(propertyOf(answer, "data"), "routes");
  if (!Array.isArray(routes)) return [];
  const byName = new Map<string, RoutedServer>();
  for (const route of routes) {
    const [id, name] = [propertyOf(route, "remote_id"), propertyOf(route, "remote_name")];
    if (typeof id === "string" && typeof name === "string") byName.set(name, { id, name });
  }
  return [...byName.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** The other members of JetStream's cluster; told by its leader alone. */
function findMembers(answer: unknown): readonly MetaMember[] {
  const replicas = propertyOf(propertyOf(propertyOf(answer, "data"), "meta_cluster"), "replicas");
  if (!Array.isArray(replicas)) return [];
  return replicas.map((replica) => {
    const [name, peer] = [propertyOf(replica, "name"), propertyOf(replica, "peer")];
    return {
      name: typeof name === "string" ? name : "",
      peer: typeof peer === "string" ? peer : "",
    };
  });
}

function areStreamsOff(answer: unknown): boolean {
  return propertyOf(propertyOf(answer, "data"), "disabled") === true;
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
