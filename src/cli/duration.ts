import { Problem } from "../core/problems.ts";
import { type Given, textOf } from "./node-command.ts";

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;
const DURATION = /^([1-9][0-9]{0,7})([smhd])$/;

/** A duration option in seconds, e.g. `90s`, `30m`, `1h`, `7d`; undefined if it was not given. */
export function secondsOf(given: Given, name: string): number | undefined {
  const text = textOf(given, name);
  if (text === undefined) return undefined;
  const [, count, unit] = DURATION.exec(text) ?? [];
  // The units of the pattern are those of the table.
  if (count && unit) return Number(count) * SECONDS[unit as keyof typeof SECONDS];
  throw new Problem(
    "usage",
    `Cannot use --${name}: it must be a whole number and its unit, like 90s, 30m, 1h or 7d`,
  );
}
