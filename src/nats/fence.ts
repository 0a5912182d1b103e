import type { NatsConnection } from "@nats-io/transport-node";
import type { UserId } from "../core/ids.ts";
import {
  KICKS_IN_FLIGHT_MAX,
  PEER_BEAT_MS,
  PEER_BEAT_SOON_MS,
  PEER_UNDONE_MS,
} from "../core/limits.ts";
import { parseObject } from "../core/objects.ts";
import type { Effect } from "../core/operations.ts";
import {
  createPeerStates,
  type Heartbeat,
  type HungNodes,
  type PeerCloses,
  type RoutedServer,
} from "../core/peer-states.ts";
import { wordsOf } from "../core/thrown.ts";
import type { Log } from "../system/log.ts";
import { answersNow, closeAt, listUsersAt, type UserConnection } from "./peer-connections.ts";

/** In the system account, which only the unibus of each node enters. Later versions must understand it. */
const SUBJECT = "unibus.heartbeat";

/** However many lose rights at once, they are looked for together. */
const CLOSE_PAUSE_MS = 50;

/** An entry of which not all connections are seen closed yet; they are not waited for beyond a time. */
interface Undone {
  readonly entry: number;
  readonly users: readonly UserId[];
  readonly untilMs: number;
}

/** Makes good at the other nodes' nats-servers what their own unibus does not do. */
export interface Fence {
  /** Has the effects of an applied entry, which this node has done, done at the other servers as well. */
  apply(effects: readonly Effect[], entry: number): void;
  report(): HungNodes;
  stop(): void;
}

/**
 * Tells the other nodes that this unibus lives and which entries' effects it has done, and hears the same
 * of them. Who lost a right is closed at the servers of those that do not tell in time that they did it;
 * and all users at a server whose unibus is silent for `staleMaxMs`, as long as this node is one of most.
 * While all is well that costs one message for each node and entry.
 */
export function startFence(options: {
  readonly system: NatsConnection;
  /** The key by which this unibus is connected to the account of users. */
  readonly service: string;
  readonly mode: "off" | "soft" | "enforce";
  readonly staleMaxMs: number;
  /** The last entry that was applied before this began: nobody was connected then. */
  readonly entry: number;
  /** The servers that are reached now; none while the own one does not answer. */
  readonly servers: () => readonly RoutedServer[];
  readonly isActive: (user: UserId) => boolean;
  /** Whether this node has no connection any more that holds a right which its user lost. */
  readonly isClosed: (user: UserId) => boolean;
  /** Whether this node knows the latest changes. */
  readonly isFresh: () => boolean;
  /** Whether the whole process works, and not only who answers logins. */
  readonly isAlive: () => boolean;
  readonly log: Pick<Log, "info" | "warn">;
}): Fence {
  const { system, service, mode, servers, isActive, isFresh, log } = options;
  const states = createPeerStates({ fenceMs: options.staleMaxMs });
  const tellHung = createTeller(log);
  const closing = new Set<string>();
  const unreachable = new Set<string>();
  let { entry: taken } = options;
  /** Entries whose effects are not all done here yet, in their order. */
  let undone: Undone[] = [];
  let soon: ReturnType<typeof setTimeout> | null = null;
  let due: ReturnType<typeof setTimeout> | null = null;

  const ownServer = (): string => system.info?.server_id ?? "";
  const mayFence = (): boolean => mode === "enforce" && isFresh();

  function beat(): void {
    if (soon) clearTimeout(soon);
    soon = null;
    if (!options.isAlive() || system.isClosed()) return;
    const heartbeat: Heartbeat = { server: ownServer(), taken, done: lastDone(), service };
    system.publish(SUBJECT, JSON.stringify(heartbeat));
    if (undone.length > 0) beatSoon();
  }

  function beatSoon(): void {
    soon ??= setTimeout(beat, PEER_BEAT_SOON_MS);
  }

  function lastDone(): number {
    const now = performance.now();
    undone = undone.filter(({ users, untilMs }) => now < untilMs && !isDone(users));
    return undone[0] ? undone[0].entry - 1 : taken;
  }

  function isDone(users: readonly UserId[]): boolean {
    try {
      return users.every(options.isClosed);
    } catch {
      // What cannot be read is not known to be done.
      return false;
    }
  }

  function look(): void {
    states.look(servers(), PEER_BEAT_MS);
    beat();
    for (const { id } of states.silent(PEER_BEAT_MS)) void askSilent(id);
    closeDue();
    tellHung(states.hung({ mayFence: mayFence() }));
  }

  async function askSilent(server: string): Promise<void> {
    const answers = await answersNow(system, { server, withinMs: PEER_BEAT_MS });
    if (answers) states.answered(server, PEER_BEAT_MS);
  }

  function closeDue(): void {
    for (const due of states.due({ now: performance.now(), mayFence: mayFence() })) {
      const { id, name } = due.server;
      if (closing.has(id)) continue;
      closing.add(id);
      closeAll(due)
        .then(() => unreachable.delete(id))
        .catch((error: unknown) => {
          // It is tried again every second.
          if (unreachable.has(id)) return;
          unreachable.add(id);
          const words = `connections at ${name} cannot be closed: ${wordsOf(error)}`;
          log.warn("peer.unreachable", words, { node: name });
        })
        .finally(() => closing.delete(id));
    }
  }

  /** Between two looks: whom a peer does not close in time is not to wait for the next one. */
  function closeSoon(): void {
    const waitMs = states.untilDue(performance.now());
    if (due || waitMs === null) return;
    due = setTimeout(
      () => {
        due = null;
        closeDue();
        closeSoon();
      },
      Math.max(waitMs + 1, CLOSE_PAUSE_MS),
    );
  }

  async function closeAll({ server, users }: PeerCloses): Promise<void> {
    const [user = null] = users !== "all" && users.size === 1 ? users : [];
    const open = await listUsersAt(system, { server: server.id, user });
    // The peer may have told meanwhile that it lives.
    const now = performance.now();
    const still = states
      .due({ now, mayFence: mayFence() })
      .find((one) => one.server.id === server.id);
    const rows = still ? open.filter((row) => isDue(row, still)) : [];
    if (rows.length === 0) return;
    await inTurns(rows, ({ connection }) => closeAt(system, { server: server.id, connection }));
    const words = `closed ${rows.length} connections at ${server.name}, whose unibus did not`;
    log.warn("peer.connections-closed", words, { node: server.name, connections: rows.length });
  }

  const listening = system.subscribe(SUBJECT, {
    callback: (error, message) => {
      const heartbeat = error ? null : parseHeartbeat(message.string());
      if (heartbeat && heartbeat.server !== ownServer()) states.heard(heartbeat, performance.now());
    },
  });
  const looking = setInterval(look, PEER_BEAT_MS);
  look();

  return {
    apply(effects, applied) {
      taken = Math.max(taken, applied);
      const changed = effects.flatMap((one) => (one.kind === "rights.changed" ? one.users : []));
      if (changed.length > 0)
        undone.push({
          entry: applied,
          users: changed,
          untilMs: performance.now() + PEER_UNDONE_MS,
        });
      beatSoon();
      const users = mode === "off" ? [] : losersOf(effects, isActive);
      if (users.length === 0 || !states.lost(users, { entry: applied, now: performance.now() }))
        return;
      closeSoon();
    },
    report: () => states.hung({ mayFence: mayFence() }),
    stop() {
      clearInterval(looking);
      for (const timer of [soon, due]) if (timer) clearTimeout(timer);
      listening.unsubscribe();
    },
  };
}

/**
 * Who may hold a right no longer: what a connection at another node was granted is not known here, so
 * every change of a role counts as a loss.
 */
function losersOf(
  effects: readonly Effect[],
  isActive: (user: UserId) => boolean,
): readonly UserId[] {
  const told = new Set<UserId>();
  for (const effect of effects) {
    const isLoss = effect.kind === "user.told" && /^room\.(lost|changed)$/.test(effect.event);
    if (isLoss) told.add(effect.user);
  }
  return effects
    .flatMap((effect) => (effect.kind === "rights.changed" ? effect.users : []))
    .filter((user) => told.has(user) || !isActive(user));
}

function isDue(row: UserConnection, { users, service }: PeerCloses): boolean {
  if (users === "all") return row.user !== service || service === "";
  const known: ReadonlySet<string> = users;
  return known.has(row.user);
}

async function inTurns<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  const waiting = all.values();
  const work = async (): Promise<void> => {
    for (const one of waiting) await act(one);
  };
  await Promise.all(Array.from({ length: KICKS_IN_FLIGHT_MAX }, work));
}

/** Tells the log when a node's unibus falls silent, is fenced, and answers again. */
function createTeller(log: Pick<Log, "info" | "warn">): (nodes: HungNodes) => void {
  let before: HungNodes = { hung: [], fenced: [] };
  return ({ hung, fenced }) => {
    for (const node of hung.filter((name) => !before.hung.includes(name))) {
      log.warn("node.hung", `the unibus of ${node} does not answer`, { node });
    }
    for (const node of fenced.filter((name) => !before.fenced.includes(name))) {
      log.warn("node.fenced", `the users of ${node} are kept out there`, { node });
    }
    for (const node of before.hung.filter((name) => !hung.includes(name))) {
      log.info("node.answered", `the unibus of ${node} answers again, or is gone`, { node });
    }
    before = { hung, fenced };
  };
}

function parseHeartbeat(text: string): Heartbeat | null {
  const { server, taken, done, service } = parseObject(text);
  if (typeof server !== "string" || typeof service !== "string") return null;
  if (!Number.isSafeInteger(taken) || !Number.isSafeInteger(done)) return null;
  return { server, taken: Number(taken), done: Number(done), service };
}
