import type { RoomId } from "../../src/core/ids.ts";
import type { TokenScope } from "../../src/core/operations.ts";
import type { ActorFacts } from "../../src/core/rules/actors.ts";
import { aUser } from "./builders.ts";

/** The key of whoever acts below, by itself or by a token. */
export const user = aUser("actor");

export const operator: ActorFacts = { kind: "operator" };
export const anonymous: ActorFacts = { kind: "anonymous" };
export const member: ActorFacts = { kind: "user", user, role: "member", token: null };
export const admin: ActorFacts = { kind: "user", user, role: "admin", token: null };
/** Whoever is no active user: revoked, or none yet. */
export const revoked: ActorFacts = { kind: "user", user, role: null, token: null };

/** An admin's token, for one room or for all. */
export function token(scope: TokenScope, room: RoomId | null = null): ActorFacts {
  return { kind: "user", user, role: "admin", token: { scope, room } };
}
