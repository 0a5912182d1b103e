import type { UserId } from "../core/ids.ts";
import { UNRECORDED_WAIT_MS } from "../core/limits.ts";
import type { Commit, Committed, Operation } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { Reads } from "../http/parts.ts";
import type { Store } from "../store/open.ts";
import { findUser } from "../store/users.ts";
import { listRevokedBy } from "../store/would-revoke.ts";
import type { DataPlane } from "./data-plane.ts";
import type { WritePath } from "./write-path.ts";

/** Users that were revoked while nothing could be recorded: refused here until that is, or this process ends. */
export interface Unrecorded {
  readonly commit: Commit;
  has(user: UserId): boolean;
}

/**
 * Revokes in memory where it cannot be recorded: the user is closed and refused at this node, and whoever
 * asked is told what is still to be done ("not-recorded"). The rules decide as they would have for an entry.
 */
export function revokeUnrecorded(
  writePath: WritePath,
  parts: { readonly store: Store; readonly dataPlane: Pick<DataPlane, "bar" | "apply"> },
): Unrecorded {
  const { store, dataPlane } = parts;
  const users = new Set<UserId>();

  /** Answers who is refused from now on; null where the rules refuse to revoke anybody. */
  function bar(operation: Operation): readonly UserId[] | null {
    const revoked = listRevokedBy(store, operation);
    const added = revoked.filter((user) => !users.has(user));
    for (const user of added) users.add(user);
    if (added.length > 0) {
      dataPlane.bar([...users]);
      dataPlane.apply([{ kind: "rights.changed", users: added }], 0);
    }
    return revoked.length === 0 ? null : added;
  }
  function lift(over: readonly UserId[]): void {
    for (const user of over) users.delete(user);
    if (over.length > 0) dataPlane.bar([...users]);
  }
  writePath.onApplied((_committed, { change }) => {
    const named = change.kind === "user.restore" ? change.user : null;
    lift([...users].filter((user) => user === named || findUser(store, user)?.state === "revoked"));
  });

  /** A journal that has no majority answers late. */
  async function commitSoon(operation: Operation): Promise<Committed> {
    let early: readonly UserId[] = [];
    const waiting = setTimeout(() => {
      early = bar(operation) ?? [];
    }, UNRECORDED_WAIT_MS);
    try {
      const committed = await writePath.commit(operation);
      if (committed.outcome.status === "refused") lift(early);
      return committed;
    } finally {
      clearTimeout(waiting);
    }
  }
  return {
    has: (user) => users.has(user),
    async commit(operation) {
      if (operation.change.kind !== "user.revoke") return await writePath.commit(operation);
      try {
        return await commitSoon(operation);
      } catch (error) {
        if (!(error instanceof Problem) || !UNRECORDED.includes(error.code)) throw error;
        if (bar(operation) === null) throw error;
        throw new Problem(
          error.code === "journal-unavailable" ? "not-recorded" : error.code,
          `${error.detail}; until it is recorded, and no longer than this node runs, the user is closed and refused here, by this node alone: make room and repeat it`,
          { cause: error },
        );
      }
    },
  };
}

const UNRECORDED: readonly string[] = ["journal-unavailable", "outcome-unknown"];

/** Reads in which those users are revoked, as the API asks for who may ask. */
export function readsWithout(reads: Reads, { has }: Pick<Unrecorded, "has">): Reads {
  return {
    ...reads,
    findUser(user) {
      const found = reads.findUser(user);
      return found && has(user) ? { ...found, state: "revoked" } : found;
    },
  };
}
