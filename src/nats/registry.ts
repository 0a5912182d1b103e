import type { UserId } from "../core/ids.ts";
import type { Grant } from "../core/login.ts";

/** A connection that was admitted: its number at nats-server, and what it was granted. */
export interface Admitted {
  readonly connection: number;
  readonly grant: Grant;
  readonly admittedAt: number;
  /** How many changes of rights this service had run when it decided. */
  readonly changesSeen: number;
  /** True where nobody here remembers its login: it was found open, and is closed at the next change. */
  readonly adopted: boolean;
}

/**
 * The connections that are open, or being opened, by what they were granted. nats-server tells only
 * who connected, not with which rights; so this is where a change of rights finds whom it concerns.
 */
export interface Registry {
  add(admitted: Admitted): void;
  remove(connection: number): void;
  find(connection: number): Admitted | null;
  ofUser(user: UserId): readonly Admitted[];
  /** Those of them that were found open. */
  adoptedOf(user: UserId): readonly Admitted[];
  countOf(user: UserId): number;
  /** nats-server has told that the connection is open. */
  confirm(connection: number): void;
  /** Forgets connections that were admitted before the given time and never opened. */
  dropUnopened(admittedBefore: number): void;
  all(): Iterable<Admitted>;
  clear(): void;
  readonly size: number;
}

export function createRegistry(): Registry {
  const byConnection = new Map<number, Admitted>();
  const byUser = new Map<UserId, Map<number, Admitted>>();
  const unopened = new Map<number, Admitted>();

  function remove(connection: number): void {
    const user = byConnection.get(connection)?.grant.user;
    byConnection.delete(connection);
    unopened.delete(connection);
    if (!user) return;
    const own = byUser.get(user);
    own?.delete(connection);
    if (own?.size === 0) byUser.delete(user);
  }

  const ofUser = (user: UserId): readonly Admitted[] => [...(byUser.get(user)?.values() ?? [])];

  return {
    add(admitted) {
      // A second login of one connection replaces the first, also where another user made it.
      remove(admitted.connection);
      byConnection.set(admitted.connection, admitted);
      if (!admitted.adopted) unopened.set(admitted.connection, admitted);
      const { user } = admitted.grant;
      if (user === null) return;
      const own = byUser.get(user) ?? new Map<number, Admitted>();
      own.set(admitted.connection, admitted);
      byUser.set(user, own);
    },
    remove,
    find: (connection) => byConnection.get(connection) ?? null,
    ofUser,
    adoptedOf: (user) => ofUser(user).filter(({ adopted }) => adopted),
    countOf: (user) => byUser.get(user)?.size ?? 0,
    confirm(connection) {
      unopened.delete(connection);
    },
    dropUnopened(admittedBefore) {
      for (const { connection, admittedAt } of unopened.values()) {
        // In order of admission: the first that is young enough ends the search.
        if (admittedAt >= admittedBefore) return;
        remove(connection);
      }
    },
    all: () => byConnection.values(),
    clear() {
      byConnection.clear();
      byUser.clear();
      unopened.clear();
    },
    get size() {
      return byConnection.size;
    },
  };
}
