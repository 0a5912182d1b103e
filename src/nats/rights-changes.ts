import type { UserId } from "../core/ids.ts";
import { RIGHTS_CHANGES_KEPT_MAX } from "../core/limits.ts";

/**
 * Remembers which users' rights changed, and up to which connection. nats-server numbers connections
 * in their order: one with a higher number was admitted after the change.
 */
export interface RightsChanges {
  /** This connection is admitted now. */
  noteAdmission(connection: number): void;
  /** The rights of these users changed. */
  noteChange(users: readonly UserId[]): void;
  /** Says whether the user's rights may have changed since this connection was admitted. */
  mayHaveChanged(user: UserId, connection: number): boolean;
  /** Forgets all: another server numbers its connections anew. */
  clear(): void;
}

export function createRightsChanges(): RightsChanges {
  const upTo = new Map<UserId, number>();
  let newest = 0;
  let forgottenUpTo = 0;
  return {
    noteAdmission(connection) {
      newest = Math.max(newest, connection);
    },
    noteChange(users) {
      for (const user of users) {
        // In order of the changes, so that the oldest is forgotten first.
        upTo.delete(user);
        upTo.set(user, newest);
      }
      for (const [user, connection] of upTo) {
        if (upTo.size <= RIGHTS_CHANGES_KEPT_MAX) return;
        upTo.delete(user);
        forgottenUpTo = connection;
      }
    },
    mayHaveChanged: (user, connection) =>
      connection <= Math.max(upTo.get(user) ?? 0, forgottenUpTo),
    clear() {
      upTo.clear();
      newest = 0;
      forgottenUpTo = 0;
    },
  };
}
