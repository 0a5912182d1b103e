import { Problem } from "./problems.ts";
import { VERSION } from "./version.ts";

/**
 * The level of a bus says by which rules, and with which columns, its entries are applied. All nodes
 * apply an entry by the level that the bus has at that entry. A bus begins at the newest level that its
 * first node knows, and rises by `bus.raise` when every node knows the next; it never falls.
 */
export const LEVEL_FIRST = 1;

/** The newest level that this unibus knows. Raised with every change of a rule or a row of `apply`. */
export const LEVEL_NEWEST = 2;

export function isLevel(level: number): boolean {
  return Number.isSafeInteger(level) && level >= LEVEL_FIRST;
}

/** The problem of a bus that is beyond this unibus. `where` says what names the level. */
export function levelTooOld(where: string, level: number): Problem {
  return new Problem(
    "level-too-old",
    `Cannot go on: ${where} is of level ${level} and unibus ${VERSION} knows levels up to ${LEVEL_NEWEST}, start a newer unibus here`,
  );
}
