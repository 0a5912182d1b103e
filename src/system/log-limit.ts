import type { Log } from "./log.ts";

/** A gate for log lines that others can cause: so many a second, and one line that counts the rest. */
export interface LogLimit {
  /** Writes the line, or counts it as unsaid. */
  say(write: () => void): void;
}

/**
 * Makes a gate. What was held back is told with the first line of a later second.
 * `what` names the lines, e.g. "refused logins".
 */
export function createLogLimit(options: {
  readonly log: Log;
  readonly what: string;
  readonly perSecondMax: number;
  readonly now: () => number;
}): LogLimit {
  const { log, what, perSecondMax, now } = options;
  let second = 0;
  let said = 0;
  let unsaid = 0;
  return {
    say(write) {
      const current = Math.floor(now() / 1000);
      if (current !== second) {
        if (unsaid > 0) {
          log.warn("log.shortened", `${unsaid} more lines about ${what} were left out`, { unsaid });
        }
        second = current;
        said = 0;
        unsaid = 0;
      }
      if (said >= perSecondMax) {
        unsaid++;
        return;
      }
      said++;
      write();
    },
  };
}
