import {
  REFUSAL_DELAY_MS_MAX,
  REFUSALS_DELAYED_MAX,
  REFUSALS_KEPT_MAX,
  REFUSED_SOURCES_MAX,
  REFUSED_SUBJECT_CHARS_MAX,
} from "../core/limits.ts";
import type { RefusalReport, Refused } from "../core/records.ts";

/** Counters and the last refusals, and how long an answer to a source that repeats itself waits. */
export interface Refusals {
  record(refused: Refused): void;
  /** Counts a refusal that is not kept among the last. */
  count(refused: Pick<Refused, "kind" | "reason" | "admitted">): void;
  /** How long to hold back the answer to a refused login, in ms; 0 for the first one of a source. */
  delayMs(refused: { readonly source: string; readonly at: number }): number;
  /** Call when an answer held back was given. */
  delayed(by: 1 | -1): void;
  report(): RefusalReport;
}

/** A source is forgiven when it was quiet for this long. */
const FORGIVEN_AFTER_MS = 60_000;
const FIRST_DELAY_MS = 20;
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

export function createRefusals(): Refusals {
  const counts: Record<string, number> = {};
  const last: Refused[] = [];
  const sources = new Map<string, { times: number; at: number }>();
  let waiting = 0;

  function timesOf(source: string, at: number): number {
    const known = sources.get(source);
    const times = known && at - known.at < FORGIVEN_AFTER_MS ? known.times + 1 : 1;
    // Taken out and put in again, so that the map's order is that of the last refusal.
    sources.delete(source);
    sources.set(source, { times, at });
    if (sources.size > REFUSED_SOURCES_MAX) {
      const oldest = sources.keys().next().value;
      if (oldest !== undefined) sources.delete(oldest);
    }
    return times;
  }

  function count({ kind, reason, admitted }: Parameters<Refusals["count"]>[0]): void {
    const name = `${admitted ? "soft." : ""}${kind}.${reason}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }

  return {
    count,
    record(refused) {
      count(refused);
      // Clients choose subjects; a list of them must not drive the admin's terminal.
      const subject = refused.subject.replace(UNSEEN, "?").slice(0, REFUSED_SUBJECT_CHARS_MAX);
      last.push({ ...refused, subject });
      if (last.length > REFUSALS_KEPT_MAX) last.shift();
    },
    delayMs({ source, at }) {
      const times = timesOf(source, at);
      if (times < 2 || waiting >= REFUSALS_DELAYED_MAX) return 0;
      return Math.min(FIRST_DELAY_MS * 2 ** Math.min(times - 2, 10), REFUSAL_DELAY_MS_MAX);
    },
    delayed(by) {
      waiting += by;
    },
    report: () => ({ counts: { ...counts }, last: [...last] }),
  };
}
