import { Problem } from "../core/problems.ts";
import { type Given, textOf } from "./node-command.ts";

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;
const DURATION = /^([1-9][0-9]{0,7})([smhd])$/;

/**
 * A duration option in seconds, e.g. `90s`, `30m`, `1h`, `7d`; undefined if it was not given.
 * Throws `usage` for what is none, and for what is not between the two bounds, in ms.
 */
export function secondsOf(
  given: Given,
  name: string,
  { least = 0, most }: { readonly least?: number; readonly most: number },
): number | undefined {
  const text = textOf(given, name);
  if (text === undefined) return undefined;
  const [, count, unit] = DURATION.exec(text) ?? [];
  // The units of the pattern are those of the table.
  const seconds = count && unit ? Number(count) * SECONDS[unit as keyof typeof SECONDS] : null;
  if (seconds === null) {
    throw new Problem(
      "usage",
      `Cannot use --${name}: it must be a whole number and its unit, like 90s, 30m, 1h or 7d`,
    );
  }
  if (seconds * 1_000 > most) {
    throw new Problem("usage", `Cannot use --${name}: it is ${text}, and may be ${wordOf(most)}`);
  }
  if (seconds * 1_000 < least) {
    const why = `it is ${text}, and has to be ${least / 1_000}s at least`;
    throw new Problem("usage", `Cannot use --${name}: ${why}`);
  }
  return seconds;
}

function wordOf(most: number): string {
  const hours = most / (SECONDS.h * 1_000);
  return hours > 24 ? `${hours / 24}d at most` : `${hours}h at most`;
}
