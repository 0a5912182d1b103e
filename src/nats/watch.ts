import type { NatsConnection } from "@nats-io/transport-node";
import { isRoomId } from "../core/ids.ts";
import { SOFT_SUBJECTS_MAX } from "../core/limits.ts";
import { APP_ACCOUNT, OPEN_ACCOUNT } from "../core/nats-config.ts";
import { looksLikeUserKey } from "../core/nkey.ts";
import { memberPermissions, ROLE_RIGHTS } from "../core/permissions.ts";
import { coversSubject, readRoomSubject } from "../core/subjects.ts";
import type { Authorization } from "./authorization.ts";
import {
  isOpenConnection,
  listOpenConnections,
  type OpenConnection,
  type SystemConnection,
} from "./connections.ts";
import type { Directory } from "./directory.ts";

interface WatchOptions {
  readonly authorization: Authorization;
  readonly system: SystemConnection;
  readonly app: NatsConnection;
  /** Public key of `app`, which is no user's. */
  readonly service: string;
  readonly directory: Directory;
  readonly mode: "off" | "soft" | "enforce";
  readonly now: () => number;
}

/** Makes the registry agree with what nats-server has open; under soft it counts subscriptions too. */
export async function reconcile(options: WatchOptions): Promise<void> {
  const { authorization, system, mode } = options;
  const soft = mode === "soft";
  const open = await listOpenConnections(system, { withSubscriptions: soft });
  // What the list is the first to tell was counted never before.
  const known = open.filter(({ connection }) => authorization.registry.find(connection) !== null);
  await compareRegistry(options, open);
  if (soft) for (const row of known) countSubscriptions(options, row);
}

/**
 * Makes the registry agree with a list of what nats-server has open: what is gone is forgotten, what
 * lost a right is closed, and a user's connection that is not in the registry is judged.
 */
export async function compareRegistry(
  { authorization, system, service }: Omit<WatchOptions, "mode" | "now" | "app" | "directory">,
  open: readonly OpenConnection[],
): Promise<void> {
  const { registry } = authorization;
  const numbers = new Set(open.map(({ connection }) => connection));
  for (const { connection } of [...registry.all()]) {
    // A list in pages may leave one out, or be older; forgotten here, it would outlive the user's
    // rights. nats-server lists a connection from before its login on, and never gives its number again.
    if (numbers.has(connection) || (await isOpenConnection(system, connection))) continue;
    registry.remove(connection);
  }
  for (const row of open) {
    const users = row.account === APP_ACCOUNT || row.account === OPEN_ACCOUNT;
    if (!users || row.user === service) continue;
    if (registry.find(row.connection) !== null) registry.confirm(row.connection);
    else if (await isOpenConnection(system, row.connection)) adoptUnknown(authorization, row);
  }
  authorization.recheckAll();
}

/** It may have become known while the question was under way. */
function adoptUnknown(authorization: Authorization, row: OpenConnection): void {
  if (authorization.registry.find(row.connection) === null) authorization.adopt(row);
}

/** Counts live subscriptions that enforce would not grant. Who has no proved key was counted at login. */
function countSubscriptions(options: WatchOptions, row: OpenConnection): void {
  const { authorization, directory, now } = options;
  const user = authorization.registry.find(row.connection)?.grant.user;
  if (!user) return;
  const { subscribe } = memberPermissions(user, directory.listMemberships(user));
  for (const { subject, queue } of row.subscriptions) {
    const allowed = subscribe.allow.some((pattern) => coversSubject(pattern, subject));
    // What is denied is the joining of queue groups: "<pattern> >".
    const denied = subscribe.deny.some(
      (pattern) => queue !== "" && coversSubject(pattern.split(" ", 1)[0] ?? "", subject),
    );
    if (allowed && !denied) continue;
    authorization.refusals.record({
      at: now(),
      kind: "subscribe",
      reason: "no-right",
      address: "",
      user,
      subject,
      admitted: true,
    });
  }
}

/**
 * Under soft, looks at each subject that is published below `rm.` and counts those whose named sender
 * could not have published there under enforce. Who really published cannot be known. A subject is
 * judged once between two calls of the function returned, which forgets them.
 */
export function watchPublishes(options: WatchOptions): () => void {
  const { app, authorization, directory, now } = options;
  const seen = new Set<string>();
  app.subscribe("rm.>", {
    callback: (_error, message) => {
      const { subject } = message;
      if (seen.has(subject) || seen.size >= SOFT_SUBJECTS_MAX) return;
      seen.add(subject);
      if (mayPublish(subject, directory)) return;
      const sender = readRoomSubject(subject)?.sender ?? "";
      const user = looksLikeUserKey(sender) ? sender : "";
      authorization.refusals.record({
        at: now(),
        kind: "publish",
        reason: "no-right",
        address: "",
        user,
        subject,
        admitted: true,
      });
    },
  });
  return () => seen.clear();
}

function mayPublish(subject: string, directory: Directory): boolean {
  const parts = readRoomSubject(subject);
  if (parts === null || !looksLikeUserKey(parts.sender) || !isRoomId(parts.room)) return false;
  return directory
    .listMemberships(parts.sender)
    .some(
      (membership) =>
        ROLE_RIGHTS[membership.role].publish &&
        membership.id === parts.room &&
        membership.shard === parts.shard &&
        membership.history === parts.history,
    );
}
