import type { NatsConnection } from "@nats-io/transport-node";
import { KICKS_IN_FLIGHT_MAX } from "../core/limits.ts";
import type { Log } from "../system/log.ts";

const KICK_TRIES_MAX = 4;
const KICK_TIMEOUT_MS = 2_000;

/** Closes connections, so many at a time. */
export interface Kicks {
  /** Closes a connection soon; a connection that waits for it already is not taken twice. */
  kick(connection: number): void;
}

/**
 * Makes the queue of kicks. nats-server answers a kick; without a reply subject it would ignore it.
 * Source: nats-server `server/events.go` (`KICK`, `zReq`).
 */
export function createKicks(options: {
  readonly system: NatsConnection;
  readonly serverId: () => string;
  readonly log: Log;
}): Kicks {
  const { system, serverId, log } = options;
  const waiting = new Set<number>();
  let inFlight = 0;

  async function kickOne(connection: number): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        const subject = `$SYS.REQ.SERVER.${serverId()}.KICK`;
        await system.request(subject, JSON.stringify({ cid: connection }), {
          timeout: KICK_TIMEOUT_MS,
        });
        return;
      } catch (error) {
        if (tries < KICK_TRIES_MAX) continue;
        const reason = error instanceof Error ? error.message : "unknown";
        log.error("connection.kick-failed", `A connection could not be closed: ${reason}`, {
          connection,
        });
        return;
      }
    }
  }

  function pump(): void {
    for (const connection of waiting) {
      if (inFlight >= KICKS_IN_FLIGHT_MAX) return;
      waiting.delete(connection);
      inFlight++;
      void kickOne(connection).finally(() => {
        inFlight--;
        pump();
      });
    }
  }

  return {
    kick(connection) {
      waiting.add(connection);
      pump();
    },
  };
}
