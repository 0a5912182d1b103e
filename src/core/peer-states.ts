import type { UserId } from "./ids.ts";
import { PEER_CLOSES_MAX, PEER_EFFECTS_MS, PEER_HUNG_MS } from "./limits.ts";

/** A nats-server that is reached over a route. */
export interface RoutedServer {
  /** New at each start of it. */
  readonly id: string;
  /** The node's name, as --server-name has it. */
  readonly name: string;
}

/** What the unibus beside a nats-server tells the others all the time. */
export interface Heartbeat {
  readonly server: string;
  /** The last entry that it does the effects of, or has done. */
  readonly taken: number;
  /** The last one that is done: who lost a right by it, or before, is closed there. */
  readonly done: number;
  /** The key by which it is connected to the account of users itself. */
  readonly service: string;
}

/** Whose connections are to be closed at one server. */
export interface PeerCloses {
  readonly server: RoutedServer;
  readonly users: ReadonlySet<UserId> | "all";
  /** Its own unibus, which is no user; "" where it was never heard. */
  readonly service: string;
}

/** Nodes by name whose unibus does not answer though there is a route to them. */
export interface HungNodes {
  readonly hung: readonly string[];
  /** Those of them whose users are kept out by this node. */
  readonly fenced: readonly string[];
}

interface Peer {
  readonly server: RoutedServer;
  /** One look more than has passed at most: the first one comes early. */
  silentMs: number;
  /** For how long of that its nats-server answered. */
  hungMs: number;
  done: number;
  service: string;
  /** Users who lost a right, until the peer has done the entry by which they did. */
  readonly losers: Map<UserId, { readonly entry: number; dueAt: number }>;
}

/**
 * Knows of each peer how long its unibus has been silent, and whose connections it has not closed yet.
 * Silence is counted in the looks of this node, not read off a clock: a node that stood still itself has
 * not listened meanwhile. Fenced is only whose nats-server answers: one that does not stands still or is
 * cut off with all its users.
 */
export function createPeerStates({ fenceMs }: { readonly fenceMs: number }) {
  const peers = new Map<string, Peer>();
  let routed: ReadonlySet<string> = new Set();

  /** A node that came back with another server is not the one that hung. */
  function forgetFormer({ id, name }: RoutedServer): void {
    for (const { server } of peers.values()) {
      if (server.name === name && server.id !== id) peers.delete(server.id);
    }
  }
  const present = (): readonly Peer[] =>
    [...peers.values()].filter((one) => routed.has(one.server.id));

  return {
    /** Notes which servers are reached now, `lookMs` after the last time. */
    look(servers: readonly RoutedServer[], lookMs: number): void {
      routed = new Set(servers.map(({ id }) => id));
      for (const server of servers) {
        forgetFormer(server);
        const peer = peers.get(server.id);
        if (peer) peer.silentMs += lookMs;
        else {
          const unheard = { silentMs: 0, hungMs: 0, done: -1, service: "" };
          peers.set(server.id, { server, ...unheard, losers: new Map() });
        }
      }
    },
    /** The servers whose unibus was not heard since the last look. */
    silent: (lookMs: number): readonly RoutedServer[] =>
      present()
        .filter(({ silentMs }) => silentMs > lookMs)
        .map(({ server }) => server),
    /** Notes that a server whose unibus is silent has answered at this look. */
    answered(server: string, lookMs: number): void {
      const peer = peers.get(server);
      if (peer && peer.silentMs > 0) peer.hungMs += lookMs;
    },
    /** A peer that says that it is at it is left to it: it says so again, until it is done or hangs. */
    heard({ server, taken, done, service }: Heartbeat, now: number): void {
      const peer = peers.get(server);
      if (!peer) return;
      peer.silentMs = 0;
      peer.hungMs = 0;
      peer.service = service;
      peer.done = Math.max(peer.done, done);
      for (const [user, lost] of peer.losers) {
        if (lost.entry <= peer.done) peer.losers.delete(user);
        else if (lost.entry <= taken) lost.dueAt = now + PEER_EFFECTS_MS;
      }
    },
    /** Notes that these users lost rights by an entry that is applied here. Says whether a peer lacks it. */
    lost(
      users: readonly UserId[],
      { entry, now }: { readonly entry: number; readonly now: number },
    ) {
      let lacking = false;
      for (const peer of peers.values()) {
        if (peer.done >= entry) continue;
        lacking = true;
        for (const user of users) {
          const dueAt = peer.losers.get(user)?.dueAt ?? now + PEER_EFFECTS_MS;
          // One more than may be kept stands for everybody.
          if (peer.losers.size <= PEER_CLOSES_MAX) peer.losers.set(user, { entry, dueAt });
        }
      }
      return lacking;
    },
    /**
     * What is to be closed now: who lost a right that the peer had the time to take, and everybody where
     * a node that is one of most has waited long enough.
     */
    due({
      now,
      mayFence,
    }: {
      readonly now: number;
      readonly mayFence: boolean;
    }): readonly PeerCloses[] {
      return present().flatMap(({ server, hungMs, service, losers }): readonly PeerCloses[] => {
        const isFenced = mayFence && hungMs >= fenceMs;
        if (isFenced || losers.size > PEER_CLOSES_MAX) return [{ server, users: "all", service }];
        const late = [...losers].filter(([, { dueAt }]) => dueAt <= now).map(([user]) => user);
        return late.length > 0 ? [{ server, users: new Set(late), service }] : [];
      });
    },
    /** How long until somebody more is due; null when nobody is waited for. */
    untilDue(now: number): number | null {
      const waits = present()
        .flatMap(({ losers }) => [...losers.values()])
        .flatMap(({ dueAt }) => (dueAt > now ? [dueAt - now] : []));
      return waits.length > 0 ? waits.reduce((one, other) => Math.min(one, other)) : null;
    },
    hung({ mayFence }: { readonly mayFence: boolean }): HungNodes {
      const names = (which: (peer: Peer) => boolean): readonly string[] =>
        present()
          .filter(which)
          .map(({ server }) => server.name)
          .sort();
      const isFenced = ({ hungMs }: Peer): boolean => mayFence && hungMs >= fenceMs;
      const isSilent = ({ silentMs }: Peer): boolean => silentMs > Math.min(PEER_HUNG_MS, fenceMs);
      return { hung: names((peer) => isSilent(peer) || isFenced(peer)), fenced: names(isFenced) };
    },
  };
}
