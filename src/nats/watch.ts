import type { NatsConnection } from "@nats-io/transport-node";
import { isRoomId } from "../core/ids.ts";
import { NATS_LOGIN_TIMEOUT_MS, SOFT_SUBJECTS_MAX } from "../core/limits.ts";
import { APP_ACCOUNT, OPEN_ACCOUNT } from "../core/nats-config.ts";
import { looksLikeUserKey } from "../core/nkey.ts";
import { memberPermissions, ROLE_RIGHTS } from "../core/permissions.ts";
import { coversSubject, readRoomSubject } from "../core/subjects.ts";
import type { Authorization, Directory } from "./authorization.ts";
import {
  isOpenConnection,
  listOpenConnections,
  type OpenConnection,
  type SystemConnection,
} from "./connections.ts";

interface WatchOptions {
  readonly authorization: Authorization;
  readonly system: SystemConnection;
  readonly app: NatsConnection;
  readonly directory: Directory;
  readonly mode: "off" | "soft" | "enforce";
  readonly now: () => number;
}

/**
 * Makes the registry agree with what nats-server has open: what is gone is forgotten, what lost a
 * right is closed, and under enforce a user's connection that nobody here admitted is closed too.
 */
export async function reconcile(options: WatchOptions): Promise<void> {
  const { authorization, system, mode, now } = options;
  const askedAt = now();
  const open = await listOpenConnections(system, { withSubscriptions: mode === "soft" });
  const numbers = new Set(open.map((row) => row.connection));
  for (const { connection, admittedAt } of [...authorization.registry.all()]) {
    // One that was admitted while the list was made may not be in it yet.
    const settled = admittedAt < askedAt - 2 * NATS_LOGIN_TIMEOUT_MS;
    if (!settled || numbers.has(connection)) continue;
    // A list in pages may leave one out; forgotten here, it would outlive the user's rights.
    if (await isOpenConnection(system, connection)) continue;
    authorization.registry.remove(connection);
  }
  const service = options.app.info?.client_id;
  for (const row of open) {
    const users = row.account === APP_ACCOUNT || row.account === OPEN_ACCOUNT;
    if (!users || row.connection === service) continue;
    if (authorization.registry.find(row.connection) !== null) {
      if (mode === "soft") countSubscriptions(options, row);
    } else if (mode === "enforce" && (await isOpenConnection(system, row.connection))) {
      authorization.kickUnknown(row.connection);
    }
  }
  authorization.recheckAll();
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
