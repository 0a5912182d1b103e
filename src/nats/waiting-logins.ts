import { LOGINS_WAITING_MAX, NATS_LOGIN_TIMEOUT_MS } from "../core/limits.ts";

/** How long a login waits for a node that has just started: a client that is refused may give up. */
const LOGIN_WAIT_MS = NATS_LOGIN_TIMEOUT_MS - 1_000;

/** Logins that came while nobody is admitted: they are judged when that is over, or refused. */
export interface WaitingLogins {
  /** Judges a login later, and soon enough that its answer is still waited for; at once when full. */
  add(judge: () => void): void;
  judgeAll(): void;
}

export function createWaitingLogins(): WaitingLogins {
  const waiting = new Set<() => void>();
  return {
    add(judge) {
      if (waiting.size >= LOGINS_WAITING_MAX) {
        judge();
        return;
      }
      const judgeOnce = (): void => {
        clearTimeout(timer);
        waiting.delete(judgeOnce);
        judge();
      };
      const timer = setTimeout(judgeOnce, LOGIN_WAIT_MS);
      waiting.add(judgeOnce);
    },
    judgeAll() {
      for (const judge of [...waiting]) judge();
    },
  };
}
