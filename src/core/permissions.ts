import type { UserId } from "./ids.ts";
import type { RoomRole } from "./operations.ts";
import { type RoomSubject, roomPrefix, senderPrefix } from "./subjects.ts";

/** An active membership, as much of it as rights need. */
export interface Membership extends RoomSubject {
  readonly role: RoomRole;
}

interface SubjectRights {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** Rights of one NATS connection. `resp` is not part of it: it would override every allow and deny. */
export interface NatsPermissions {
  readonly publish: SubjectRights;
  readonly subscribe: SubjectRights;
}

const NOTHING: SubjectRights = { allow: [], deny: [">"] };

export interface RoleRights {
  readonly publish: boolean;
  readonly subscribe: boolean;
  /** Queue groups: whoever joins one takes messages away from the others. */
  readonly queue: boolean;
}

/** What each room role may do on the data plane. */
export const ROLE_RIGHTS: Readonly<Record<RoomRole, RoleRights>> = {
  owner: { publish: true, subscribe: true, queue: true },
  member: { publish: true, subscribe: true, queue: true },
  reader: { publish: false, subscribe: true, queue: false },
  writer: { publish: true, subscribe: false, queue: false },
};

const NO_RIGHTS: RoleRights = { publish: false, subscribe: false, queue: false };

/** Says whether somebody who had one role and has another now has lost a right; null is no role. */
export function losesRights(before: RoomRole | null, after: RoomRole | null): boolean {
  const had = before === null ? NO_RIGHTS : ROLE_RIGHTS[before];
  const has = after === null ? NO_RIGHTS : ROLE_RIGHTS[after];
  return (
    (had.publish && !has.publish) || (had.subscribe && !has.subscribe) || (had.queue && !has.queue)
  );
}

/**
 * Decides what a user's connection may publish and subscribe under enforce. Deny wins over allow, as
 * in nats-server. Who may publish nothing gets `deny: [">"]`, because nats-server reads an empty allow
 * list as "everything".
 * Source: NATS ADR-26; each line is tried against a real server in tests/server.
 */
export function memberPermissions(
  user: UserId,
  memberships: readonly Membership[],
): NatsPermissions {
  const publish: string[] = [];
  const subscribe = [`_INBOX.${user}.>`, `me.${user}.>`];
  const subscribeDeny: string[] = [];
  for (const membership of memberships) {
    const rights = ROLE_RIGHTS[membership.role];
    if (rights.publish) {
      publish.push(`${senderPrefix(membership, user)}.>`, `_INBOX.*.${membership.id}.>`);
    }
    if (rights.subscribe) subscribe.push(`${roomPrefix(membership)}.>`);
    // A subject and a queue pattern: "in any queue group". The plain subscription stays allowed.
    if (rights.subscribe && !rights.queue) subscribeDeny.push(`${roomPrefix(membership)}.> >`);
  }
  return {
    publish: publish.length > 0 ? { allow: publish, deny: [] } : NOTHING,
    subscribe: { allow: subscribe, deny: subscribeDeny },
  };
}

/** Rights under soft: every room's subjects, and one's own events when the key was proved. */
export function softPermissions(user: UserId | null): NatsPermissions {
  const subscribe = ["rm.>", "_INBOX.>"];
  return {
    publish: { allow: ["rm.>", "_INBOX.>"], deny: [] },
    subscribe: { allow: user ? [...subscribe, `me.${user}.>`] : subscribe, deny: [] },
  };
}

/** Rights under off, in an account of its own: everything, JetStream too, as in the seed. */
export function openPermissions(): NatsPermissions {
  return {
    publish: { allow: [">"], deny: ["$SYS.>"] },
    subscribe: { allow: [">"], deny: ["$SYS.>"] },
  };
}
