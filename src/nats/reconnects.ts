import type { NatsConnection } from "@nats-io/transport-node";
import { NATS_LOGIN_TIMEOUT_MS } from "../core/limits.ts";
import { wordsOf } from "../core/thrown.ts";
import type { Log } from "../system/log.ts";
import type { Authorization } from "./authorization.ts";
import { listOpenConnections } from "./connections.ts";
import { compareRegistry } from "./watch.ts";

const RETRY_MS = 20;

interface Followed {
  readonly connections: readonly NatsConnection[];
  /** The one of them by which logins come and are answered. */
  readonly logins: NatsConnection;
  readonly system: NatsConnection;
  readonly authorization: Authorization;
  /** Public key of the connection to the users' account. */
  readonly service: string;
  readonly now: () => number;
  readonly log: Log;
}

/**
 * After each start of nats-server, this one too, and each time that one of the node's own connections
 * is made again: does what was lost with the old one, and compares the registry with what is open,
 * because events were missed meanwhile.
 */
export function followReconnects(followed: Followed): void {
  void catchUp(followed, followed.logins);
  for (const connection of followed.connections) void followOne(connection, followed);
}

async function followOne(connection: NatsConnection, followed: Followed): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type !== "reconnect") continue;
    followed.authorization.resume();
    void catchUp(followed, connection);
  }
}

async function catchUp(followed: Followed, back: NatsConnection): Promise<void> {
  const { connections, system, authorization, log } = followed;
  // The connections come back each in its own time, and the list is asked over one of them.
  const deadlineAt = performance.now() + NATS_LOGIN_TIMEOUT_MS;
  for (;;) {
    try {
      // What was answered before has reached nats-server when these are flushed, or never will.
      const askedAt = followed.now();
      await Promise.all(connections.map((connection) => connection.flush()));
      const open = await listOpenConnections(system, { withSubscriptions: false });
      if (back === followed.logins) authorization.releaseUnanswered(open, askedAt);
      await compareRegistry(followed, open);
      return;
    } catch (error) {
      if (connections.some((connection) => connection.isClosed())) return;
      // By then nats-server itself has let go of who asked unheard; the rest is compared every minute.
      if (performance.now() > deadlineAt) {
        reportUnreconciled(log, error);
        return;
      }
      await Bun.sleep(RETRY_MS);
    }
  }
}

export function reportUnreconciled(log: Log, error: unknown): void {
  log.warn("registry.unreconciled", `The connections could not be listed: ${wordsOf(error)}`);
}
