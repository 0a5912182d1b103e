import type { Actor } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";

/**
 * Refuses everybody but the local operator. Users and their names are not shown to `anonymous`, and
 * nobody else can be told apart until requests are signed.
 * Throws "forbidden".
 */
export function requireOperator(actor: Actor, action: string): void {
  if (actor.kind === "operator") return;
  throw new Problem("forbidden", `Cannot ${action}: only an admin or the local operator may`);
}
