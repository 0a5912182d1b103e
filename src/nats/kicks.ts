import type { NatsConnection } from "@nats-io/transport-node";
import { KICKS_IN_FLIGHT_MAX } from "../core/limits.ts";
import { wordsOf } from "../core/thrown.ts";
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
  readonly system: Pick<NatsConnection, "request">;
  /** The server whose connections are known by number now. */
  readonly serverId: () => string;
  readonly log: Log;
}): Kicks {
  const { system, serverId, log } = options;
  /** Connections, and the server that numbered them: another one gives the numbers to others. */
  const waiting = new Map<number, string>();
  let inFlight = 0;

  async function kickOne(connection: number, server: string): Promise<void> {
    for (let tries = 1; server === serverId(); tries++) {
      try {
        const subject = `$SYS.REQ.SERVER.${server}.KICK`;
        await system.request(subject, JSON.stringify({ cid: connection }), {
          timeout: KICK_TIMEOUT_MS,
        });
        return;
      } catch (error) {
        if (tries < KICK_TRIES_MAX) continue;
        const message = `A connection could not be closed: ${wordsOf(error)}`;
        log.error("connection.kick-failed", message, { connection });
        return;
      }
    }
  }

  function pump(): void {
    for (const [connection, server] of waiting) {
      if (inFlight >= KICKS_IN_FLIGHT_MAX) return;
      waiting.delete(connection);
      inFlight++;
      void kickOne(connection, server).finally(() => {
        inFlight--;
        pump();
      });
    }
  }

  return {
    kick(connection) {
      waiting.set(connection, serverId());
      pump();
    },
  };
}
