import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { KICKS_IN_FLIGHT_MAX } from "../core/limits.ts";
import { wordsOf } from "../core/thrown.ts";
import type { Log } from "../system/log.ts";

const KICK_TIMEOUT_MS = 2_000;
/** How long a kick that failed waits for its next try. */
const KICK_RETRY_MS = 100;
/** Failed tries after which the log says so, once. */
const KICK_TRIES_UNTOLD = 4;

/** Closes connections, so many at a time; each is tried until nats-server says that it is gone. */
export interface Kicks {
  /** Closes a connection soon; a connection that waits for it already is not taken twice. */
  kick(connection: number): void;
  /** nats-server has told that a connection is gone. */
  settle(connection: number): void;
  /** Tries all of them at once: a new connection leads to nats-server, and questions were lost. */
  retry(): void;
}

/** One connection that has to go. There are never more than nats-server has had open. */
interface Unwanted {
  readonly connection: number;
  /** The server that numbered it: another one gives the number to another connection. */
  readonly server: string;
  failures: number;
}

/**
 * Makes the queue of kicks. nats-server answers a kick when the connection is off its list, or was
 * before; without a reply subject it would ignore it.
 * Source: nats-server `server/events.go` (`kickClient`, `zReq`), `server/server.go` (`removeClient`).
 */
export function createKicks(options: {
  readonly system: Pick<NatsConnection, "request" | "isClosed">;
  /** The server whose connections are known by number now. */
  readonly serverId: () => string;
  readonly log: Log;
}): Kicks {
  const { system, serverId, log } = options;
  const unwanted = new Map<number, Unwanted>();
  let queue = new Set<Unwanted>();
  let failed = new Set<Unwanted>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  /** The questions under way; `retry` takes another set, and the old ones count no more. */
  let inFlight = new Set<Unwanted>();

  function isWanted(one: Unwanted): boolean {
    if (unwanted.get(one.connection) !== one) return false;
    if (one.server === serverId() && !system.isClosed()) return true;
    unwanted.delete(one.connection);
    return false;
  }

  async function ask(one: Unwanted): Promise<void> {
    try {
      const subject = `$SYS.REQ.SERVER.${one.server}.KICK`;
      const question = JSON.stringify({ cid: one.connection });
      const answer = await system.request(subject, question, { timeout: KICK_TIMEOUT_MS });
      refuseOtherAnswer(answer);
      if (unwanted.get(one.connection) === one) unwanted.delete(one.connection);
    } catch (error) {
      if (!isWanted(one)) return;
      one.failures++;
      failed.add(one);
      if (timer === null) timer = setTimeout(tryFailed, KICK_RETRY_MS);
      if (one.failures !== KICK_TRIES_UNTOLD) return;
      const message = `A connection could not be closed yet, and is tried again: ${wordsOf(error)}`;
      log.error("connection.kick-failed", message, { connection: one.connection });
    }
  }

  function tryFailed(): void {
    timer = null;
    for (const one of failed) queue.add(one);
    failed = new Set();
    pump();
  }

  function pump(): void {
    const current = inFlight;
    for (const one of queue) {
      if (current.size >= KICKS_IN_FLIGHT_MAX) return;
      queue.delete(one);
      if (!isWanted(one)) continue;
      current.add(one);
      void ask(one).finally(() => {
        current.delete(one);
        if (current === inFlight) pump();
      });
    }
  }

  return {
    kick(connection) {
      const server = serverId();
      if (unwanted.get(connection)?.server === server) return;
      const one = { connection, server, failures: 0 };
      unwanted.set(connection, one);
      queue.add(one);
      pump();
    },
    settle: (connection) => void unwanted.delete(connection),
    retry() {
      inFlight = new Set();
      failed = new Set();
      queue = new Set(unwanted.values());
      pump();
    },
  };
}

/** Throws unless nats-server has closed the connection, or has none of this number. */
function refuseOtherAnswer(answer: Pick<Msg, "json">): void {
  const body: unknown = answer.json();
  if (typeof body !== "object" || body === null || !("server" in body)) {
    throw new Error("the answer is not nats-server's");
  }
  if (!("error" in body)) return;
  const words = JSON.stringify(body.error);
  if (!words.includes("no such client")) throw new Error(words);
}
